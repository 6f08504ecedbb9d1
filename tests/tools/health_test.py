"""What is recorded of a network's health: norms, against those of the weights in checkpoints; dead rectifiers, against a
network whose biases keep some from firing; the same for any threads, from trainers, and after kills."""

import json
import math
import unittest

from divergence_test import read_weights, write_weights
from records_test import read_events
from support import ToolTest, read_file, run

RATE = 0.05


def norm(values):
    return math.sqrt(sum(value * value for value in values))


def rows(directory, kind="health"):
    lines = read_file(directory + "/metrics.jsonl").decode().splitlines()
    return [row for row in map(json.loads, lines) if row["kind"] == kind]


class Health(ToolTest):
    def train(self, out, *arguments):
        return self.kiln("train", self.experiment, "--out", self.path(out), "--progress", "none", *arguments)

    def test_norms_are_those_of_the_weights(self):
        plain = ["--set", "training.sgd.momentum=0", "--set", "training.sgd.weight_decay=0", "--set",
                 "training.health.every_steps=1", "--set", "training.checkpoint_every_steps=1"]
        self.train("norms", "--max-steps", 5, *plain)
        before = read_weights(self.path("norms/checkpoints/previous.safetensors"))
        after = read_weights(self.path("norms/checkpoints/last.safetensors"))
        health = rows(self.path("norms"))
        self.assertEqual([row["step"] for row in health], [1, 2, 3, 4, 5])
        parameters = health[-1]["parameters"]
        self.assertEqual(set(parameters), {name for name in after if not name.startswith("optimizer/")})
        for name, seen in parameters.items():
            old, new = before[name][1], after[name][1]
            change = norm([a - b for a, b in zip(new, old)])
            self.assertAlmostEqual(seen["weight_norm"], norm(old), delta=1e-9 * norm(old))
            self.assertAlmostEqual(seen["update_norm"], change, delta=1e-9 * change)
            self.assertAlmostEqual(seen["update_to_weight"], change / norm(old), delta=1e-9)
            # w - rate * gradient, rounded to f32.
            self.assertAlmostEqual(seen["gradient_norm"], change / RATE, delta=1e-4 * change / RATE + 1e-6)
        self.assertAlmostEqual(health[-1]["gradient_norm"], norm([seen["gradient_norm"] for seen in parameters.values()]), 9)

    def test_dead_rectifiers_are_found(self):
        self.train("begun", "--max-steps", 1)
        weights = read_weights(self.path("begun/checkpoints/last.safetensors"))
        for name, dead in ("conv1.bias", [1, 4]), ("fc1.bias", [0, 7, 8, 19]):
            for unit in dead:
                weights[name][1][unit] = -1000.0
        write_weights(self.path("dead.safetensors"), weights)
        self.train("dead", "--weights", self.path("dead.safetensors"), "--epochs", 1, "--set", "training.learning_rate.start=1e-6",
                   "--set", "training.health.every_steps=3")
        health = rows(self.path("dead"))
        # Every third step, and the last of the epoch.
        self.assertEqual([row["step"] for row in health], [3, 6, 8])
        fired = health[-1]["rectifiers"]
        self.assertEqual({name: seen["units"] for name, seen in fired.items()}, {"relu1": 6, "relu2": 20})
        self.assertEqual(fired["relu1"]["dead_share"], 2 / 6)
        self.assertEqual(fired["relu1"]["fired_in_epoch"], "b4")  # 101101 and two units that there are not
        self.assertGreaterEqual(fired["relu2"]["dead_share"], 4 / 20)
        bits = f"{int(fired['relu2']['fired_in_epoch'], 16):020b}"
        for unit in 0, 7, 8, 19:
            self.assertEqual(bits[unit], "0")
        self.assertEqual(bits.count("0") / 20, fired["relu2"]["dead_share"])
        (epoch,) = rows(self.path("dead"), "epoch")
        self.assertEqual(epoch["dead_share:relu1"], 2 / 6)
        table = read_file(self.path("dead/metrics.csv")).decode().splitlines()
        self.assertTrue(table[0].endswith(",dead_share:relu1,dead_share:relu2"), table[0])
        events = dict(event for event in read_events(self.path("dead/events.out.tfevents.kiln"))[1] if "health/gradient_norm" in event[1])
        self.assertEqual(set(events), {3, 6, 8})
        self.assertAlmostEqual(events[8]["silent_share/relu1"], fired["relu1"]["silent_share"], 6)
        self.assertAlmostEqual(events[8]["update_to_weight/conv1.weight"],
                               health[-1]["parameters"]["conv1.weight"]["update_to_weight"], delta=1e-6)
        page = read_file(self.path("dead/report.html")).decode()
        self.assertEqual(page.count("<svg"), 7)
        self.assertIn("<td>relu1</td><td>6</td><td>33.3 %</td>", page)

    def test_it_is_the_same_however_the_run_went_and_changes_nothing(self):
        looks = ["--set", "training.health.every_steps=3"]
        bits = self.train("whole", *looks, "--json").json()["weights_sha256"]
        for part in 2, 5, 8, 13, 16, 40:
            self.train("parts", *looks, "--resume", "--max-steps", part, "--threads", 2)
        self.kiln("build", self.experiment, "--emit=trainer", "-o", self.path("trainer"), *looks)
        told = run("--out", self.path("by-trainer"), "--progress", "none", program=self.path("trainer"), cwd=self.directory)
        self.assertEqual(told.code, 0, told)
        wanted = rows(self.path("whole"))
        self.assertEqual(len(wanted), 10 + 3)  # every third of 32 steps; of the ends of 4 epochs, step 24 is one of these
        for out in "parts", "by-trainer":
            self.assertEqual(rows(self.path(out)), wanted)
            self.assertEqual(read_file(self.path(out) + "/report.html"), read_file(self.path("whole/report.html")))
        off = self.train("off", "--set", "training.health.every_steps=0", "--json").json()
        self.assertEqual(off["weights_sha256"], bits)
        self.assertEqual(rows(self.path("off")), [])
        self.refused(3, ["every_steps is -1"], "check", self.experiment, "--set", "training.health.every_steps=-1")


if __name__ == "__main__":
    unittest.main()
