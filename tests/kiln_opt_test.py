#!/usr/bin/env python3
"""kiln-opt as a user meets it: exit codes, messages and what goes to which stream. Usage: kiln_opt_test.py KILN_OPT"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

KILN_OPT = ""
TEXT = """state @w : f32[10,12] {role=parameter}
func @predict(%x: f32[2,12]) {
  %drop = dropout(%x) {stream=0x1}
  %fc = dense(%drop, @w)
  %y = relu(%fc)
  return y=%y
}
"""


def run(*arguments, text=TEXT):
    return subprocess.run([KILN_OPT, *arguments], input=text, text=True, capture_output=True)


class KilnOpt(unittest.TestCase):
    def test_prints_the_module(self):
        result = run("-", "--passes=eliminate_dropout,fuse_epilogue")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("%y = dense(%x, @w) {epilogue=[relu]}", result.stdout)
        self.assertEqual(run("-", text=result.stdout).stdout, result.stdout)

    def test_reads_files(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "net.ir"
            path.write_text(TEXT)
            self.assertEqual(run(str(path)).stdout, run("-").stdout)
            path.write_text(TEXT.replace("relu", "relux"))
            result = run(str(path))
            self.assertEqual((result.returncode, result.stderr), (3, f"{path}:5:8: no op 'relux'\n"))

    def test_expands_pipelines(self):
        result = run("-", "--passes=inference", "--cpu=v4", "--print-after=all")
        after = [line.split()[2].rstrip(":") for line in result.stdout.splitlines() if line.startswith("# after ")]
        self.assertEqual(after[0], "eliminate_dropout")
        self.assertEqual(after[-1], "order")
        self.assertIn("# after fold_preprocess: unchanged", result.stdout)
        one = run("-", "--passes=inference", "--cpu=v4", "--print-after=order").stdout
        self.assertTrue(result.stdout.endswith(one))

    def test_prints_the_plan_as_comments(self):
        result = run("-", "--passes=training", "--plan")
        self.assertIn("# func @predict arena=", result.stdout)
        self.assertEqual(run("-", text=result.stdout).stdout, run("-", "--passes=training").stdout)

    def test_lists_passes(self):
        lines = run("--list-passes").stdout.splitlines()
        self.assertTrue(lines[0].startswith("append_optimizer"))
        self.assertEqual([line.split()[0] for line in lines[-2:]], ["training", "inference"])

    def test_refuses_wrong_usage(self):
        for arguments, message in [
            ((), "no file given"),
            (("no/such/file",), "no/such/file cannot be read"),
            (("-", "--passes=simplify"), "no pass 'simplify'"),
            (("-", "--cpu=v5"), "no CPU level 'v5'"),
            (("-", "--passes=order", "--print-after=differentiate"), "pass 'differentiate' does not run"),
            (("-", "--faster"), "--faster"),
        ]:
            result = run(*arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ""), arguments)
            self.assertIn(message, result.stderr)

    def test_refuses_invalid_modules(self):
        for text, message in [
            ("func @f(", "-:1:9: expected '%', found the end of the text"),
            (TEXT.replace("y=%y", "loss=%y").replace("predict", "train_step"), "the loss is f32[2,10]"),
        ]:
            result = run("-", "--passes=differentiate", text=text)
            self.assertEqual((result.returncode, result.stdout), (3, ""), result.stderr)
            self.assertIn(message, result.stderr)
        result = run("-", "--plan")
        self.assertEqual(result.returncode, 3)
        self.assertIn("a plan needs kernels and layouts", result.stderr)

    def test_names_a_pass_that_fails(self):
        result = run("-", "--passes=assign_layouts")  # no kernel was chosen
        self.assertEqual(result.returncode, 1)
        self.assertIn("pass assign_layouts: ", result.stderr)
        replay = result.stderr.split("replay: kiln-opt ")[1].split()
        self.assertEqual(replay[1:], ["--passes=assign_layouts", "--cpu=x86-64"])
        self.assertEqual(run(*replay).returncode, 1)
        pathlib.Path(replay[0]).unlink()


if __name__ == "__main__":
    KILN_OPT = sys.argv.pop()
    unittest.main()
