"""kiln on folders, lists and arrays of images: training, resuming and checking, on files good and bad."""

import json
import os
import random
import shutil
import signal
import time
import unittest

from support import CLASSES, NETWORK, REST, SIDE, ToolTest, png, start

NAMES = ["bottom_left", "bottom_right", "top_left", "top_right"]  # as the directories sort


def picture(draw, label):
    """Noise with a bright square in the corner that the name of the label says, in colour."""
    half = SIDE // 2
    row = (half if "bottom" in NAMES[label] else 0) + draw.randrange(3)
    column = (half if "right" in NAMES[label] else 0) + draw.randrange(3)
    pixels = bytearray(draw.randrange(120) for _ in range(SIDE * SIDE * 3))
    for y in range(row, row + 3):
        for x in range(column, column + 3):
            for channel in range(3):
                pixels[(y * SIDE + x) * 3 + channel] = 130 + draw.randrange(120)
    return bytes(pixels)


def ppm(pixels):
    return b"P6 %d %d 255\n" % (SIDE, SIDE) + pixels


class Data(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        draw = random.Random(7)
        cls.lists = {}
        for split, samples in [("train", 200), ("test", 60)]:
            lines = []
            for sample in range(samples):
                label = sample % CLASSES
                name = f"{NAMES[label]}/{sample:03}" + (".ppm" if sample % 3 else ".png")
                path = os.path.join(cls.directory, split, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                pixels = picture(draw, label)
                with open(path, "wb") as file:
                    file.write(ppm(pixels) if sample % 3 else png(SIDE, pixels, 2))
                lines.append((name, label))
            cls.lists[split] = lines

    def write_experiment(self, name, source, more=""):
        data = f"data {{ {source} image {{ height: {SIDE} }} {more} }}\n"
        return self.write(name, f'name: "blobs"\n' + NETWORK + data + REST)

    def folder(self, name="folder.textproto", train="train", more=""):
        return self.write_experiment(name, f'folder {{ train: "{train}" test: "test" }}', more)

    def train(self, experiment, out, *arguments, code=0):
        return self.kiln("train", experiment, "--json", "--out", self.path(out), *arguments, code=code).json()

    def copy_of_train(self, name):
        shutil.copytree(self.path("train"), self.path(name))
        return name

    def test_folder_learns_and_threads_and_workers_change_nothing(self):
        experiment = self.folder()
        one = self.train(experiment, "one", "--threads", 1)
        self.assertGreater(one["test_accuracy"], 0.8)
        for arguments in [["--threads", 2], ["--threads", 4], ["--threads", 4, "--input-workers", 2],
                          ["--threads", 2, "--input-workers", 1, "--set", "data.cache_mb=0"]]:
            more = self.train(experiment, "more" + "".join(map(str, arguments)).replace("/", ""), *arguments)
            self.assertEqual(more["weights_sha256"], one["weights_sha256"], arguments)
            self.assertEqual(more["test_loss"], one["test_loss"], arguments)
        # The classes are the directories, and go with the run.
        facts = self.kiln("check", experiment, "--json").json()
        self.assertEqual(facts["class_names"], NAMES)
        self.assertEqual((facts["train_samples"], facts["test_samples"]), (200, 60))
        with open(self.path("one/experiment.textproto"), encoding="utf-8") as file:
            self.assertIn('class_name: "bottom_left"', file.read())
        predicted = self.kiln("predict", experiment, "0", "--out", self.path("one")).out
        self.assertIn("bottom_left", predicted)

    def test_kill_and_resume(self):
        experiment = self.folder("killed.textproto")
        settings = ["--set", "training.checkpoint_every_steps=3", "--epochs", 8, "--threads", 2]
        whole = self.train(experiment, "whole", *settings)
        process = start("train", experiment, "--out", self.path("killed"), *settings)
        checkpoint = self.path("killed/checkpoints/last.safetensors")
        for _ in range(2000):
            if os.path.exists(checkpoint) or process.poll() is not None:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        resumed = self.train(experiment, "killed", "--resume", *settings)
        self.assertEqual(resumed["weights_sha256"], whole["weights_sha256"])

    def test_list_and_folder_are_the_same_data(self):
        # A folder's samples are sorted by class and name.
        for split, lines in self.lists.items():
            text = "".join(f'"{split}/{name}",{NAMES[label]}\n' for name, label in sorted(lines))
            self.write(f"{split}.csv", "path,label\n" + text)
        experiment = self.write_experiment("list.textproto", 'list { train: "train.csv" test: "test.csv" header: true }')
        listed = self.train(experiment, "listed", "--epochs", 1)
        folder = self.train(self.folder("same.textproto"), "same", "--epochs", 1)
        self.assertEqual(listed["weights_sha256"], folder["weights_sha256"])
        self.assertEqual(listed["test_loss"], folder["test_loss"])

    def test_split_makes_validation_and_test(self):
        experiment = self.write_experiment("split.textproto", 'folder { train: "train" }',
                                           "split { validation: 0.1 test: 0.2 }")
        facts = self.kiln("check", experiment, "--json").json()
        self.assertEqual([facts[part + "_samples"] for part in ["train", "validation", "test"]], [140, 20, 40])
        trained = self.train(experiment, "split", "--epochs", 2)
        self.assertEqual(trained["evaluated"], "validation")
        tested = self.kiln("test", experiment, "--out", self.path("split"), "--json").json()
        self.assertEqual(tested["samples"], 40)

    def test_bad_records(self):
        train = self.copy_of_train("bad")
        damaged = self.path("bad/top_left/002.ppm")
        with open(damaged, "r+b") as file:
            file.truncate(100)
        experiment = self.folder("bad.textproto", train)
        failed = self.kiln("train", experiment, "--out", self.path("failed"), code=4)
        self.assertIn(damaged, failed.err)
        self.assertIn("truncated", failed.err)
        skipping = self.folder("skip.textproto", train, "on_bad_record: SKIP")
        hashes = set()
        for threads in [1, 2, 4]:
            facts = self.train(skipping, f"skip{threads}", "--threads", threads)
            self.assertEqual(facts["bad_records"], 1)
            hashes.add(facts["weights_sha256"])
            with open(self.path(f"skip{threads}/bad_records.txt"), encoding="utf-8") as file:
                lines = file.read().splitlines()
            self.assertEqual(len(lines), 1)
            self.assertIn(damaged, lines[0])
        self.assertEqual(len(hashes), 1)

    def test_a_file_that_vanishes(self):
        train = self.copy_of_train("vanishing")
        gone = self.path("vanishing/top_right/011.ppm")
        experiment = self.folder("vanishing.textproto", train, "cache_mb: 0")
        settings = ["--epochs", 100000, "--threads", 2, "--progress", "none"]
        process = start("train", experiment, "--out", self.path("vanished"), *settings)
        for _ in range(2000):
            if os.path.exists(self.path("vanished/checkpoints/last.safetensors")) or process.poll() is not None:
                break
            time.sleep(0.01)
        os.rename(gone, gone + ".away")
        _, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 4, err)
        self.assertIn(gone, err)
        self.assertIn("--resume goes on from", err)
        os.rename(gone + ".away", gone)
        with open(self.path("vanished/metrics.csv"), encoding="utf-8") as file:
            done = len(file.read().splitlines()) - 1
        # Goes on where it stood, and ends as a run that met no trouble.
        more = ["--epochs", done + 2]
        resumed = self.train(experiment, "vanished", "--resume", *more)
        whole = self.train(experiment, "untroubled", *more)
        self.assertEqual(resumed["weights_sha256"], whole["weights_sha256"])

    def test_check_data_names_everything(self):
        train = self.copy_of_train("faulty")
        with open(self.path("faulty/top_left/zero.png"), "wb"):
            pass
        with open(self.path("faulty/top_left/page.jpg"), "wb") as file:
            file.write(b"<!DOCTYPE html>")
        shutil.copy(self.path("test/top_left/002.ppm"), self.path("faulty/top_left/leak.ppm"))
        experiment = self.folder("faulty.textproto", train)
        self.kiln("check", experiment)  # in a moment, and so without opening images
        found = self.kiln("check", experiment, "--data", code=4)
        self.assertIn("faulty/top_left/zero.png: the file is empty", found.out)
        self.assertIn("faulty/top_left/page.jpg: an HTML or XML file", found.out)
        self.assertIn("test/top_left/002.ppm (test) is the same picture as", found.out)
        self.assertIn("faulty/top_left/leak.ppm (train)", found.out)
        self.assertIn("reading data: 263 of 263", found.err)
        findings = self.kiln("check", experiment, "--data", "--json", code=4).json()["data"]["findings"]
        self.assertEqual([finding["kind"] for finding in findings], ["unreadable", "unreadable", "duplicate"])
        good = self.kiln("check", self.folder("good.textproto"), "--data")
        self.assertIn("data: nothing wrong found", good.out)
        self.assertIn("train: 200 samples: bottom_left 50", good.out)

    def test_many_findings_are_counted(self):
        train = self.copy_of_train("many")
        for sample in range(30):
            with open(self.path(f"many/top_left/x{sample:02}.png"), "wb"):
                pass
        found = self.kiln("check", self.folder("many.textproto", train), "--data", code=4)
        self.assertEqual(found.out.count("the file is empty"), 20)
        self.assertIn("and 10 more of this kind", found.out)

    def test_missing_classes_are_told_by_check(self):
        train = self.copy_of_train("missing")
        shutil.rmtree(self.path("missing/top_left"))
        os.mkdir(self.path("missing/top_left"))
        said = self.kiln("check", self.folder("missing.textproto", train))
        self.assertIn("missing/top_left: no images in the directory of a class", said.err)
        found = self.kiln("check", self.folder("missing.textproto", train), "--data", code=4)
        self.assertIn("class 2 (top_left) has no train sample", found.out)


if __name__ == "__main__":
    unittest.main()
