"""A run that diverges says in which layer and tensor, and of which samples, and keeps its last good checkpoint."""

import json
import os
import random
import struct
import unittest
import zipfile

from support import CLASSES, REST, SIDE, ToolTest, npy, read_file, run

AGE = """
network {
  input { name: "age" dims: 3 }
  layer { dense { units: 5 } input: "image" }
  layer { name: "joined" concat {} input: ["fc1", "age"] }
  layer { dense { units: 4 } }
  layer { softmax_cross_entropy {} }
}
data { npz { train { file: "ages.npz" } } }
"""


def read_weights(path):
    """Names, shapes and values of a safetensors file."""
    data = read_file(path)
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    return {name: (entry["shape"], list(memoryview(data[8 + length :][slice(*entry["data_offsets"])]).cast("f")))
            for name, entry in header.items() if name != "__metadata__"}


def write_weights(path, tensors):
    header, payload = {}, b""
    for name, (shape, values) in tensors.items():
        content = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(payload), len(payload) + len(content)]}
        payload += content
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + payload)


class Divergence(ToolTest):
    def diverges(self, words, *arguments):
        result = self.kiln("train", *arguments, "--progress", "none", code=5)
        error = result.err.splitlines()[-1]
        for word in ["training diverged: the loss is ", *words]:
            self.assertIn(word, error)
        return error

    def test_the_first_bad_value_is_named(self):
        run("train", self.experiment, "--out", self.path("begun"), "--max-steps", 1, "--progress", "none")
        weights = read_weights(self.path("begun/checkpoints/last.safetensors"))
        # The convolution overflows where the image is not black.
        shape, values = weights["conv1.weight"]
        weights["conv1.weight"] = shape, [value * 1e38 for value in values]
        write_weights(self.path("huge.safetensors"), weights)
        words = ["at step 1 (epoch 1", "conv2d of layer conv1, relu1", "relu1 f32[32,6,12,12] holds ", " infinite among 27648 values"]
        error = self.diverges(words, self.experiment, "--out", self.path("huge"), "--weights", self.path("huge.safetensors"))
        self.assertNotIn("checkpoint", error)
        # A trainer says the same.
        self.kiln("build", self.experiment, "--emit=trainer", "-o", self.path("trainer"))
        told = run("--out", self.path("by-trainer"), "--weights", self.path("huge.safetensors"), "--progress", "none", "--threads", 1,
                   program=self.path("trainer"), cwd=self.directory)
        self.assertEqual(told.code, 5)
        self.assertEqual(told.err.splitlines()[-1].split("error: ")[1].replace(self.directory + "/", ""),
                         error.split("error: ")[1].replace(self.directory + "/", ""))

    def test_the_sample_is_named(self):
        draw = random.Random(5)
        samples = 64
        ages = [draw.random() for _ in range(3 * samples)]
        ages[3 * 17 + 1] = float("nan")
        arrays = {"image": npy((samples, SIDE, SIDE), "|u1", bytes(draw.randrange(256) for _ in range(samples * SIDE * SIDE))),
                  "label": npy((samples,), "<i4", struct.pack(f"<{samples}i", *(draw.randrange(CLASSES) for _ in range(samples)))),
                  "age": npy((samples, 3), "<f4", struct.pack(f"<{3 * samples}f", *ages))}
        with zipfile.ZipFile(self.path("ages.npz"), "w") as archive:
            for name, content in arrays.items():
                archive.writestr(name + ".npy", content)
        experiment = self.write("ages.textproto", AGE + REST)
        error = self.diverges(["the input age f32[32,3] holds 1 NaN among 96 values, of the sample ", "17"], experiment, "--out",
                              self.path("ages"))
        self.assertEqual(error.count("sample "), 2, error)

    def test_an_update_that_spoilt_the_weights(self):
        out = self.path("spoilt")
        self.kiln("train", self.experiment, "--out", out, "--epochs", 1, "--progress", "none")
        checkpoint = out + "/checkpoints/last.safetensors"
        good = read_file(checkpoint)
        # The rate of the second epoch's first step is infinite as a float.
        rate = ["--set", "training.learning_rate.step.every=8", "--set", "training.learning_rate.unit=STEP",
                "--set", "training.learning_rate.step.gamma=1e30", "--set", "training.learning_rate.start=1e15"]
        error = self.diverges(["at step 10 (epoch 2", "the update of the step before had already made weights that are not finite", ".weight f32[",
                       f"the last good checkpoint is {checkpoint}"], self.experiment, "--out", out, "--resume", *rate)
        self.assertEqual(read_file(checkpoint), good)
        # The step before is run again from the checkpoint, and the update told that overflowed, not what it made later.
        self.assertRegex(error, r"that step, run again, the first step with a value that is not finite is sgd_update of layer \w+: ")
        self.assertFalse(os.path.exists(out + "/checkpoints/last.safetensors.tmp"))


if __name__ == "__main__":
    unittest.main()
