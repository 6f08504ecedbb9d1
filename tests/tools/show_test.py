"""kiln render and kiln show: texts that can be read back, by people and by programs."""

import re
import shutil
import subprocess
import unittest

from support import KILN_OPT, ToolTest, run


class Render(ToolTest):
    def test_reads_back_as_the_same(self):
        once = self.kiln("render", self.experiment).out
        twice = self.kiln("render", self.write("rendered.textproto", once)).out
        self.assertEqual(twice, once)
        # Defaults and derived names are there.
        for words in ["seed: 1", "shuffle: true", 'name: "conv1"', "evaluation_batch: 32", "stride: [1, 1]"]:
            self.assertIn(words, once)
        self.assertIn(f'train_images: "{self.directory}/train-images.gz"', once)

    def test_overrides_are_in_it(self):
        changed = self.kiln("render", self.experiment, "--set", "network.layer.conv1.convolution.filters=9", "--seed", "8").out
        self.assertIn("filters: 9", changed)
        self.assertIn("seed: 8", changed)


class Show(ToolTest):
    def test_text_is_ir(self):
        text = self.kiln("show", self.experiment_without_data).out
        for function in ["train_step", "evaluate", "predict"]:
            self.assertEqual(text.count(f"func @{function}("), 1)
        self.assertNotIn("conv2d_backward", text)
        # kiln-opt reads it and prints it alike.
        again = run("-", program=KILN_OPT, stdin=text)
        self.assertEqual(again.code, 0, again)
        self.assertEqual(again.out, text)

    def test_function(self):
        text = self.kiln("show", self.experiment_without_data, "--function", "predict").out
        self.assertEqual(re.findall(r"func @([\w.]+)", text), ["predict"])

    def test_optimized(self):
        text = self.kiln("show", self.experiment_without_data, "--optimized").out
        self.assertIn("conv2d_backward_weights", text)
        self.assertIn("sgd_update", text)
        self.assertIn("kernel=", text)
        self.assertRegex(text, r"(?m)^# plan ")
        self.assertRegex(text, r"buffer \d+ .*arena \+\d+ \d+ bytes")
        predict = self.kiln("show", self.experiment_without_data, "--optimized", "--function", "predict").out
        self.assertNotIn("sgd_update", predict)
        self.assertNotIn("dropout", predict)
        # The scale went into the weights: nothing is left to be scaled when running.
        self.assertNotRegex(predict, r"= (fold_scale|fold_shift|convert_layout)\(@")

    def test_print_after(self):
        text = self.kiln("show", self.experiment_without_data, "--optimized", "--function", "train_step", "--print-after",
                         "differentiate").out
        self.assertIn("# after differentiate\n", text)
        self.assertNotIn("# after order\n", text)

    def test_dot(self):
        text = self.kiln("show", self.experiment, "--format", "dot").out
        self.assertRegex(text, r'^digraph "blobs" \{\n')
        self.assertEqual(text.count("{"), text.count("}"))
        nodes = re.findall(r'(?m)^  ("?[\w.]+"?) \[label=', text)
        edges = re.findall(r'(?m)^  ("?[\w.]+"?) -> ("?[\w.]+"?)$', text)
        self.assertEqual(len(nodes), 1 + 8)
        self.assertEqual(len(edges), 8)
        for source, target in edges:
            self.assertIn(source.replace('"image"', "image"), nodes)
            self.assertIn(target, nodes)
        self.assertIn("6x12x12", text)
        if shutil.which("dot"):
            subprocess.run(["dot", "-Tsvg"], input=text, text=True, check=True, capture_output=True)

    def test_code(self):
        llvm = self.kiln("show", self.experiment_without_data, "--format", "llvm", "--function", "predict").out
        self.assertIn("define ", llvm)
        self.assertIn("@kiln_conv2d_", llvm)
        self.assertNotIn("backward", llvm)
        assembly = self.kiln("show", self.experiment_without_data, "--format", "asm", "--function", "predict", "--cpu", "x86-64").out
        self.assertRegex(assembly, r"(?m)^kiln_conv2d_\w+:$")
        self.assertIn("mulps", assembly)
        self.assertNotIn("zmm", assembly)


if __name__ == "__main__":
    unittest.main()
