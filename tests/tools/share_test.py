"""Networks with shared parameters: they train, to the same bits for any number of threads, and predict what they test."""

import math
import unittest

from support import DATA, REST, TEST_SAMPLES, ToolTest

# A convolution used three times, twice before a batch norm of its own, so that folding it into the weights must not
# touch what the others see; a batch norm, running statistics included, used twice; and a weight of another layer.
NETWORK = """
network {
  block {
    name: "part"
    layer { convolution { filters: 6 kernel: 3 padding: 1 bias: false } }
    layer { batch_norm {} }
    layer { relu {} }
  }
  layer { convolution { filters: 6 kernel: 1 } }
  layer { name: "first" use { block: "part" repeat: 2 } }
  layer { name: "again" use { block: "part" } share: "first.1" }
  layer { convolution { filters: 6 kernel: 3 padding: 1 bias: false } share: "first.2/conv1" }
  layer { batch_norm {} }
  layer { relu {} }
  layer { max_pool { kernel: 2 } }
  layer { dense { units: 4 } }
  layer { relu {} }
  layer { name: "square1" dense { units: 4 } }
  layer { name: "square2" dense { units: 4 } share: "square1.weight" }
  layer { softmax_cross_entropy {} }
}
"""


class Share(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.network = cls.write("shared.textproto", NETWORK + DATA + REST)

    def test_trains_to_the_same_bits_and_predicts_what_it_tests(self):
        runs = []
        for threads in (1, 2):
            out = self.path(f"run{threads}")
            runs.append(self.kiln("train", self.network, "--threads", threads, "--out", out, "--json", "-q").json())
        self.assertEqual(runs[0]["weights_sha256"], runs[1]["weights_sha256"])
        self.assertLess(runs[0]["train_loss"], math.log(4) * 0.7)

        tested = self.kiln("test", self.network, "--out", self.path("run1"), "--json").json()
        predicted = self.kiln("predict", self.network, f"0-{TEST_SAMPLES - 1}", "--out", self.path("run1"), "--top", "4",
                              "--json").json()
        loss = 0
        for sample in predicted["samples"]:
            right = next(each for each in sample["top"] if each["class"] == sample["label"])
            loss -= math.log(right["probability"]) / TEST_SAMPLES
        self.assertEqual(predicted["count"], TEST_SAMPLES)
        self.assertAlmostEqual(loss, tested["test_loss"], delta=1e-4 * (1 + tested["test_loss"]))
        self.assertAlmostEqual(predicted["correct"] / TEST_SAMPLES, tested["test_accuracy"], delta=1.5 / TEST_SAMPLES)

    def test_checkpoints_hold_what_is_shared_once(self):
        facts = self.kiln("check", self.network, "--json").json()
        layers = {layer["name"]: layer["parameters"] for layer in facts["layers"]}
        self.assertEqual(layers["first.1/conv1"], 6 * 6 * 9)
        self.assertEqual((layers["again/conv1"], layers["again/bn1"], layers["conv2"]), (0, 0, 0))
        self.assertEqual(layers["square2"], 4)


if __name__ == "__main__":
    unittest.main()
