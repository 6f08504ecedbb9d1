"""The parts of a recipe together and one by one: same bits for threads, workers, kills and a native trainer; what each
promises of a run; what is refused."""

import json
import os
import re
import struct
import unittest

from support import EXPERIMENT, ToolTest, read_file, run


def with_training(text, experiment=EXPERIMENT):
    return experiment.replace("training {", "training {\n  " + text)


COLOURS = """
network {
  layer { convolution { filters: 6 kernel: 3 padding: 1 stride: 2 } }
  layer { batch_norm {} }
  layer { relu {} }
  layer { dense { units: 5 } }
  layer { softmax_cross_entropy { label_smoothing: 0.1 } }
}
data { synthetic { train_samples: 256 test_samples: 64 } image { channels: 3 height: 10 width: 9 } }
preprocess { zero_center: CHANNEL }
augment { random_crop { padding: 1 only_repeats: true } flip {} fancy_pca {} mixup { alpha: 0.4 } cutmix {} }
training {
  batch: 16 epochs: 6 seed: 3 sgd { momentum: 0.9 weight_decay: 0.001 }
  balance: UP_SAMPLE
  regularize { l1: 0.0001 elastic_net { l1: 0.0001 l2: 0.001 } max_norm { norm: 2 } }
  clip_gradients { norm: 2 }
  average_weights { decay: 0.9 }
  early_stop { measure: ACCURACY patience: 5 }
  keep_best: LOSS
  learning_rate { start: 0.05 per_batch: 32 plateau { patience: 1 least_change: 0.05 } }
}
"""


