"""Native trainers: the bits of kiln train, in an empty root, resumed after any interruption, and their command line."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
import unittest

from support import CLASSES, IS_RELEASE, SIDE, SOURCE_DIR, TEST_SAMPLES, ToolTest, read_file, run, write_pgm

FASHION_MNIST = "/usr/share/datasets/fashion-mnist"
LENET = os.path.join(SOURCE_DIR, "examples/fashion_mnist/lenet.textproto")
MEGABYTE = 1_000_000
KILLS = int(os.environ.get("KILN_KILLS", "8"))


CHROOT = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin")


def can_change_root():
    return CHROOT is not None and subprocess.run([CHROOT, "/", "/bin/true"], capture_output=True).returncode == 0


class Trainer(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.trainer = cls.path("blobs-trainer")
        built = run("build", cls.experiment, "--emit=trainer", "-o", cls.trainer, "-v")
        assert built.code == 0, built
        cls.build_output = built.out
        trained = run("train", cls.experiment, "--json", "--out", cls.path("by-kiln"))
        assert trained.code == 0, trained
        cls.expected = trained.json()

    def runTest(self):
        """So that setUpClass can use the helpers of an instance."""

    def call(self, *arguments, code=0, program=None):
        result = run(*arguments, program=program or self.trainer, cwd=self.directory)
        self.assertEqual(result.code, code, f"{arguments}\n{result}")
        return result

    def refused_by_trainer(self, code, words, *arguments):
        result = self.call(*arguments, code=code)
        self.assertTrue(result.err.startswith("blobs-trainer: error: "), result)
        for word in words:
            self.assertIn(word, result.err)
        self.assertEqual(result.out, "")

    def test_bits_are_those_of_kiln_train(self):
        for threads in 1, 3:
            facts = self.call("--json", "--out", self.path(f"own{threads}"), "--threads", threads).json()
            for field in "weights_sha256", "plan_hash", "train_loss", "test_loss", "test_accuracy", "steps", "epochs":
                self.assertEqual(facts[field], self.expected[field], field)
        other = self.call("--json", "--out", self.path("seed"), "--seed", 2).json()
        wanted = self.kiln("train", self.experiment, "--json", "--out", self.path("seed-by-kiln"), "--seed", 2).json()
        self.assertEqual(other["weights_sha256"], wanted["weights_sha256"])
        other = self.call("--json", "--out", self.path("rate"), "--lr", "0.01", "--epochs", 2).json()
        wanted = self.kiln("train", self.experiment, "--json", "--out", self.path("rate-by-kiln"), "--epochs", 2,
                           "--set", "training.learning_rate.start=0.01").json()
        self.assertEqual(other["weights_sha256"], wanted["weights_sha256"])

    def test_weights_and_checkpoints_go_both_ways(self):
        checkpoint = self.path("by-kiln/checkpoints/last.safetensors")
        tested = self.call("--test", "--weights", checkpoint, "--json").json()
        self.assertEqual(tested["samples"], TEST_SAMPLES)
        self.assertEqual(tested["test_loss"], self.expected["test_loss"])
        self.call("--out", self.path("to-kiln"), "--max-steps", 11, "--progress", "none")
        again = self.kiln("train", self.experiment, "--json", "--resume", "--out", self.path("to-kiln")).json()
        self.assertEqual(again["weights_sha256"], self.expected["weights_sha256"])
        self.kiln("train", self.experiment, "--out", self.path("from-kiln"), "--max-steps", 13, "--progress", "none")
        again = self.call("--resume", "--json", "--out", self.path("from-kiln")).json()
        self.assertEqual(again["weights_sha256"], self.expected["weights_sha256"])
        # Fine-tuning starts from the weights alone.
        tuned = self.call("--json", "--out", self.path("tuned"), "--weights", checkpoint, "--epochs", 1).json()
        wanted = self.kiln("train", self.experiment, "--json", "--out", self.path("tuned-by-kiln"), "--weights", checkpoint,
                           "--epochs", 1).json()
        self.assertEqual(tuned["weights_sha256"], wanted["weights_sha256"])

    def test_predict(self):
        images = read_file(self.path("test-images"))[16:]
        files = []
        for sample in range(20):
            files.append(write_pgm(self.path(f"sample{sample}.pgm"), SIDE, images[sample * SIDE * SIDE :]))
        rows = self.kiln("predict", self.experiment, "--out", self.path("by-kiln"), "--top", CLASSES, "--json", "0-19")
        expected = rows.json()["samples"]
        told = json.loads(self.call("--predict", *files, "--out", self.path("by-kiln"), "--top", CLASSES, "--json").out)
        self.assertEqual([entry["file"] for entry in told], files)
        for entry, wanted in zip(told, expected, strict=True):
            for ours, theirs in zip(entry["top"], wanted["top"], strict=True):
                self.assertEqual((ours["class"], ours["name"]), (theirs["class"], theirs["name"]))
                self.assertAlmostEqual(ours["probability"], theirs["probability"], 5)
        # Bad files leave the others alone.
        self.write("empty.png", "")
        result = self.call("--predict", files[0], self.path("empty.png"), self.path("missing.png"), files[1], "--out",
                           self.path("by-kiln"), code=4)
        self.assertEqual([line.split(": ")[0] for line in result.out.splitlines()], [files[0], files[1]])
        problems = result.err.splitlines()
        self.assertEqual(len(problems), 2)
        self.assertIn(self.path("empty.png"), problems[0])
        self.assertIn(self.path("missing.png"), problems[1])

    def test_data_elsewhere(self):
        moved = self.path("moved")
        os.makedirs(moved)
        for name in "train-images.gz", "train-labels.gz", "test-images", "test-labels":
            shutil.copy(self.path(name), moved)
        subprocess.run(["gunzip", os.path.join(moved, "train-images.gz")], check=True)
        facts = self.call("--json", "--data", moved, "--out", self.path("moved-run")).json()
        self.assertEqual(facts["weights_sha256"], self.expected["weights_sha256"])
        files = [os.path.join(moved, name) for name in ("train-images", "train-labels.gz")]
        facts = self.call("--json", "--data", *files, "--out", self.path("files-run")).json()
        self.assertEqual(facts["weights_sha256"], self.expected["weights_sha256"])
        self.assertIsNone(facts["test_loss"])
        self.refused_by_trainer(4, ["there is no ", "train-images"], "--data", self.path("by-kiln"))
        self.refused_by_trainer(2, ["up to 4 files"], "--data", *files, *files, *files)
        self.refused_by_trainer(4, ["test-labels"], "--data", files[0], self.path("test-labels"), "--out", self.path("mixed"))

    def test_signals_and_kills_do_not_change_bits(self):
        for number in signal.SIGINT, signal.SIGTERM:
            out = self.path(f"signal{number}")
            process = subprocess.Popen([self.trainer, "--out", out, "--epochs", "4000", "--progress", "none"], cwd=self.directory,
                                       stdout=subprocess.DEVNULL)
            while not os.path.exists(out + "/metrics.jsonl"):
                time.sleep(0.01)
            time.sleep(0.05)
            process.send_signal(number)
            self.assertEqual(process.wait(60), 128 + number)
        # Runs that are killed again and again until they are through, until there were enough kills.
        draw = random.Random(7)
        kills = runs = 0
        while kills < KILLS:
            out = self.path(f"killed{runs}")
            killed, before = True, kills
            while killed:
                process = subprocess.Popen([self.trainer, "--resume", "--out", out, "--progress", "none", "--json"],
                                           cwd=self.directory, stdout=subprocess.PIPE)
                try:
                    told = process.communicate(timeout=draw.uniform(0.005, 0.08))[0]
                    killed = False
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.communicate()
                    kills += 1
            self.assertEqual(process.returncode, 0)
            self.assertEqual(json.loads(told)["weights_sha256"], self.expected["weights_sha256"])
            runs += 1
            self.assertLess(kills - before, 2000, "a run that never ends")
        print(f"{kills} kills of {runs} runs")

    def test_command_line(self):
        help_text = self.call("--help").out
        for flag in ["--data", "--epochs", "--lr", "--seed", "--threads", "--out", "--resume", "--weights", "--test",
                     "--predict", "--json", "--info"]:
            self.assertIn(flag, help_text)
        info = self.call("--info").out
        for word in ["blobs", "image u8[32,12,12,1]", "not fixed", self.expected["plan_hash"], "top left", "train-images.gz"]:
            self.assertIn(word, info)
        facts = self.call("--info", "--json").json()
        self.assertEqual(facts["plan_hash"], self.expected["plan_hash"])
        self.assertEqual(facts["recipe"]["epochs"], 4)
        licences = self.call("--licences").out
        for word in "jpeg", "PNG", "zlib", "GNU":
            self.assertIn(word, licences)
        self.assertTrue(self.call("--version").out.startswith("kiln "))
        self.refused_by_trainer(2, ["unknown option --epoch"], "--epoch", 3)
        self.refused_by_trainer(2, ["--epochs needs a value"], "--epochs")
        self.refused_by_trainer(2, ["--epochs takes a whole number from 1", "\"0\""], "--epochs", 0)
        self.refused_by_trainer(2, ["--lr takes a number above 0"], "--lr", "fast")
        self.refused_by_trainer(2, ["--seed is given twice"], "--seed", 1, "--seed", 2)
        self.refused_by_trainer(2, ["\"stray\""], "stray")
        self.refused_by_trainer(4, ["no weights: "], "--test", "--out", self.path("never"))
        self.refused_by_trainer(2, ["holds a run already"], "--out", self.path("by-kiln"))
        error = self.call("--threads", "many", "--json", code=2).json()["error"]
        self.assertEqual((error["kind"], error["exit_code"]), ("usage", 2))
        # A torn checkpoint is told, and the one before it taken.
        out = self.path("torn")
        self.call("--out", out, "--max-steps", 24, "--progress", "none")
        with open(out + "/checkpoints/last.safetensors", "r+b") as file:
            file.truncate(1000)
        resumed = self.call("--resume", "--out", out, "--json", "--progress", "plain")
        self.assertIn("last.safetensors", resumed.err)
        self.assertEqual(resumed.json()["weights_sha256"], self.expected["weights_sha256"])

    def test_statistics_of_the_data_come_along(self):
        text = read_file(self.experiment).decode()
        text = re.sub(r"preprocess \{.*\}", "preprocess { zero_center: PIXEL }", text)
        experiment = self.write("centred.textproto", text)
        self.kiln("build", experiment, "--emit=trainer", "-o", self.path("centred"))
        facts = self.call("--json", "--out", self.path("centred-run"), program=self.path("centred")).json()
        wanted = self.kiln("train", experiment, "--json", "--out", self.path("centred-by-kiln")).json()
        self.assertEqual(facts["weights_sha256"], wanted["weights_sha256"])

    def test_augmentation_draws_the_same(self):
        draw = random.Random(3)
        for name in "abcd":
            os.makedirs(self.path(f"colors/{name}"))
            for number in range(8):
                with open(self.path(f"colors/{name}/{number}.ppm"), "wb") as file:
                    file.write(b"P6 %d %d 255\n" % (SIDE, SIDE) + draw.randbytes(3 * SIDE * SIDE))
        text = read_file(self.experiment).decode()
        text = re.sub(r"data \{.*?\n\}\n", f'data {{ folder {{ train: "colors" }} image {{ height: {SIDE} }} }}\n', text,
                      flags=re.DOTALL)
        augment = ("augment { rotate_scale { degrees: 9 } random_crop { padding: 1 } flip {} color_jitter { brightness: [0.6, 1.4] "
                   "hue: 0.1 } hsv_jitter {} random_erasing { probability: 0.8 fill: [1, 2, 3] } }\n")
        experiment = self.write("colors.textproto", text + augment)
        self.kiln("build", experiment, "--emit=trainer", "-o", self.path("colors-trainer"))
        facts = self.call("--json", "--out", self.path("colors-run"), program=self.path("colors-trainer")).json()
        wanted = self.kiln("train", experiment, "--json", "--out", self.path("colors-by-kiln")).json()
        self.assertEqual(facts["weights_sha256"], wanted["weights_sha256"])
        told = self.call("--info", program=self.path("colors-trainer")).out
        self.assertIn("rotate_scale, random_crop, flip, color_jitter, hsv_jitter, random_erasing", told)
        for setting in "color_jitter.hue=0.2", "hsv_jitter.shift=0.2", "random_erasing.probability=0.1":
            other = self.kiln("train", experiment, "--json", "--out", self.path(f"colors-{setting}"), "--set",
                              f"augment.{setting}").json()
            self.assertNotEqual(other["weights_sha256"], wanted["weights_sha256"], setting)

    def test_the_same_inputs_give_the_same_bytes(self):
        files = [read_file(self.trainer)]
        for threads, cache in (1, "off"), (2, self.path("cache")):
            self.kiln("build", self.experiment, "--emit=trainer", "-o", self.path("again"), "--threads", threads, "--cache", cache)
            files.append(read_file(self.path("again")))
        self.assertEqual(files[0], files[1])
        self.assertEqual(files[0], files[2])

    def test_levels(self):
        trainer = self.path("levels")
        self.kiln("build", self.experiment, "--emit=trainer", "-o", trainer, "--cpu", "v3,x86-64")
        self.assertIn("of x86-64, v3 inside", self.call("--info", program=trainer).out)
        bits = {}
        for level in "x86-64", "v3":
            facts = self.call("--json", "--cpu", level, "--out", self.path(f"level-{level}"), program=trainer).json()
            wanted = self.kiln("train", self.experiment, "--json", "--cpu", level, "--out", self.path(f"kiln-{level}")).json()
            self.assertEqual(facts["weights_sha256"], wanted["weights_sha256"])
            self.assertEqual(facts["plan_hash"], wanted["plan_hash"])
            bits[level] = facts["weights_sha256"]
        self.assertNotEqual(bits["x86-64"], bits["v3"])
        best = self.call("--json", "--out", self.path("level-best"), program=trainer).json()
        self.assertEqual(best["weights_sha256"], bits["v3"])
        result = self.call("--cpu", "v4", code=2, program=trainer)
        self.assertIn("--cpu takes one of x86-64, v3, not \"v4\"", result.err)
        self.refused(2, ["level v3 is given twice"], "build", self.experiment, "--emit=trainer", "--cpu", "v3,v3")

    def test_refusals(self):
        self.refused(1, ["has no crt1.o", "--sysroot"], "build", self.experiment, "--emit=trainer", "--sysroot", self.directory)


class LeNet(ToolTest):
    """The trainer of the example, where there is nothing but it and the data."""

    def test_trains_in_an_empty_root(self):
        root = self.path("root")
        os.makedirs(root + "/data")
        for name in os.listdir(FASHION_MNIST):
            if name.endswith("ubyte.gz"):
                shutil.copy(os.path.join(FASHION_MNIST, name), root + "/data")
        built = self.kiln("build", LENET, "--emit=trainer", "-o", root + "/lenet", "-v")
        size = os.path.getsize(root + "/lenet")
        if IS_RELEASE:
            self.assertLessEqual(size, 2.5 * MEGABYTE, built.out)
        kind = subprocess.run(["ldd", root + "/lenet"], capture_output=True, text=True)
        self.assertIn("not a dynamic executable", kind.stdout + kind.stderr)
        if not can_change_root():
            self.skipTest("changing the root needs privileges")
        steps = ["--max-steps", "150", "--json", "--progress", "none"]
        command = [CHROOT, root, "/lenet", "--data", "/data", "--out", "/run", *steps]
        done = subprocess.run(command, capture_output=True, text=True, env={}, timeout=240)
        self.assertEqual(done.returncode, 0, done.stderr)
        facts = json.loads(done.stdout)
        wanted = self.kiln("train", LENET, "--out", self.path("lenet"), *steps).json()
        self.assertEqual(facts["weights_sha256"], wanted["weights_sha256"])
        self.assertEqual(facts["test_accuracy"], wanted["test_accuracy"])

    @unittest.skipUnless(IS_RELEASE, "memory of debug code is another")
    def test_peak_memory_is_what_check_says(self):
        # LeNet, and with a parameter so large that a copy of it counts.
        text = read_file(LENET).decode().replace("units: 500", "units: 8000")
        for name, experiment in ("lenet", LENET), ("wide", self.write("wide.textproto", text)):
            memory = self.kiln("check", experiment, "--json").json()["memory"]
            trainer = self.path(name + "-memory")
            self.kiln("build", experiment, "--emit=trainer", "-o", trainer)
            for threads in 1, 2:
                training = memory["training"]
                told = training["fixed_bytes"] + threads * training["bytes_per_thread"] + memory["data_bytes"] + memory["trainer_bytes"]
                process = subprocess.Popen([trainer, "--out", self.path(f"{name}-{threads}"), "--max-steps", "20", "--threads",
                                            str(threads), "--progress", "none"], stdout=subprocess.DEVNULL)
                _, status, usage = os.wait4(process.pid, 0)
                process.returncode = os.waitstatus_to_exitcode(status)
                self.assertEqual(process.returncode, 0)
                self.assertLess(usage.ru_maxrss * 1024, 1.01 * told + 2 * MEGABYTE, f"{name}, {threads} threads, told {told}")
                self.assertGreater(usage.ru_maxrss * 1024, 0.97 * told, f"{name}, {threads} threads, told {told}")


if __name__ == "__main__":
    unittest.main()
