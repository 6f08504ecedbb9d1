"""kiln train, test and predict: results that threads, kills and batches do not change."""

import json
import os
import random
import re
import signal
import subprocess
import time
import unittest

from support import EXPERIMENT, KILN, TEST_SAMPLES, TRAIN_SAMPLES, ToolTest, run, start, write_idx

FIELDS = ["epochs", "steps", "train_loss", "test_accuracy", "seconds", "samples_per_second", "peak_memory_bytes",
          "weights_sha256"]


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


class Training(ToolTest):
    def train(self, out, *arguments, code=0):
        return self.kiln("train", self.experiment, "--json", "--out", self.path(out), *arguments, code=code).json()

    def test_result_and_run_directory(self):
        result = self.kiln("train", self.experiment, "--json", "--out", self.path("plain"))
        self.assertEqual(len(result.out.splitlines()), 1)
        facts = result.json()
        for field in FIELDS:
            self.assertIn(field, facts)
        self.assertEqual((facts["epochs"], facts["steps"]), (4, 32))
        self.assertRegex(facts["weights_sha256"], r"^[0-9a-f]{64}$")
        self.assertGreater(facts["test_accuracy"], 0.9)
        self.assertGreater(facts["train_loss"], 0)
        for name in ["experiment.textproto", "environment.json", "metrics.csv", "metrics.jsonl",
                     "checkpoints/last.safetensors"]:
            self.assertTrue(os.path.exists(self.path(f"plain/{name}")), name)
        self.assertEqual(len(read_lines(self.path("plain/metrics.csv"))), 1 + 4)
        for line in read_lines(self.path("plain/metrics.jsonl")):
            json.loads(line)
        # What was run can be run again from what it left.
        resolved = self.path("plain/experiment.textproto")
        self.assertEqual(self.kiln("render", resolved).out, "\n".join(read_lines(resolved)) + "\n")
        again = self.kiln("train", resolved, "--json", "--out", self.path("again")).json()
        self.assertEqual(again["weights_sha256"], facts["weights_sha256"])
        # A run is not overwritten.
        self.refused(2, ["plain"], "train", self.experiment, "--out", self.path("plain"))

    def test_progress_goes_to_stderr_and_can_be_silent(self):
        plain = self.kiln("train", self.experiment, "--out", self.path("loud"), "--progress", "plain")
        self.assertIn("loss", plain.err)
        self.assertIn("weights_sha256 ", plain.out)
        quiet = self.kiln("train", self.experiment, "--out", self.path("quiet"), "--progress", "none", "--epochs", "1")
        self.assertEqual(quiet.err, "")
        verbose = self.kiln("train", self.experiment, "--out", self.path("verbose"), "--progress", "none", "-v", "--max-steps", 1)
        self.assertRegex(verbose.err, r"^\d+ kernels, \d+ bytes of code for [\w-]+, \d+ objects from the cache, in [\d.]+ s\n$")

    def test_memory_is_what_check_promises(self):
        # Sizes that no alignment divides.
        odd = ["--set", "training.batch=31", "--set", "training.evaluation_batch=13", "--epochs", "1"]
        promised = self.kiln("check", self.experiment, "--json", *odd).json()["memory"]["training"]
        self.assertEqual(sum(promised[part + "_bytes"] for part in ["states", "arena", "input_output", "health", "largest_state", "staging"]),
                         promised["fixed_bytes"])
        for threads in [1, 3]:
            facts = self.train(f"memory{threads}", "--threads", threads, *odd)
            self.assertEqual(facts["instance_memory_bytes"],
                             sum(promised[part + "_bytes"] for part in ["states", "arena", "staging"]) +
                             threads * promised["bytes_per_thread"])

    def test_threads_do_not_change_bits(self):
        one = self.train("threads1", "--threads", "1")
        for threads in [2, 5]:
            self.assertEqual(self.train(f"threads{threads}", "--threads", threads)["weights_sha256"], one["weights_sha256"])
        # What does change them.
        self.assertNotEqual(self.train("seed2", "--seed", "2")["weights_sha256"], one["weights_sha256"])
        other = self.train("momentum", "--set", "training.sgd.momentum=0.8")
        self.assertNotEqual(other["weights_sha256"], one["weights_sha256"])

    def test_test_and_predict(self):
        facts = self.train("tested", "--epochs", "2", "--threads", "2")
        weights = self.path("tested/checkpoints/last.safetensors")
        accuracies = set()
        losses = []
        for batch in [1, 64, 300]:
            tested = self.kiln("test", self.experiment, "--weights", weights, "--batch", batch, "--json").json()
            self.assertEqual(tested["samples"], TEST_SAMPLES)
            accuracies.add(tested["test_accuracy"])
            losses.append(tested["test_loss"])
        self.assertEqual(accuracies, {facts["test_accuracy"]})
        for loss in losses:
            self.assertAlmostEqual(loss, facts["test_loss"], 5)
        # The folded network for one sample says the same of each of them.
        predicted = self.kiln("predict", self.experiment, "--weights", weights, "--json", f"0-{TEST_SAMPLES - 1}").json()
        self.assertEqual(len(predicted["samples"]), TEST_SAMPLES)
        self.assertAlmostEqual(predicted["correct"] / TEST_SAMPLES, facts["test_accuracy"], 6)
        for sample in predicted["samples"]:
            probabilities = [entry["probability"] for entry in sample["top"]]
            self.assertEqual(probabilities, sorted(probabilities, reverse=True))
            self.assertLess(sum(probabilities), 1.0001)
            self.assertEqual(sample["correct"], sample["top"][0]["class"] == sample["label"])
        # From the run directory, as text.
        text = self.kiln("predict", self.experiment, "--out", self.path("tested"), "7", "3-4").out
        self.assertEqual([line.split()[0] for line in text.splitlines()[:3]], ["7", "3", "4"])
        self.refused(2, ["no sample 130"], "predict", self.experiment, "--weights", weights, "130")
        for wrong in ["5-3", "1-2-3", "3-", "-"]:
            self.refused(2, [f'"{wrong}" names no samples'], "predict", self.experiment, "--weights", weights, wrong)

    def test_classes_are_those_of_the_loss(self):
        # A softmax within the network is over other values than the classes, here many more.
        text = EXPERIMENT.replace("layer { relu {} }\n  layer { dropout", "layer { softmax {} }\n  layer { dropout")
        text = re.sub(r" *class_name: .*", "", text)
        inner = self.write("inner_softmax.textproto", text.replace("units: 20", "units: 48"))
        self.assertEqual(self.kiln("check", inner, "--json").json()["class_names"], ["0", "1", "2", "3"])
        facts = self.kiln("train", inner, "--json", "--out", self.path("inner"), "--epochs", 1).json()
        predicted = self.kiln("predict", inner, "--out", self.path("inner"), "--json", "--top", 48,
                              f"0-{TEST_SAMPLES - 1}").json()
        self.assertAlmostEqual(predicted["correct"] / TEST_SAMPLES, facts["test_accuracy"], 6)
        for sample in predicted["samples"]:
            self.assertEqual(sorted(entry["class"] for entry in sample["top"]), [0, 1, 2, 3])
        # A label beyond the loss's classes is refused, though the inner softmax has that many values.
        write_idx(self.path("high-labels"), 0x801, [TRAIN_SAMPLES], bytes([5] * TRAIN_SAMPLES))
        self.refused(4, ["label 5, but the network has 4 classes"], "train", inner, "--out", self.path("high"),
                     "--set", "data.idx.train_labels=high-labels")

    def test_labels_that_only_an_auxiliary_loss_takes_are_checked(self):
        with open(self.experiment, encoding="utf-8") as file:
            text = file.read()
        network = """network {
  layer { name: "kept" convolution { filters: 1 kernel: 1 } }
  layer { name: "scores" input: "kept" dense { units: 3 } }
  layer { name: "aux" softmax_cross_entropy {} }
  layer { input: ["kept", "image"] mean_squared_error {} }
}
"""
        named = self.write("named.textproto", network + text[text.index("data {"):])
        self.refused(3, ["its input has 3 values, but the data name 4 classes"], "check", named)
        narrow = self.write("auxiliary.textproto", network + re.sub(r" *class_name: .*", "", text[text.index("data {"):]))
        self.refused(4, ["label", "but the network has 3 classes (labels 0 to 2)"], "train", narrow, "--out",
                     self.path("auxiliary"))
        self.assertIn("but the network has 3 classes", self.kiln("check", narrow, "--data", code=4).out)
        wide = self.write("wide.textproto", network.replace("units: 3", "units: 4") + text[text.index("data {"):])
        self.kiln("train", wide, "--out", self.path("wide"), "--max-steps", 2)

    def test_closed_streams_lend_their_numbers_to_no_file(self):
        out = self.path("closed")
        done = subprocess.run(["sh", "-c", f'exec "$0" train "$1" --out "{out}" --epochs 2 --progress plain <&- >&- 2>&-',
                               KILN, self.experiment], timeout=240)
        self.assertEqual(done.returncode, 1)  # the result could not be printed
        for line in read_lines(f"{out}/metrics.jsonl"):
            json.loads(line)

    def test_path_that_is_no_utf8(self):
        out = os.fsencode(self.path("bytes")) + b"\xff"
        done = subprocess.run([KILN, "train", self.experiment, "--json", "--max-steps", "1", "--out", out],
                              capture_output=True, timeout=240)
        self.assertEqual(done.returncode, 0, done)
        self.assertTrue(json.loads(done.stdout)["run_directory"].endswith("bytes\ufffd"))

    def test_weights_that_do_not_fit(self):
        self.train("donor", "--epochs", "1")
        weights = self.path("donor/checkpoints/last.safetensors")
        for verb in ["test", "predict"]:
            self.refused(4, ["train first"], verb, self.experiment, "--out", self.path("never-trained"))
            self.refused(4, ["fc1.weight"], verb, self.experiment, "--weights", weights, "--set",
                         "network.layer.fc1.dense.units=21")
            with open(weights, "rb") as file, open(self.path("cut.safetensors"), "wb") as cut:
                cut.write(file.read()[:-100])
            self.refused(4, ["cut.safetensors"], verb, self.experiment, "--weights", self.path("cut.safetensors"))
            with open(weights, "rb") as file, open(self.path("damaged.safetensors"), "wb") as damaged:
                content = bytearray(file.read())
                content[-100] ^= 1
                damaged.write(content)
            self.refused(4, ["damaged"], verb, self.experiment, "--weights", self.path("damaged.safetensors"))
        # Fine-tuning starts from them.
        tuned = self.train("tuned", "--weights", weights, "--max-steps", "8", "--seed", "3")
        fresh = self.train("fresh", "--max-steps", "8", "--seed", "3")
        self.assertLess(tuned["train_loss"], fresh["train_loss"])

    def test_divergence(self):
        self.refused(5, ["diverged"], "train", self.experiment, "--out", self.path("diverged"), "--progress", "none", "--set",
                     "training.learning_rate.start=1e30")

    def test_missing_data(self):
        self.refused(4, ["no training data"], "train", self.experiment_without_data, "--out", self.path("nothing"))
        self.refused(4, ["no test data"], "test", self.experiment_without_data)
        self.refused(4, ["absent.gz"], "train", self.experiment, "--set", "data.idx.train_images=absent.gz")


