"""Networks with further inputs and outputs: through the verbs that need no data, and on arrays that hold them."""

import os
import random
import struct
import unittest
import zipfile

from support import CLASSES, REST, SIDE, ToolTest, npy, run

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

    def write_arrays(self, split, samples, seed):
        """The age alone says which class it is; image and depth are a little noise."""
        draw = random.Random(seed)
        labels = [draw.randrange(CLASSES) for _ in range(samples)]
        noise = [draw.random() / 10 for _ in range(samples * SIDE * SIDE)]
        ages = [value for label in labels for value in (label // 2, label % 2, 0.5)]
        arrays = {"image": npy([samples, SIDE, SIDE], "|u1", bytes(map(draw.randrange, [20] * len(noise)))),
                  "depth": npy([samples, 1, SIDE, SIDE], "<f4", struct.pack(f"<{samples * SIDE * SIDE}f", *noise)),
                  "age": npy([samples, 3], "<f8", struct.pack(f"<{3 * samples}d", *ages)),
                  "label": npy([samples], "<i8", struct.pack(f"<{samples}q", *labels))}
        with zipfile.ZipFile(self.path(f"{split}.npz"), "w") as archive:
            for name, content in arrays.items():
                archive.writestr(f"{name}.npy", content)
                with open(self.path(f"{split}_{name}.npy"), "wb") as file:
                    file.write(content)

    def test_arrays_give_them(self):
        self.write_arrays("train", 256, 1)
        self.write_arrays("test", 100, 2)
        rest = REST.replace("epochs: 4", "epochs: 8").replace("std: 0.2", "std: 0.4")  # images are nearly black
        packed = self.write("packed.textproto", NETWORK + 'data { npz { train { file: "train.npz" } '
                            'test { file: "test.npz" } } }' + rest)
        trained = self.kiln("train", packed, "--json", "--out", self.path("packed")).json()
        self.assertGreater(trained["test_accuracy"], 0.9)
        tested = self.kiln("test", packed, "--json", "--out", self.path("packed")).json()
        self.assertEqual(tested["test_accuracy"], trained["test_accuracy"])
        predicted = self.kiln("predict", packed, "--json", "--out", self.path("packed"), "0-99").json()
        self.assertEqual(predicted["correct"], round(100 * trained["test_accuracy"]))

        trainer = self.path("packed-trainer")
        self.kiln("build", packed, "--emit=trainer", "-o", trainer)
        native = run("--json", "--out", self.path("native"), program=trainer)
        self.assertEqual(native.code, 0, native)
        self.assertEqual(native.json()["weights_sha256"], trained["weights_sha256"])

        def part(split):
            inputs = "".join(f'input {{ name: "{name}" array: "{split}_{name}.npy" }} ' for name in ["age", "depth"])
            return f'{split} {{ image: "{split}_image.npy" label: "{split}_label.npy" {inputs} }} '

        loose = self.write("loose.textproto", NETWORK + f'data {{ npz {{ {part("train")} {part("test")} }} }}' + rest)
        again = self.kiln("train", loose, "--json", "--threads", 1, "--out", self.path("loose")).json()
        self.assertEqual(again["weights_sha256"], trained["weights_sha256"])
        # What stays for tests takes its rows of every array along.
        split = self.write("split.textproto", NETWORK + 'data { npz { train { file: "train.npz" } } split { test: 0.3 } }'
                           + rest)
        fewer = self.kiln("train", split, "--epochs", 24, "--json", "--out", self.path("split")).json()
        self.assertGreater(fewer["test_accuracy"], 0.9)
        self.kiln("check", split, "--data")

        wrong = NETWORK.replace("dims: 3", "dims: 4").replace("1, 12, 12", "2, 12, 12")
        self.refused(3, ['input "age" is 4, but the data hold 3', 'input "depth" is 2x12x12, but the data hold 1x12x12'],
                     "check", self.write("wrong.textproto", wrong + 'data { npz { train { file: "train.npz" } } }' + rest))
        self.refused(4, ['no array named "weight"; it has image, depth, age, label'], "check",
                     self.write("missing.textproto", NETWORK.replace('"age"', '"weight"') +
                                'data { npz { train { file: "train.npz" } } }' + rest))
        self.refused(3, ['no array is named for the network\'s input "depth"', 'the network has no input "aeg"',
                         'did you mean "age"?'], "check",
                     self.write("unnamed.textproto", NETWORK + 'data { npz { train { image: "train_image.npy" '
                                'label: "train_label.npy" input { name: "aeg" array: "train_age.npy" } } } }' + rest))


if __name__ == "__main__":
    unittest.main()
