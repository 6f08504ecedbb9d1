"""kiln lrfind: a rate that then trains well, its picture and its figures, and what it does where nothing can be learnt."""

import os
import unittest
import xml.etree.ElementTree as ElementTree

from support import EXPERIMENT, ToolTest, read_file


class Lrfind(ToolTest):
    def find(self, path, name, *arguments):
        return self.kiln("lrfind", path, "--out", self.path(name), "--json", "-q", *arguments).json()

    def test_suggests_a_rate_that_trains(self):
        found = self.find(self.experiment, "found")
        self.assertIn("falls fastest", found["reason"])
        self.assertLessEqual(found["suggested"], found["least_loss"] / 3)
        self.assertLess(found["steepest"], found["diverges"])
        rates = [point["learning_rate"] for point in found["curve"]]
        self.assertAlmostEqual(rates[0], 1e-6)
        for rate, following in zip(rates, rates[1:]):
            self.assertAlmostEqual(following / rate, 1e7 ** (1 / 199), places=9)
        trained = self.kiln("train", self.experiment, "--out", self.path("trained"), "--epochs", "8", "--json", "-q",
                            "--set", f"training.learning_rate.start={found['suggested']}").json()
        self.assertGreater(trained["test_accuracy"], 0.9)

    def test_is_the_same_for_any_number_of_threads_and_stops_once_it_diverges(self):
        one = self.find(self.experiment, "one", "--threads", "1")
        self.assertEqual(self.find(self.experiment, "two", "--threads", "2"), one)
        self.assertLess(len(one["curve"]), 200)

    def test_writes_a_picture_and_figures(self):
        result = self.kiln("lrfind", self.experiment, "--out", self.path("written"), "--steps", "60", "--from", "1e-4", "--to",
                           "0.1")
        self.assertRegex(result.out, r"suggested: learning_rate \{ start: [\d.e-]+ \}\nbecause the loss falls fastest")
        self.assertRegex(result.out, r"60 steps from 0.0001 to 0.1; the curve: .*lrfind.svg")
        picture = ElementTree.fromstring(read_file(self.path("written/lrfind.svg")))
        text = "".join(picture.itertext())
        self.assertIn("suggested: ", text)
        self.assertIn("power of ten", text)
        self.assertTrue(os.path.exists(self.path("written/lrfind.json")))
        self.assertEqual(sorted(os.listdir(self.path("written"))), ["lrfind.json", "lrfind.svg"])

    def test_says_that_nothing_falls(self):
        path = self.write("dead.textproto", EXPERIMENT.replace("units: 20", "units: 20 weights_init { constant {} } "
                                                               "bias_init { constant { value: -1 } }"))
        found = self.find(path, "dead", "--from", "1e-6", "--to", "1e-3")
        self.assertIsNone(found["suggested"])
        self.assertIn("never falls", found["reason"])

    def test_wrong_usage(self):
        self.refused(2, ["--steps: below 20"], "lrfind", self.experiment, "--steps", "10")
        self.refused(2, ["--from 1 is not below --to 0.1"], "lrfind", self.experiment, "--from", "1", "--to", "0.1")
        self.refused(2, ["--to takes a learning rate", "\"fast\""], "lrfind", self.experiment, "--to", "fast")
        self.refused(4, ["no training data"], "lrfind", self.experiment_without_data)


if __name__ == "__main__":
    unittest.main()