LONG = ["--epochs", "1000000", "--progress", "none", "--json"]


class Interruption(ToolTest):
    def wait_for(self, path, process):
        deadline = time.monotonic() + 60
        while not os.path.exists(path):
            self.assertIsNone(process.poll(), "it ended by itself")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.002)

    def metrics(self, out):
        """All but the wall times."""
        rows = [row.split(",") for row in read_lines(self.path(f"{out}/metrics.csv"))]
        timed = [i for i, name in enumerate(rows[0]) if "second" in name]
        self.assertTrue(timed)
        return [[value for i, value in enumerate(row) if i not in timed] for row in rows]

    def test_signals_checkpoint_and_resume(self):
        for number, code in [(signal.SIGINT, 130), (signal.SIGTERM, 143)]:
            out = f"stopped{code}"
            process = start("train", self.experiment, *LONG, "--out", self.path(out))
            self.wait_for(self.path(f"{out}/checkpoints/last.safetensors"), process)
            process.send_signal(number)
            text, errors = process.communicate(timeout=60)
            self.assertEqual(process.returncode, code, errors)
            steps = json.loads(text)["steps"] + 11
            resumed = self.kiln("train", self.experiment, *LONG, "--out", self.path(out), "--resume", "--max-steps", steps)
            whole = self.kiln("train", self.experiment, *LONG, "--out", self.path(f"whole{code}"), "--max-steps", steps)
            self.assertEqual(resumed.json()["steps"], steps)
            self.assertEqual(resumed.json()["weights_sha256"], whole.json()["weights_sha256"])
            self.assertEqual(self.metrics(out), self.metrics(f"whole{code}"))

    def test_kills_do_not_change_bits(self):
        seed = int(os.environ.get("KILN_TEST_SEED", random.randrange(1 << 30)))
        print(f"KILN_TEST_SEED={seed}")
        draw = random.Random(seed)
        steps = 2000
        arguments = ["train", self.experiment, *LONG, "--max-steps", steps, "--set", "training.checkpoint_every_steps=3"]
        begin = time.monotonic()
        whole = self.kiln(*arguments, "--out", self.path("whole"))
        seconds = time.monotonic() - begin
        kills = 0
        finished = False
        for attempt in range(8):
            process = start(*arguments, "--out", self.path("killed"), "--resume")
            # Anywhere: while compiling, in steps, in the middle of a checkpoint. Early at first, since `seconds` is a guess
            # where other processes come and go.
            time.sleep(seconds * draw.uniform(0.02, 0.1 * (attempt + 1)))
            process.kill()
            process.communicate()
            finished = process.returncode == 0
            kills += process.returncode == -signal.SIGKILL
        self.assertGreater(kills, 0)
        killed = self.kiln(*arguments, "--out", self.path("killed"), "--resume")
        self.assertEqual(killed.json()["steps"], steps)
        self.assertEqual(killed.json()["weights_sha256"], whole.json()["weights_sha256"])
        self.assertEqual(self.metrics("killed"), self.metrics("whole"))
        self.assertFalse(finished and kills == 0)

    def test_resuming_something_else_is_refused(self):
        self.kiln("train", self.experiment, "--out", self.path("mine"), "--max-steps", "5", "--progress", "none")
        self.refused(6, ["seed"], "train", self.experiment, "--out", self.path("mine"), "--resume", "--seed", "2")
        self.refused(6, ["plan"], "train", self.experiment, "--out", self.path("mine"), "--resume", "--batch", "16")
        self.refused(6, ["plan", "--replan"], "train", self.experiment, "--out", self.path("mine"), "--resume", "--cpu", "x86-64")
        self.kiln("train", self.experiment, "--out", self.path("mine"), "--resume", "--cpu", "x86-64", "--replan",
                  "--progress", "none")


if __name__ == "__main__":
    unittest.main()
