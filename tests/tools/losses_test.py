"""Every loss learns from synthetic data; threads and kills change no bit; metrics are what Python counts again."""

import csv
import json
import math
import os
import unittest

from support import ToolTest

REST = """
preprocess { scale: 0.00392156862745098 mean: 0.5 std: 0.25 }
training { batch: 16 epochs: %d seed: 3 sgd { momentum: 0.9 } learning_rate { start: %g } }
"""
BODY = """
  layer { name: "conv" convolution { filters: 6 kernel: 3 padding: 1 stride: 2 } }
  layer { name: "act" relu {} }
"""
HEAD = BODY + '  layer { name: "out" dense { units: 5 } }\n'
PIXELS = """
  layer { name: "conv" convolution { filters: 8 kernel: 3 padding: 1 } }
  layer { name: "act" relu {} }
  layer { name: "out" convolution { filters: 4 kernel: 1 } }
"""

# Name: the network, and the rate it learns with.
LOSSES = {
    "softmax_cross_entropy": (HEAD + "  layer { softmax_cross_entropy {} }", 0.02),
    "weighted": (HEAD + "  layer { softmax_cross_entropy { class_weight: [1, 2, 0.5, 1, 3] label_smoothing: 0.1 } }", 0.02),
    "ignored": (HEAD + "  layer { softmax_cross_entropy { ignore_label: 2 } }", 0.02),
    "distribution": (HEAD + "  layer { softmax_cross_entropy { target: DISTRIBUTION } }", 0.02),
    "pixels": (PIXELS + "  layer { softmax_cross_entropy { ignore_label: 1 } }", 0.05),
    "pixel_distribution": (PIXELS + "  layer { softmax_cross_entropy { target: DISTRIBUTION } }", 0.05),
    "hinge": (HEAD + "  layer { multi_class_hinge {} }", 0.005),
    "square_hinge": (HEAD + "  layer { multi_class_hinge { norm: L2 } }", 0.002),
    "sigmoid_cross_entropy": (HEAD + "  layer { sigmoid_cross_entropy { pos_weight: 2 } }", 0.05),
    "mean_squared_error": (HEAD + "  layer { mean_squared_error {} }", 0.02),
    "l1": (HEAD + "  layer { l1 {} }", 0.02),
    "huber": (HEAD + "  layer { huber { delta: 0.5 } }", 0.05),
    "restoring": (PIXELS.replace("filters: 4", "filters: 3") + '  layer { input: ["out", "image"] mean_squared_error {} }', 0.02),
    "several": (BODY + """
  layer { name: "aux_out" dense { units: 5 } }
  layer { name: "aux" softmax_cross_entropy {} loss_weight: 0.3 }
  layer { name: "out" input: "act" dense { units: 5 } }
  layer { name: "main" softmax_cross_entropy {} }""", 0.02),
}

VARIANTS = {}  # of one test


def read_csv(path):
    with open(path, encoding="utf-8") as file:
        return list(csv.reader(file))


