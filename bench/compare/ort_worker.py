"""Times inference in ONNX Runtime, or runs it once: a process that compare.py starts with an interpreter that has the
package. ort_worker.py MODEL.onnx THREADS prints "ready VERSION"; then each line of input is
"time IN.npy SECONDS" (answered by the median in ms) or "run IN.npy OUT.npy" (answered by "done")."""
import sys

import numpy as np
import onnxruntime

from timing import median_ms


def main():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = int(sys.argv[2]), 1
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    print("ready", onnxruntime.__version__, flush=True)
    for line in sys.stdin:
        verb, path, third = line.split()
        image = np.load(path)
        if verb == "time":
            print(median_ms(lambda: session.run(None, {"image": image}), float(third)), flush=True)
        else:
            np.save(third, session.run(None, {"image": image})[0])
            print("done", flush=True)


main()
