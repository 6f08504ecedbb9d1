"""Every example of a kind of layer is right and trains; the pages of layers come with one for each kind, or not at all."""

import glob
import os
import re
import shutil
import subprocess
import sys
import unittest

from support import DATA, SOURCE_DIR, ToolTest

LAYERS = sorted(glob.glob(os.path.join(SOURCE_DIR, "examples/layers/*.textproto")))


class LayerExamples(ToolTest):
    def test_each_is_right(self):
        self.assertGreaterEqual(len(LAYERS), 33)
        for path in LAYERS:
            kind = os.path.splitext(os.path.basename(path))[0]
            with self.subTest(kind):
                result = self.kiln("check", path, "--json")
                self.assertEqual(result.json()["diagnostics"], [])
                self.assertIn(kind, {layer["kind"] for layer in result.json()["layers"]})

    def test_each_trains(self):
        """On the data of these tests, which are of the size and have the classes of the examples."""
        for path in LAYERS:
            kind = os.path.splitext(os.path.basename(path))[0]
            with self.subTest(kind):
                with open(path, encoding="utf-8") as file:
                    text, replaced = re.subn(r"data \{ image \{ height: 12 \} \}", DATA, file.read())
                self.assertEqual(replaced, 1)
                experiment = self.write(f"{kind}.textproto", text)
                out = self.path(kind)
                self.kiln("train", experiment, "--max-steps", "3", "--out", out, "-q")
                self.assertTrue(glob.glob(os.path.join(out, "checkpoints", "*.safetensors")))


class Pages(ToolTest):
    def generate(self, root):
        script = os.path.join(root, "scripts/generate-docs")
        return subprocess.run([sys.executable, "-B", script, os.path.join(root, "pages")], capture_output=True, text=True)

    def copy(self, name):
        root = self.path(name)
        for part in ["scripts", "frontend/proto", "frontend/lint", "ir/ops", "passes", "examples/layers"]:
            shutil.copytree(os.path.join(SOURCE_DIR, part), os.path.join(root, part))
        shutil.copy(os.path.join(SOURCE_DIR, "ir/ops.def"), os.path.join(root, "ir/ops.def"))
        return root

    def test_have_a_section_a_kind(self):
        root = self.copy("whole")
        result = self.generate(root)
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(os.path.join(root, "pages/ops.md"), encoding="utf-8") as file:
            page = file.read()
        for path in LAYERS:
            kind = os.path.splitext(os.path.basename(path))[0]
            section = re.search(rf"^### {kind}\n(.*?)^##", page, re.M | re.S)[1]
            self.assertIn("Output", section)
            self.assertIn(f"{kind} {{", section)
        pool = re.search(r"^### max_pool\n(.*?)^###", page, re.M | re.S)[1]
        self.assertRegex(pool, r"\| `kernel` \| whole number, or a list \| +\| One or two values. Must be given. \|")
        self.assertRegex(pool, r"\| `rounding` \| word \| FLOOR \| `FLOOR`: Windows that do not fit")

    def test_need_an_example_and_a_comment(self):
        root = self.copy("damaged")
        os.remove(os.path.join(root, "examples/layers/relu.textproto"))
        schema = os.path.join(root, "frontend/proto/kiln.proto")
        with open(schema, encoding="utf-8") as file:
            text = file.read()
        with open(schema, "w", encoding="utf-8") as file:
            file.write(re.sub(r"(//.*\n)+message Gelu ", "\nmessage Gelu ", text))
        result = self.generate(root)
        self.assertEqual(result.returncode, 1)
        self.assertIn("there is no examples/layers/relu.textproto", result.stderr)
        self.assertIn("Gelu has no comment", result.stderr)


if __name__ == "__main__":
    unittest.main()
