"""kiln check --lint and what kiln train says of the same: advice, its severities, silencing it, facts from the data."""

import glob
import gzip
import os
import unittest

from support import EXPERIMENT, SOURCE_DIR, TRAIN_SAMPLES, ToolTest, write_split



class Lint(ToolTest):
    def findings(self, path, *arguments, code=0):
        return self.kiln("check", path, "--lint", "--json", *arguments, code=code).json()["lint"]

    def rules(self, path, *arguments, code=0):
        return [finding["rule"] for finding in self.findings(path, *arguments, code=code)]

    def test_errors_decide_the_exit_code_of_check_but_not_of_train(self):
        path = self.write("zero.textproto", EXPERIMENT.replace("units: 20", "units: 20 weights_init { constant {} }"))
        result = self.kiln("check", path, "--lint", code=3)
        self.assertRegex(result.err, r'zero.textproto:7:\d+: error: layer "fc1" \(dense\): .* \[zero-init\]\n  fix: leave ')
        self.assertRegex(result.out, r"(?m)^total ")
        trained = self.kiln("train", path, "--max-steps", "2", "--out", self.path("zero"))
        self.assertRegex(trained.err, r"warning: layer .* \[zero-init\]")
        self.assertNotIn("error", trained.err)
        quiet = self.kiln("train", path, "--max-steps", "2", "--out", self.path("quiet"), "-q")
        self.assertEqual(quiet.err, "")
        self.assertEqual(self.kiln("check", path).err, "")

    def test_notes_are_for_check_alone(self):
        path = self.experiment
        self.assertIn("input-side", self.rules(path))
        trained = self.kiln("train", path, "--max-steps", "2", "--out", self.path("notes"))
        self.assertNotIn("input-side", trained.err)

    def test_silence(self):
        path = self.write("silent.textproto", EXPERIMENT + 'lint { silence: "input-side" silence: "no-shuffle" }')
        self.assertEqual(self.rules(path, "--set", "training.shuffle=false"), [])
        self.assertEqual(self.rules(self.experiment, "--set", "training.shuffle=false"), ["no-shuffle", "input-side"])

    def test_json_says_where_why_and_what_to_do(self):
        (finding,) = self.findings(self.experiment)
        self.assertEqual((finding["rule"], finding["severity"], finding["line"]), ("input-side", "note", 14))
        for key in ["reason", "message", "fix"]:
            self.assertTrue(finding[key])
        self.assertEqual(os.path.basename(finding["file"]), "blobs.textproto")

    def test_statistics_are_compared_with_the_images(self):
        """The squares are brighter than the noise around them."""
        (finding,) = [f for f in self.findings(self.experiment, "--set", "preprocess.mean=0.45") if f["severity"] != "note"]
        self.assertEqual(finding["rule"], "foreign-statistics")
        self.assertRegex(finding["message"], r"mean of channel 0 is given as 0.45, of 256 training images it is 0.2\d")

    def test_classes_are_counted(self):
        many = self.write("many.textproto", EXPERIMENT.replace("units: 4", "units: 6").replace("class_name", "# class_name"))
        unused = [f for f in self.findings(many) if f["rule"] == "unused-outputs"]
        self.assertIn("no training sample has the label 4, 5", unused[0]["message"])
        write_split(self.directory, "rare", ".gz", TRAIN_SAMPLES, 3)
        labels = self.path("rare-labels.gz")


        with gzip.open(labels) as file:
            content = bytearray(file.read())
        for i in range(8, len(content)):
            content[i] = 1 if i % 20 == 0 else 0
        with gzip.open(labels, "wb") as file:
            file.write(content)
        rare = self.write("rare.textproto", EXPERIMENT.replace("train-", "rare-"))
        (finding,) = [f for f in self.findings(rare) if f["rule"] == "imbalance"]
        self.assertRegex(finding["message"], r'class "top left" has 24\d samples, class "top right" only 1\d')

    def test_no_example_has_an_error(self):
        examples = sorted(glob.glob(os.path.join(SOURCE_DIR, "examples/*/*.textproto")))
        self.assertGreater(len(examples), 50)
        for path in examples:
            with self.subTest(path):
                if "/cifar10/" in path:
                    continue  # its data are not there; what its networks are like is seen in examples/nets
                result = self.kiln("check", path, "--lint", "--json")
                self.assertEqual([f for f in result.json()["lint"] if f["severity"] == "error"], [])


if __name__ == "__main__":
    unittest.main()
