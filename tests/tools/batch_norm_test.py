"""Batch norm through the driver: it trains, its statistics are saved with the weights, predict folds it."""

import json
import math
import os
import signal
import struct
import time
import unittest

from support import DATA, REST, TEST_SAMPLES, ToolTest, start

NETWORK = """
network {
  layer { convolution { filters: 6 kernel: 3 padding: 1 bias: false } }
  layer { batch_norm {} }
  layer { relu {} }
  layer { max_pool { kernel: 2 } }
  layer { convolution { filters: 18 kernel: 3 padding: 1 } }
  layer { batch_norm { momentum: 0.05 } }
  layer { relu {} }
  layer { dense { units: 20 } }
  layer { batch_norm { affine: false } }
  layer { relu {} }
  layer { dense { units: 4 } }
  layer { softmax_cross_entropy {} }
}
"""


def tensors(path):
    """Name -> values of a safetensors file."""
    with open(path, "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    result = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = (8 + size + at for at in entry["data_offsets"])
            result[name] = struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])
    return result


class BatchNorm(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.experiment = cls.write("normed.textproto", 'name: "normed"\n' + NETWORK + DATA + REST)

    def train(self, out, *arguments):
        return self.kiln("train", self.experiment, "--json", "--out", self.path(out), *arguments).json()

    def test_trains_and_keeps_statistics(self):
        facts = self.train("trained", "--threads", 1)
        self.assertGreater(facts["test_accuracy"], 0.95)
        saved = tensors(self.path("trained/checkpoints/last.safetensors"))
        for layer, channels in [("bn1", 6), ("bn2", 18), ("bn3", 20)]:
            self.assertEqual(len(saved[f"{layer}.mean"]), channels)
            self.assertTrue(all(value > 0 for value in saved[f"{layer}.variance"]))
            self.assertTrue(any(value != 0 for value in saved[f"{layer}.mean"]))
        self.assertNotIn("bn3.scale", saved)
        # No optimiser state belongs to a statistic.
        velocities = [name for name in saved if "velocity" in name]
        self.assertTrue(velocities)
        self.assertFalse([name for name in velocities if "mean" in name or "variance" in name])
        self.assertEqual(self.train("threads", "--threads", 3)["weights_sha256"], facts["weights_sha256"])
        # A momentum of its own changes no parameter, but the statistics, and so the hash.
        other = self.train("momentum", "--set", "network.layer[1].batch_norm.momentum=0.5")
        self.assertNotEqual(other["weights_sha256"], facts["weights_sha256"])

    def test_folded_prediction_is_evaluation(self):
        self.train("folded", "--epochs", 2)
        weights = self.path("folded/checkpoints/last.safetensors")
        tested = self.kiln("test", self.experiment, "--weights", weights, "--json").json()
        shown = self.kiln("show", self.experiment, "--function", "predict", "--optimized").out
        self.assertNotIn("batch_norm", shown)
        predicted = self.kiln("predict", self.experiment, "--weights", weights, "--json", f"0-{TEST_SAMPLES - 1}").json()
        self.assertAlmostEqual(predicted["correct"] / TEST_SAMPLES, tested["test_accuracy"], 6)
        losses = []
        for sample in predicted["samples"]:
            probability = {entry["class"]: entry["probability"] for entry in sample["top"]}
            losses.append(-math.log(probability[sample["label"]]))
        self.assertEqual(len(losses), TEST_SAMPLES)
        self.assertAlmostEqual(sum(losses) / TEST_SAMPLES, tested["test_loss"], 4)

    def test_kill_and_resume(self):
        arguments = ["train", self.experiment, "--json", "--progress", "none", "--epochs", 1000, "--max-steps", 600, "--set",
                     "training.checkpoint_every_steps=3", "--set", "training.evaluate_every_epochs=0"]
        begin = time.monotonic()
        whole = self.kiln(*arguments, "--out", self.path("whole")).json()
        seconds = time.monotonic() - begin
        kills = 0
        for part in [0.5, 0.7]:
            process = start(*arguments, "--out", self.path("killed"), "--resume")
            time.sleep(seconds * part)
            process.send_signal(signal.SIGKILL)
            process.communicate()
            kills += process.returncode == -signal.SIGKILL
        self.assertGreater(kills, 0)
        self.assertTrue(os.path.exists(self.path("killed/checkpoints/last.safetensors")))
        again = self.kiln(*arguments, "--out", self.path("killed"), "--resume").json()
        self.assertEqual(again["weights_sha256"], whole["weights_sha256"])


if __name__ == "__main__":
    unittest.main()