class Recipe(ToolTest):
    def train(self, experiment, out, *arguments):
        return self.kiln("train", experiment, "--json", "-q", "--out", self.path(out), *arguments).json()

    def rows(self, out, kind):
        with open(self.path(f"{out}/metrics.jsonl"), encoding="utf-8") as file:
            return [row for row in map(json.loads, file) if row["kind"] == kind]

    def test_all_of_it_keeps_its_bits(self):
        experiment = self.write("all.textproto", COLOURS)
        whole = self.train(experiment, "whole", "--threads", 1)
        for threads, workers in [(2, 0), (3, 2)]:
            other = self.train(experiment, f"threads{threads}", "--threads", threads, "--input-workers", workers)
            self.assertEqual(other["weights_sha256"], whole["weights_sha256"])
        for step in [5, 16, 31, 47, 80]:
            self.train(experiment, "parts", "--threads", 2, "--max-steps", step, *(["--resume"] if step > 5 else []))
        resumed = self.train(experiment, "parts", "--resume")
        self.assertEqual(resumed["weights_sha256"], whole["weights_sha256"])
        best = "checkpoints/best.safetensors"
        self.assertEqual(read_file(self.path(f"parts/{best}")), read_file(self.path(f"whole/{best}")))
        rates = [row["learning_rate"] for row in self.rows("whole", "step")]
        self.assertEqual([row["learning_rate"] for row in self.rows("parts", "step")], rates)
        self.assertEqual(rates[0], 0.025, "linear scaling: batches of 16, not 32")
        self.assertLess(min(rates), 0.025, "the plateau was met")

    def test_a_native_trainer_does_the_same(self):
        grey = EXPERIMENT.replace("training {", "training {\n  average_weights { decay: 0.9 } clip_gradients { value: 0.1 }\n"
                                  "  regularize { l2: 0.001 max_norm { norm: 1 } } balance: DOWN_SAMPLE keep_best: ACCURACY\n"
                                  "  early_stop {}") + "augment { flip {} mixup {} cutmix {} }\n"
        experiment = self.write("native.textproto", grey)
        trained = self.train(experiment, "native")
        program = self.path("native-trainer")
        self.kiln("build", experiment, "--emit=trainer", "-o", program)
        made = run("--json", "--quiet", "--out", self.path("by-trainer"), program=program, cwd=self.directory)
        self.assertEqual(made.code, 0, made)
        self.assertEqual(made.json()["weights_sha256"], trained["weights_sha256"])
        tested = run("--test", "--json", "--out", self.path("by-trainer"), program=program, cwd=self.directory)
        self.assertIn("best.safetensors", tested.json()["weights"])
        self.assertEqual(tested.json()["test_loss"], self.kiln("test", experiment, "--out", self.path("native"), "--json").json()["test_loss"])

    def test_the_best_weights_are_those_of_the_best_test(self):
        experiment = self.write("best.textproto", with_training("keep_best: LOSS average_weights { decay: 0.8 }"))
        self.train(experiment, "best", "--set", "training.learning_rate.start=0.4")
        losses = [row["test_loss"] for row in self.rows("best", "epoch")]
        tested = self.kiln("test", experiment, "--out", self.path("best"), "--json").json()
        self.assertEqual(os.path.basename(tested["weights"]), "best.safetensors")
        self.assertAlmostEqual(tested["test_loss"], min(losses), places=6)
        last = self.kiln("test", experiment, "--weights", self.path("best/checkpoints/last.safetensors"), "--json").json()
        self.assertAlmostEqual(last["test_loss"], losses[-1], places=6)

    def test_a_plateau_fires_when_it_should(self):
        experiment = self.write("plateau.textproto", with_training("", EXPERIMENT).replace(
            "learning_rate { start: 0.05 }", "learning_rate { start: 0.05 plateau { measure: LOSS patience: 2 factor: 5 } }"))
        self.train(experiment, "plateau", "--epochs", "14")
        best, since, rate = float("inf"), 0, 0.05
        for row in self.rows("plateau", "epoch"):
            self.assertAlmostEqual(row["learning_rate"], rate, places=12)
            if row["test_loss"] < best:
                best, since = row["test_loss"], 0
            else:
                since += 1
            if since == 2:
                rate, since = rate / 5, 0
        self.assertLess(rate, 0.05)

    def test_an_early_stop_ends_the_run(self):
        experiment = self.write("stop.textproto", with_training("early_stop { patience: 2 least_change: 0.5 }"))
        result = self.kiln("train", experiment, "--epochs", "50", "--json", "--out", self.path("stop"))
        self.assertIn("no better in 2 tests: the run ends here", result.err)
        facts = result.json()
        self.assertTrue(facts["stopped_early"])
        self.assertLess(facts["epochs"], 20)
        again = self.kiln("train", experiment, "--epochs", "50", "--json", "-q", "--out", self.path("stop"), "--resume").json()
        self.assertEqual((again["steps"], again["weights_sha256"]), (facts["steps"], facts["weights_sha256"]))

    def test_max_norm_holds_after_every_update(self):
        experiment = self.write("norm.textproto", with_training("regularize { max_norm { norm: 0.7 } }"))
        for steps in [1, 2, 3, 9]:
            out = f"norm{steps}"
            self.train(experiment, out, "--max-steps", steps, "--set", "training.learning_rate.start=0.3")
            content = read_file(self.path(f"{out}/checkpoints/last.safetensors"))
            header = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
            base = 8 + struct.unpack("<Q", content[:8])[0]
            norms = []
            for name in ["conv1.weight", "fc1.weight", "fc2.weight"]:
                begin, end = header[name]["data_offsets"]
                values = struct.unpack(f"<{(end - begin) // 4}f", content[base + begin : base + end])
                rows = header[name]["shape"][0]
                size = len(values) // rows
                norms += [sum(w * w for w in values[r * size : (r + 1) * size]) ** 0.5 for r in range(rows)]
            self.assertLessEqual(max(norms), 0.7 * (1 + 1e-6))
            self.assertGreater(max(norms), 0.69)

    def test_penalties_are_told_beside_the_loss(self):
        experiment = self.write("penalty.textproto", with_training("regularize { l2: 0.01 }"))
        self.train(experiment, "penalty", "--epochs", "1", "--set", "training.sgd.weight_decay=0")
        decayed = self.write("decayed.textproto", EXPERIMENT)
        self.train(decayed, "decayed", "--epochs", "1", "--set", "training.sgd.weight_decay=0.01")
        (regularized,), (plain,) = self.rows("penalty", "epoch"), self.rows("decayed", "epoch")
        self.assertGreater(regularized["penalty"], 0)
        self.assertNotIn("penalty", plain)
        # The penalty is not part of the loss, and its gradient is weight decay's.
        self.assertAlmostEqual(regularized["train_loss"], plain["train_loss"], places=4)

    def test_frozen_layers_stay_and_cost_no_backward(self):
        frozen = self.write("frozen.textproto", EXPERIMENT.replace("layer { convolution {", "layer { freeze: true convolution {"))
        flops = {}
        for path in [frozen, self.experiment]:
            flops[path] = self.kiln("check", path, "--json").json()["totals"]["training_flops_per_sample"]
        self.assertLess(flops[frozen], 0.65 * flops[self.experiment])
        first = self.train(frozen, "frozen1", "--max-steps", "1")
        self.assertTrue(first)
        self.train(frozen, "frozen9", "--max-steps", "9")
        one, nine = (self.tensor(f"frozen{n}/checkpoints/last.safetensors", "conv1.weight") for n in [1, 9])
        self.assertEqual(one, nine)
        self.assertNotEqual(*(self.tensor(f"frozen{n}/checkpoints/last.safetensors", "fc1.weight") for n in [1, 9]))
        nothing = EXPERIMENT
        for kind in ["convolution", "dense"]:
            nothing = nothing.replace(f"layer {{ {kind}", f"layer {{ freeze: true {kind}")
        self.refused(3, ["all layers that have parameters are frozen"], "train", self.write("nothing.textproto", nothing))

    def tensor(self, path, name):
        content = read_file(self.path(path))
        length = struct.unpack("<Q", content[:8])[0]
        begin, end = json.loads(content[8 : 8 + length])[name]["data_offsets"]
        return content[8 + length + begin : 8 + length + end]

    def test_a_frozen_batch_norm_keeps_its_statistics(self):
        """And a rate of 0 for one layer alone leaves that layer alone."""
        text = COLOURS.replace("layer { batch_norm {} }", "layer { freeze: true batch_norm {} }")
        text = text.replace("layer { dense {", "layer { lr_mult: [0, 1] dense {")
        experiment = self.write("norms.textproto", text)
        for steps in ["1", "12"]:
            self.train(experiment, f"norms{steps}", "--max-steps", steps)
        for name, stays in [("bn1.mean", True), ("bn1.variance", True), ("bn1.scale", True), ("conv1.weight", False),
                            ("fc1.weight", True), ("fc1.bias", False)]:
            one, twelve = (self.tensor(f"norms{n}/checkpoints/last.safetensors", name) for n in ["1", "12"])
            (self.assertEqual if stays else self.assertNotEqual)(one, twelve, name)

    def test_weights_to_start_from(self):
        """A head of another size and what is to begin anew are told, not loaded."""
        self.train(self.experiment, "before", "--epochs", "2")
        path = self.path("before/checkpoints/last.safetensors")
        tuned = with_training(f'weights: "{path}"').replace("layer { dense { units: 20 }", "layer { reinit: true dense { units: 20 }")
        tuned = tuned.replace("dense { units: 4 }", "dense { units: 7 }").replace("class_name", "# class_name")
        result = self.kiln("train", self.write("tuned.textproto", tuned), "--max-steps", "1", "--out", self.path("tuned"))
        self.assertRegex(result.err, r"2 of 4 tensors loaded.*not fitting.*fc2.*begun anew: .*fc1")
        with open(self.path("tuned/loaded_weights.json"), encoding="utf-8") as file:
            report = json.load(file)
        self.assertEqual(report["loaded"], ["conv1.bias", "conv1.weight"])
        self.assertEqual(report["begun_anew"], ["fc1.bias", "fc1.weight"])
        self.assertEqual(len(report["not_fitting"]), 2)
        missing = self.write("missing.textproto", with_training('weights: "nowhere.safetensors"'))
        self.refused(4, ["nowhere.safetensors"], "train", missing, "--out", self.path("missing"))

    def test_two_phases(self):
        """First the classes of which there are many, then the others, as the documentation says."""
        phases = self.write("phases.textproto", EXPERIMENT)
        self.train(phases, "many", "--set", "training.class_samples.at_least=64")
        steps = self.rows("many", "step")
        few = self.train(phases, "few", "--set", "training.class_samples.at_most=63", "--weights",
                         self.path("many/checkpoints/last.safetensors"))
        self.assertLess(few["steps"], len(steps) * 3)
        self.refused(4, ["no class of the training data has at least 1000 samples"], "train", phases, "--out",
                     self.path("none"), "--set", "training.class_samples.at_least=1000")

    def test_what_cannot_be_is_refused(self):
        no_test = COLOURS.replace("test_samples: 64", "test_samples: 0")
        self.refused(4, ["neither validation nor test samples"], "train", self.write("untested.textproto", no_test), "-q",
                     "--out", self.path("untested"))
        values = EXPERIMENT.replace("softmax_cross_entropy {}", "multi_class_hinge {}") + "augment { mixup {} }"
        self.refused(3, ["mixup and cutmix mix labels for softmax_cross_entropy"], "train", self.write("hinge.textproto", values))
        grey = self.write("grey.textproto", EXPERIMENT + "augment { fancy_pca {} }")
        self.refused(4, ["no colours to change"], "train", grey, "-q", "--out", self.path("grey"))


if __name__ == "__main__":
    unittest.main()
