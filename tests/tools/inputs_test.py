"""Networks with further inputs and outputs through the verbs that need no data, and the words of those that do."""

import os
import unittest

from support import REST, ToolTest

NETWORK = """
network {
  input { name: "depth" dims: [1, 12, 12] }
  input { name: "age" dims: 3 }
  output: ["stem", "joined"]
  block {
    name: "conv"
    parameter { name: "filters" }
    layer { convolution { filters: $filters kernel: 3 } }
    layer { relu {} }
  }
  layer { name: "seen" concat {} input: ["image", "depth"] }
  layer { name: "stem" use { block: "conv" filters: 6 repeat: 2 } }
  layer { name: "other" use { block: "conv" filters: 6 } input: "stem.1" share: "stem.2" }
  layer { add {} input: ["stem", "other/conv1"] }
  layer { dense { units: 5 } }
  layer { name: "joined" concat {} input: ["fc1", "age"] }
  layer { dense { units: 4 } }
  layer { softmax_cross_entropy {} }
}
"""


class Inputs(ToolTest):
    def setUp(self):
        self.network = self.write("inputs.textproto", NETWORK + "data { image { height: 12 } }" + REST)

    def test_check(self):
        facts = self.kiln("check", self.network, "--json").json()
        self.assertEqual(facts["diagnostics"], [])
        self.assertEqual(facts["inputs"], [{"name": "depth", "dims": [1, 12, 12]}, {"name": "age", "dims": [3]}])
        layers = {layer["name"]: layer for layer in facts["layers"]}
        self.assertEqual(layers["seen"]["output"], [2, 12, 12])
        self.assertEqual(layers["joined"]["output"], [8])
        # What is shared counts once.
        self.assertEqual(layers["stem.2/conv1"]["parameters"], 6 * 6 * 9 + 6)
        self.assertEqual(layers["other/conv1"]["parameters"], 0)
        self.assertEqual(layers["other/conv1"]["flops"], layers["stem.2/conv1"]["flops"])
        self.assertEqual(facts["totals"]["parameters"], 2 * 6 * 9 + 6 + 6 * 6 * 9 + 6 + 6 * 64 * 5 + 5 + 8 * 4 + 4)
        self.assertRegex(self.kiln("check", self.network).out, r"(?m)^depth +input +1x12x12$")

    def test_show(self):
        for arguments in [(), ("--optimized",)]:
            text = self.kiln("show", self.network, "--function", "predict", *arguments).out
            self.assertRegex(text, r"func @predict\(%image: u8\[1,12,12,1\], %depth: f32\[1,1,12,12\], %age: f32\[1,3\]\)")
            self.assertRegex(text, r"return probability=%\S+, stem\.2/relu1=%\S+, joined=%\S+")

    def test_time(self):
        for phase in ["train", "predict"]:
            with self.subTest(phase):
                self.kiln("time", self.network, "--phase", phase, "--json")

    def test_data_without_them(self):
        with open(self.experiment, encoding="utf-8") as file:
            text = file.read()
        data = text[text.index("data {"):text.index("preprocess")]
        network = self.write("needs_more.textproto", NETWORK + data + REST)
        self.refused(3, ['idx gives no "depth"', 'idx gives no "age"'], "train", network, "--out", self.path("run"))
        self.assertFalse(os.path.exists(self.path("run")))


if __name__ == "__main__":
    unittest.main()
