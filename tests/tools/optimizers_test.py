"""Every optimiser learns from synthetic data; threads, kills and resuming change no bit, whatever it keeps of a weight."""

import json
import unittest

from support import ToolTest

EXPERIMENT = """
network {
  layer { convolution { filters: 6 kernel: 3 padding: 1 stride: 2 } }
  layer { relu {} }
  layer { dense { units: 5 } }
  layer { softmax_cross_entropy {} }
}
data { synthetic { train_samples: 256 test_samples: 37 } image { channels: 3 height: 10 width: 9 } }
preprocess { scale: 0.00392156862745098 mean: 0.5 std: 0.25 }
training { batch: 16 epochs: 2 seed: 3 %s learning_rate { start: %g } }
"""

# Name: the optimiser, its rate, and the tensors that it keeps of each of the four parameters.
OPTIMIZERS = {
    "sgd": ("sgd {}", 0.02, ["velocity"]),
    "nesterov": ("sgd { momentum: 0.9 nesterov: true weight_decay: 0.001 }", 0.01, ["velocity"]),
    "adagrad": ("adagrad {}", 0.02, ["sum"]),
    "rmsprop": ("rmsprop { momentum: 0.5 decay: 0.9 }", 0.002, ["square", "velocity"]),
    "adadelta": ("adadelta {}", 1, ["square", "delta"]),
    "adam": ("adam { weight_decay: 0.001 }", 0.005, ["first", "second"]),
    "adamw": ("adamw {}", 0.005, ["first", "second"]),
}


class Optimizers(ToolTest):
    def train(self, name, out, *arguments):
        optimizer, rate, _ = OPTIMIZERS[name]
        experiment = self.write(f"{name}.textproto", EXPERIMENT % (optimizer, rate))
        return self.kiln("train", experiment, "--json", "--progress", "none", "--out", self.path(out), *arguments).json()

    def test_each_learns_and_keeps_its_bits(self):
        hashes = set()
        for name, (_, _, kept) in OPTIMIZERS.items():
            with self.subTest(name):
                facts = self.train(name, name, "--threads", 1)
                with open(self.path(f"{name}/metrics.jsonl"), encoding="utf-8") as file:
                    losses = [row["loss"] for row in map(json.loads, file) if row["kind"] == "step"]
                self.assertEqual(len(losses), 32)
                self.assertLess(sum(losses[-4:]), 0.7 * sum(losses[:4]), losses)
                hashes.add(facts["weights_sha256"])
                # What it keeps, and how many steps it has made, survive.
                self.train(name, f"{name}-part", "--threads", 2, "--max-steps", 11)
                resumed = self.train(name, f"{name}-part", "--threads", 2, "--resume")
                self.assertEqual(resumed["weights_sha256"], facts["weights_sha256"])
                shown = self.kiln("check", self.path(f"{name}.textproto"), "--json").json()
                parameters = shown["totals"]["parameters"]
                self.assertGreaterEqual(shown["memory"]["training"]["states_bytes"], 4 * parameters * (1 + len(kept)))
        self.assertEqual(len(hashes), len(OPTIMIZERS))


if __name__ == "__main__":
    unittest.main()
