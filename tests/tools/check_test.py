"""kiln check: the facts it states about networks whose facts are known."""

import os
import re
import unittest

from support import SOURCE_DIR, ToolTest


class Check(ToolTest):
    def lenet(self):
        """The example, without its data files: they need not be there."""
        with open(os.path.join(SOURCE_DIR, "examples/fashion_mnist/lenet.textproto"), encoding="utf-8") as file:
            text = file.read()
        text, replaced = re.subn(r"\n  idx \{.*?\n  \}", "\n  image { height: 28 }", text, flags=re.S)
        self.assertEqual(replaced, 1)
        return self.write("lenet.textproto", text)

    def test_lenet_is_caffes(self):
        facts = self.kiln("check", self.lenet(), "--json").json()
        layers = {layer["name"]: layer for layer in facts["layers"]}
        # Weights and biases of Caffe's LeNet.
        self.assertEqual(facts["totals"]["parameters"], 431080)
        self.assertEqual(layers["conv1"]["parameters"], 20 * 25 + 20)
        self.assertEqual(layers["conv2"]["parameters"], 50 * 20 * 25 + 50)
        self.assertEqual(layers["fc1"]["parameters"], 800 * 500 + 500)
        self.assertEqual(layers["fc2"]["parameters"], 500 * 10 + 10)
        self.assertEqual(layers["conv1"]["output"], [20, 24, 24])
        self.assertEqual(layers["pool2"]["output"], [50, 4, 4])
        self.assertEqual(layers["fc2"]["output"], [10])
        # A multiply-add counts 2; the bias is an addition for each result.
        self.assertEqual(layers["conv1"]["flops"], 24 * 24 * 20 * (2 * 25 + 1))
        self.assertEqual(layers["conv2"]["flops"], 8 * 8 * 50 * (2 * 500 + 1))
        self.assertEqual(layers["fc1"]["flops"], 500 * (2 * 800 + 1))
        self.assertEqual(sum(layer["flops"] for layer in facts["layers"]), facts["totals"]["flops_per_sample"])
        # Backward needs about twice as much as forward, less the first layer's input gradient.
        ratio = facts["totals"]["training_flops_per_sample"] / facts["totals"]["flops_per_sample"]
        self.assertGreater(ratio, 2.5)
        self.assertLess(ratio, 3.5)
        self.assertEqual(facts["class_names"][0], "T-shirt/top")
        self.assertEqual(len(facts["class_names"]), 10)

    def test_text(self):
        text = self.kiln("check", self.lenet(), "--threads", "3").out
        self.assertRegex(text, r"(?m)^conv2 +convolution +50x8x8 +25,050 ")
        self.assertRegex(text, r"(?m)^total +431,080 ")
        self.assertRegex(text, r"memory for training with batch 64: [\d,]+ \+ [\d,]+ x threads bytes, [\d,]+ with 3 ")
        self.assertRegex(text, r"memory for inference with batch 1: [\d,]+ \+ [\d,]+ x threads bytes, [\d,]+ with 3 ")
        self.assertIn("10 classes: T-shirt/top, trouser", text)
        self.assertNotIn("kernels of", text)

    def test_kernels_and_refusals(self):
        text = self.kiln("check", self.lenet(), "-v").out
        self.assertIn("kernels of train_step", text)
        self.assertIn("kernels of predict", text)
        self.assertRegex(text, r"conv2d +conv2, relu2 +blocked +first: 20 input channels, more than 4")
        self.assertRegex(text, r"dense +fc1, relu3 +direct +tiled: predict adds up alike in every batch")
        kernels = self.kiln("check", self.lenet(), "-v", "--json").json()["kernels"]
        chosen = {(kernel["function"], kernel["op"], kernel["layer"]): kernel for kernel in kernels}
        self.assertEqual(chosen["train_step", "conv2d", "conv1, relu1"]["kernel"], "first")
        self.assertEqual(chosen["train_step", "conv2d", "conv1, relu1"]["refusals"], [])
        self.assertEqual(chosen["train_step", "dense", "fc1, relu3"]["kernel"], "tiled")

    def test_memory_depends_on_the_batch_and_follows_it(self):
        small = self.kiln("check", self.lenet(), "--json", "--batch", "64").json()["memory"]
        large = self.kiln("check", self.lenet(), "--json", "--batch", "128").json()["memory"]
        self.assertGreater(large["training"]["arena_bytes"], 1.7 * small["training"]["arena_bytes"])
        self.assertEqual(large["training"]["states_bytes"], small["training"]["states_bytes"])
        self.assertEqual(large["inference"], small["inference"])
        # Weights and momentum, in blocks of lanes and 64-byte units.
        self.assertGreaterEqual(small["training"]["states_bytes"], 2 * 4 * 431080)
        self.assertLess(small["inference"]["fixed_bytes"], small["training"]["fixed_bytes"])

    def test_several_problems_at_once(self):
        path = self.write("broken.textproto", """
network {
  layer { convolution { filters: 0 kernel: 3 } }
  layer { relu {} }
  layer { dense { units: -5 } }
  layer { softmax_cross_entropy {} }
}
data { image { height: 12 } }
training { batch: 64 epochs: 0 sgd { momentum: 1.5 } learning_rate { start: 0.01 } }
""")
        text = self.kiln("check", path, code=3).err
        for place in [r"3:\d+", r"5:\d+", r"9:22", r"9:38"]:
            self.assertRegex(text, rf"(?m)^{re.escape(path)}:{place}: error: ")
        told = self.kiln("check", path, "--json", code=3).json()
        self.assertGreaterEqual(len(told["diagnostics"]), 4)


if __name__ == "__main__":
    unittest.main()
