"""At fixed weights the mean of the gradients of an epoch's batches is the gradient of all samples, whatever the batch."""

import array
import json
import os
import random
import struct
import subprocess
import unittest

from support import KILN, ToolTest

RUN_STEP = os.path.join(os.path.dirname(KILN), "tests/run_step")
SAMPLES = 64

EXPERIMENT = """
network {
  layer { convolution { filters: 7 kernel: 3 padding: 1 } }
  layer { relu {} }
  layer { max_pool { kernel: 2 } }
  layer { dense { units: 18 } }
  layer { tanh {} }
  layer { dense { units: 5 } }
  layer { softmax_cross_entropy { label_smoothing: 0.1 } }
}
data { image { channels: 3 height: 12 } }
preprocess { scale: 0.00392156862745098 mean: 0.5 std: 0.25 }
training { batch: 64 epochs: 1 sgd { momentum: 0.9 weight_decay: 0.01 } learning_rate { start: 0.1 } }
"""


def write_safetensors(path, tensors):
    """name -> (type, dims, bytes)"""
    header, offset = {}, 0
    for name, (kind, dims, content) in tensors.items():
        header[name] = {"dtype": kind, "shape": dims, "data_offsets": [offset, offset + len(content)]}
        offset += len(content)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(content for _, _, content in tensors.values()))


def read_gradients(path):
    with open(path, "rb") as file:
        content = file.read()
    length = struct.unpack("<Q", content[:8])[0]
    gradients = {}
    for name, entry in json.loads(content[8 : 8 + length]).items():
        if name.startswith("gradient:"):
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            gradients[name] = array.array("f", content[begin:end])
    return gradients


class GradientMean(ToolTest):
    def setUp(self):
        draw = random.Random(5)
        self.images = [bytes(draw.randrange(256) for _ in range(12 * 12 * 3)) for _ in range(SAMPLES)]
        self.labels = [struct.pack("<i", draw.randrange(5)) for _ in range(SAMPLES)]
        self.weights = {}
        self.experiment_file = self.write("gradients.textproto", EXPERIMENT)

    def state(self, name, dims):
        if name not in self.weights:
            draw = random.Random(name)
            count = 1
            for dim in dims:
                count *= dim
            self.weights[name] = array.array("f", (draw.gauss(0, 0.2) for _ in range(count))).tobytes()
        return ("F32", dims, self.weights[name])

    def mean_gradients(self, batch):
        process = subprocess.Popen([RUN_STEP, self.experiment_file, str(batch), "2"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        states = {}
        for line in process.stdout:
            words = line.split()
            if words[0] == "ready":
                break
            states[words[1]] = self.state(words[1], [int(dim) for dim in words[3:]])
        sums = {}
        for begin in range(0, SAMPLES, batch):
            inputs = {"image": ("U8", [batch, 12, 12, 3], b"".join(self.images[begin : begin + batch])),
                      "label": ("I32", [batch], b"".join(self.labels[begin : begin + batch])),
                      "learning_rate": ("F32", [1], struct.pack("<f", 0.0))}
            write_safetensors(self.path("in"), dict(sorted({**states, **inputs}.items(), key=lambda item: item[1][0] == "U8")))
            process.stdin.write(f"train {self.path('in')} {self.path('out')}\n")
            process.stdin.flush()
            self.assertEqual(process.stdout.readline().strip(), "done")
            for name, values in read_gradients(self.path("out")).items():
                kept = sums.setdefault(name, [0.0] * len(values))
                for i, value in enumerate(values):
                    kept[i] += value * batch / SAMPLES
        process.stdin.close()
        process.wait()
        process.stdout.close()
        return sums

    def test_does_not_depend_on_the_batch(self):
        whole = self.mean_gradients(SAMPLES)
        self.assertEqual(len(whole), 6)
        for batch in [1, 8]:
            for name, values in self.mean_gradients(batch).items():
                size = max(abs(value) for value in whole[name])
                self.assertGreater(size, 0)
                for a, b in zip(values, whole[name]):
                    self.assertLess(abs(a - b), 1e-5 * size, f"{name}, batch {batch}")


if __name__ == "__main__":
    unittest.main()
