"""Wrong command lines, unreadable files and outputs that cannot be written: words, exit codes, never a crash."""

import json
import subprocess
import unittest

from support import KILN, ToolTest, run


class Usage(ToolTest):
    def test_help_and_version_go_to_stdout(self):
        self.assertRegex(self.kiln("--version").out, r"^kiln \d+\.\d+\.\d+\n$")
        help_text = self.kiln("--help").out
        for verb in ["train", "test", "predict", "check", "time", "render", "show"]:
            self.assertIn(f"\n  {verb} ", help_text)
            own = self.kiln(verb, "--help")
            self.assertIn(f"Usage: kiln {verb} EXPERIMENT ", own.out)
            self.assertEqual(own.err, "")
        self.assertIn("--resume", self.kiln("train", "--help").out)
        self.assertNotIn("--resume", self.kiln("render", "--help").out)

    def test_verbs(self):
        self.refused(2, ["what is to be done", "train"])
        self.refused(2, ['unknown verb "trian"', 'did you mean "train"?'], "trian", self.experiment)
        self.refused(2, ['unknown verb "xyzzy"', "one of: train, lrfind, test"], "xyzzy")
        self.refused(2, ["unknown option --json", "the verb stands first"], "--json", self.experiment)

    def test_flags(self):
        self.refused(2, ["train has no option --epoch", 'did you mean "--epochs"?'], "train", self.experiment, "--epoch", "3")
        self.refused(2, ["train has no option --thraeds", 'did you mean "--threads"?'], "train", self.experiment,
                     "--thraeds=2")
        # What another verb has.
        self.refused(2, ["render has no option --resume"], "render", self.experiment, "--resume")
        self.refused(2, ["check has no option --weights"], "check", self.experiment, "--weights", "x")
        self.refused(2, ["check needs an experiment file"], "check")
        self.refused(2, ['does not know what to do with "another"'], "check", self.experiment, "another")
        self.refused(2, ["--set"], "check", self.experiment, "--set")

    def test_values(self):
        for value in ["0", "-1", "two", "1.5", "99999999999999999999", "2x"]:
            self.refused(2, ["--threads takes a whole number from 1 to", f'not "{value}"'], "check", self.experiment,
                         f"--threads={value}")
        self.refused(2, ["--batch takes a whole number"], "time", self.experiment, "--batch", "0")
        self.refused(2, ["--phase takes one of train, predict", 'did you mean "train"?'], "time", self.experiment,
                     "--phase", "trian")
        self.refused(2, ["--progress takes one of"], "train", self.experiment, "--progress", "loud")
        self.refused(2, ["--format takes one of"], "show", self.experiment, "--format", "pdf")
        self.refused(2, ["-v and -q"], "check", self.experiment, "-v", "-q")
        self.refused(2, ["--math takes one of"], "train", self.experiment, "--math", "quick")
        self.refused(2, ['no level "v9"'], "check", self.experiment, "--cpu", "v9")
        self.refused(2, ['no pass "differ"'], "check", self.experiment, "--print-after", "differ")
        self.refused(2, ["--function"], "show", self.experiment, "--format", "llvm")

    def test_overrides_are_checked_at_their_place(self):
        self.refused(3, ["--set training.epochs=0: error: epochs is 0"], "check", self.experiment, "--epochs", "0")
        self.refused(2, ["--set training.epochs=many: error: "], "check", self.experiment, "--epochs", "many")
        self.refused(2, ["--set training.epochs=: error: "], "check", self.experiment, "--epochs", "")
        self.refused(3, ["--set training.batch=0: error: batch is 0"], "train", self.experiment, "--batch", "0")
        self.refused(2, ["--set training.seed=-1: error: "], "check", self.experiment, "--seed=-1")
        self.refused(2, ["--set training.bacth=3: error: ", 'did you mean "batch"?'], "check", self.experiment, "--set",
                     "training.bacth=3")
        # Flags come after --set.
        rendered = self.kiln("render", self.experiment, "--epochs", "7", "--set", "training.epochs=5", "--set",
                             "training.sgd.momentum=0.25").out
        self.assertIn("epochs: 7", rendered)
        self.assertIn("momentum: 0.25", rendered)

    def test_unreadable_experiments(self):
        for verb in ["train", "test", "predict", "check", "time", "render", "show"]:
            self.refused(4, ["no_such_file.textproto"], verb, self.path("no_such_file.textproto"))
        self.refused(4, [self.directory], "check", self.directory)
        with open(self.path("noise.textproto"), "wb") as file:
            file.write(bytes(range(256)) * 40)
        self.refused(3, ["noise.textproto"], "check", self.path("noise.textproto"))
        with open(self.path("noise.pb"), "wb") as file:
            file.write(bytes(range(255, -1, -1)) * 40)
        result = run("check", self.path("noise.pb"))
        self.assertIn(result.code, [3, 4], result)
        self.assertIn("noise.pb", result.err)

    def test_errors_as_json(self):
        usage = self.kiln("check", self.experiment, "--json", "--threads", "none", code=2)
        self.assertEqual(usage.err, "")
        self.assertEqual(json.loads(usage.out)["error"]["exit_code"], 2)
        self.assertEqual(json.loads(usage.out)["error"]["kind"], "usage")
        missing = self.kiln("check", self.experiment, "--json", "--threads", code=2)
        self.assertIn("--threads", missing.json()["error"]["message"])
        unknown = self.kiln("check", self.experiment, "--json", "--thread", "1", code=2).json()
        self.assertIn("--threads", unknown["error"]["hint"])
        weights = self.kiln("test", self.experiment, "--json", "--weights", self.path("none.safetensors"), code=4).json()
        self.assertIn("none.safetensors", weights["error"]["message"])
        missing = self.kiln("check", self.path("none.textproto"), "--json", code=4).json()
        self.assertEqual(missing["diagnostics"][0]["severity"], "error")

    def test_colour(self):
        never = run("check", self.path("none.textproto"))
        always = run("check", self.path("none.textproto"), "--color", "always")
        self.assertNotIn("\033[", never.err)  # stderr is no terminal
        self.assertIn("\033[1;31merror:\033[0m", always.err)

    def test_a_reader_that_leaves_is_no_error(self):
        for arguments in [["show", self.experiment], ["--help"], ["check", self.experiment, "--json"]]:
            process = subprocess.Popen([KILN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")
            process.stderr.close()
            self.assertEqual(process.wait(), 0, arguments)

    def test_a_full_disk_is_one(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([KILN, "show", self.experiment], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left on device", done.stderr)


if __name__ == "__main__":
    unittest.main()