class Losses(ToolTest):
    def experiment_of(self, name, epochs=2, further=""):
        network, rate = (LOSSES | VARIANTS)[name]
        text = "network {%s\n}\ndata { synthetic { train_samples: 256 test_samples: 37 } image { channels: 3 height: 10 width: 9 } }\n"
        return self.write(f"{name}.textproto", text % network + REST % (epochs, rate) + further)

    def train(self, name, out, *arguments, **options):
        return self.kiln("train", self.experiment_of(name, **options), "--json", "--progress", "none", "--out",
                         self.path(out), *arguments).json()

    def test_each_loss_learns_and_keeps_its_bits(self):
        for name in LOSSES:
            with self.subTest(name):
                facts = self.train(name, name, "--threads", 1)
                with open(self.path(f"{name}/metrics.jsonl"), encoding="utf-8") as file:
                    steps = [row for row in map(json.loads, file) if row["kind"] == "step"]
                losses = [row["loss"] for row in steps]
                self.assertEqual(len(losses), 32)
                self.assertLess(sum(losses[-4:]), 0.9 * sum(losses[:4]), losses)
                self.assertTrue(math.isfinite(facts["test_loss"]))
                has_classes = name in ["softmax_cross_entropy", "weighted", "ignored", "pixels", "hinge", "square_hinge", "several"]
                self.assertEqual(facts["test_accuracy"] is not None, has_classes)
                if has_classes:
                    self.assertGreater(facts["test_accuracy"], 0.35)
                # Neither threads nor stopping and going on change a bit.
                self.train(name, f"{name}-part", "--threads", 2, "--max-steps", 11)
                resumed = self.train(name, f"{name}-part", "--threads", 2, "--resume")
                self.assertEqual(resumed["weights_sha256"], facts["weights_sha256"])
                self.assertEqual(resumed["test_loss"], facts["test_loss"])
                # A test counts every sample once, however they are grouped.
                for batch in [1, 16]:
                    tested = self.kiln("test", self.path(f"{name}.textproto"), "--out", self.path(name), "--json",
                                       "--batch", batch).json()
                    self.assertAlmostEqual(tested["test_loss"], facts["test_loss"], 5)
                    self.assertEqual(tested["test_accuracy"], facts["test_accuracy"])

    def predicted(self, name):
        return self.kiln("predict", self.path(f"{name}.textproto"), "--out", self.path(f"{name}-metrics"), "--json",
                         "--top", 5, "0-36").json()["samples"]

    def measured(self, name, further):
        self.train(name, f"{name}-metrics", epochs=1, further=further)
        return self.kiln("test", self.path(f"{name}.textproto"), "--out", self.path(f"{name}-metrics"), "--json").json()

    def check_classes(self, tested, pairs, classes):
        matrix = [[pairs.count((label, predicted)) for predicted in range(classes)] for label in range(classes)]
        self.assertEqual(tested["confusion_matrix"], matrix)
        for c, facts in enumerate(tested["per_class"]):
            labels, predictions = sum(matrix[c]), sum(row[c] for row in matrix)
            self.assertEqual(facts["labels"], labels)
            for value, part, whole in [("precision", matrix[c][c], predictions), ("recall", matrix[c][c], labels),
                                       ("f1", 2 * matrix[c][c], labels + predictions)]:
                if whole == 0:
                    self.assertIsNone(facts[value])
                else:
                    self.assertAlmostEqual(facts[value], part / whole, 12)

    METRICS = "metrics { top_k: [2, 3] confusion_matrix: true per_class: true }\n"

    def test_metrics_of_classes(self):
        name = "softmax_cross_entropy"
        tested = self.measured(name, self.METRICS)
        samples = self.predicted(name)
        tops = [[entry["class"] for entry in sample["top"]] for sample in samples]
        labels = [sample["label"] for sample in samples]
        for k in [2, 3]:
            hits = sum(label in top[:k] for label, top in zip(labels, tops))
            self.assertAlmostEqual(tested["top_k"][str(k)], hits / 37, 12)
        self.check_classes(tested, [(label, top[0]) for label, top in zip(labels, tops)], 5)
        loss = -sum(math.log(next(e["probability"] for e in s["top"] if e["class"] == s["label"])) for s in samples) / 37
        self.assertAlmostEqual(tested["test_loss"], loss, 4)
        # What training left says the same.
        rows = read_csv(self.path(f"{name}-metrics/confusion_matrix.csv"))
        self.assertEqual(rows[0], ["label"] + [str(c) for c in range(5)])
        self.assertEqual([list(map(int, row[1:])) for row in rows[1:]], tested["confusion_matrix"])
        rows = read_csv(self.path(f"{name}-metrics/per_class.csv"))
        self.assertEqual(rows[0], ["class", "labels", "precision", "recall", "f1"])
        self.assertEqual([int(row[1]) for row in rows[1:]], [labels.count(c) for c in range(5)])
        rows = read_csv(self.path(f"{name}-metrics/metrics.csv"))
        self.assertIn("test_top_2", rows[0])
        self.assertAlmostEqual(float(rows[-1][rows[0].index("test_top_3")]), tested["top_k"]["3"], 12)
        text = self.kiln("test", self.path(f"{name}.textproto"), "--out", self.path(f"{name}-metrics")).out
        self.assertIn("\ntop 2: ", text)
        self.assertRegex(text, r"class +labels +precision +recall +F1\n")
        self.assertRegex(text, r"label +0 +1 +2 +3 +4\n")

    def test_metrics_of_pixels_leave_ignored_ones_out(self):
        name = "pixels"
        tested = self.measured(name, self.METRICS)
        pairs, loss, top2 = [], 0, 0
        for sample in self.predicted(name):
            classes, height, width = sample["shape"]
            positions = height * width
            for p, label in enumerate(sample["label"]):
                if label == 1:
                    continue
                values = [sample["output"][c * positions + p] for c in range(classes)]
                order = sorted(range(classes), key=lambda c: -values[c])
                pairs.append((label, order[0]))
                top2 += label in order[:2]
                loss -= math.log(values[label])
        self.check_classes(tested, pairs, 4)
        self.assertAlmostEqual(tested["top_k"]["2"], top2 / len(pairs), 12)
        self.assertAlmostEqual(tested["test_accuracy"], sum(a == b for a, b in pairs) / len(pairs), 12)
        self.assertAlmostEqual(tested["test_loss"], loss / len(pairs), 4)

    def test_several_losses_are_told_by_name(self):
        tested = self.measured("several", "")
        self.assertEqual(set(tested["losses"]), {"aux", "main"})
        self.assertAlmostEqual(tested["test_loss"], 0.3 * tested["losses"]["aux"] + tested["losses"]["main"], 6)
        rows = read_csv(self.path("several-metrics/metrics.csv"))
        self.assertIn("test_loss:aux", rows[0])
        ends = [row for row in rows[1:] if row[rows[0].index("test_loss:main")]]
        self.assertAlmostEqual(float(ends[0][rows[0].index("test_loss:main")]), tested["losses"]["main"], 5)
        # The auxiliary head takes no part in predict.
        shown = self.kiln("show", self.path("several.textproto"), "--function", "predict", "--optimized").out
        self.assertNotIn("aux", shown)

    def test_weights_of_losses_are_exact(self):
        network, rate = LOSSES["softmax_cross_entropy"]
        whole = self.train("softmax_cross_entropy", "whole", epochs=1)
        # Halves and multiples of two round nothing.
        VARIANTS["halves"] = (HEAD + """
  layer { name: "first" softmax_cross_entropy {} loss_weight: 0.5 }
  layer { name: "second" softmax_cross_entropy {} loss_weight: 0.5 }""", rate)
        halves = self.train("halves", "halves", epochs=1)
        self.assertEqual(halves["weights_sha256"], whole["weights_sha256"])
        self.assertEqual(halves["test_loss"], whole["test_loss"])
        self.assertEqual(halves["test_loss:first"], whole["test_loss"])
        VARIANTS["fourfold"] = (network.replace("softmax_cross_entropy {}", "softmax_cross_entropy {} loss_weight: 4"), rate / 4)
        fourfold = self.train("fourfold", "fourfold", epochs=1)
        self.assertEqual(fourfold["weights_sha256"], whole["weights_sha256"])
        self.assertAlmostEqual(fourfold["test_loss"], 4 * whole["test_loss"], 12)
        # A weight of 0 trains nothing, and is measured all the same.
        VARIANTS["watched"] = (HEAD + """
  layer { name: "watched" multi_class_hinge { margin: 100 } loss_weight: 0 }
  layer { name: "trained" softmax_cross_entropy {} }""", rate)
        watched = self.train("watched", "watched", epochs=1)
        self.assertEqual(watched["weights_sha256"], whole["weights_sha256"])
        self.assertEqual(watched["test_loss"], whole["test_loss"])
        self.assertGreater(watched["test_loss:watched"], 0)

    def test_batches_in_which_nothing_counts(self):
        single = ["--set", "training.batch=1", "--set", "training.learning_rate.start=0.002"]
        losses = "softmax_cross_entropy { %s }"
        VARIANTS["void"] = (HEAD + "  layer { " + losses % "ignore_label: 5" + " }", 0.002)
        VARIANTS["weightless"] = (HEAD + "  layer { " + losses % "class_weight: [1, 1, 0, 1, 1]" + " }", 0.002)
        for name, arguments in [("void", ["--set", "data.synthetic.classes=6"]), ("weightless", [])]:
            with self.subTest(name):
                facts = self.train(name, name, *single, *arguments, epochs=1)
                self.assertTrue(math.isfinite(facts["test_loss"]))
                with open(self.path(f"{name}/metrics.jsonl"), encoding="utf-8") as file:
                    steps = [row for row in map(json.loads, file) if row["kind"] == "step"]
                void = [row for row in steps if row["loss"] == 0]
                self.assertTrue(0.1 * len(steps) < len(void) < 0.3 * len(steps), len(void))
                if name == "void":
                    self.assertEqual({row["accuracy"] for row in void}, {None})
                    self.assertNotIn(None, [row["accuracy"] for row in steps if row["loss"] != 0])
        # What is ignored need not be a class, and has its number as a name.
        samples = self.kiln("predict", self.path("void.textproto"), "--out", self.path("void"), "--json", "--set",
                            "data.synthetic.classes=6", "0-36").json()["samples"]
        ignored = [sample for sample in samples if sample["label"] == 5]
        self.assertTrue(ignored)
        self.assertEqual({(sample["label_name"], sample["correct"]) for sample in ignored}, {("5", False)})

    def test_regression_tells_no_accuracy(self):
        facts = self.train("huber", "regression", epochs=1)
        self.assertIsNone(facts["train_accuracy"])
        plain = self.kiln("test", self.path("huber.textproto"), "--out", self.path("regression")).out
        self.assertRegex(plain, r"^37 samples: loss [\d.]+ \(")
        with open(self.path("regression/metrics.jsonl"), encoding="utf-8") as file:
            for row in map(json.loads, file):
                if row["kind"] != "health":
                    self.assertIsNone(row["accuracy" if row["kind"] == "step" else "test_accuracy"])
        samples = self.kiln("predict", self.path("huber.textproto"), "--out", self.path("regression"), "--json", "0-1").json()["samples"]
        self.assertEqual(samples[0]["shape"], [5])
        self.assertEqual(len(samples[1]["label"]), 5)
        self.kiln("predict", self.path("huber.textproto"), "--out", self.path("regression"))

    def test_other_verbs_take_synthetic_data(self):
        experiment = self.experiment_of("pixels")
        self.assertEqual(self.kiln("check", experiment, "--json").json()["train_samples"], 256)
        self.assertIn("softmax_cross_entropy", self.kiln("time", experiment, "--phase", "train", "--json").out)
        # More classes than the network tells apart.
        self.refused(4, ["synthetic data: sample", "the network has 5 classes"], "train",
                     self.experiment_of("softmax_cross_entropy"), "--out", self.path("many"), "--set", "data.synthetic.classes=9")
        self.refused(4, ["synthetic data: sample", "the network has 4 classes"], "train", experiment, "--out",
                     self.path("many"), "--set", "data.synthetic.classes=5")


if __name__ == "__main__":
    unittest.main()
