"""Inference binaries: what kiln predict gives, from images of every kind, in an empty root, and their command line."""

import array
import json
import math
import os
import re
import resource
import shutil
import subprocess
import unittest

import flat_jpeg
from support import CLASSES, IS_RELEASE, SIDE, SOURCE_DIR, ToolTest, png, read_file, run, write_pgm

CHROOT = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin")
LENET = os.path.join(SOURCE_DIR, "examples/fashion_mnist/lenet.textproto")
MEGABYTE = 1_000_000
SAMPLES = 40
NAMES = ["top left", "top right", "bottom left", "bottom right"]


def samples_of(pixels, colour, depth):
    """A grey image's bytes as opaque samples of that colour type, all colours alike."""
    samples = b""
    for value in pixels:
        values = [value] * (3 if colour & 2 else 1) + ([255] if colour & 4 else [])
        samples += b"".join(bytes([v] * (depth // 8)) for v in values)
    return samples


class Inference(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        trained = run("train", cls.experiment, "--out", cls.path("run"), "--progress", "none")
        assert trained.code == 0, trained
        cls.net = cls.path("blobs")
        built = run("build", cls.experiment, "--emit=infer", "--out", cls.path("run"), "-o", cls.net)
        assert built.code == 0, built
        cls.images = read_file(cls.path("test-images"))[16:]
        rows = run("predict", cls.experiment, "--out", cls.path("run"), "--top", CLASSES, "--json", f"0-{SAMPLES - 1}")
        cls.expected = [entry["top"] for entry in rows.json()["samples"]]

    def put(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def image(self, sample):
        return self.images[sample * SIDE * SIDE : (sample + 1) * SIDE * SIDE]

    def call(self, *arguments, code=0):
        result = run(*arguments, program=self.net, cwd=self.directory)
        self.assertEqual(result.code, code, f"{arguments}\n{result}")
        return result

    def assert_like(self, told, expected):
        self.assertEqual([entry["class"] for entry in told], [entry["class"] for entry in expected])
        for ours, theirs in zip(told, expected, strict=True):
            self.assertEqual(ours["name"], theirs["name"])
            self.assertAlmostEqual(ours["probability"], theirs["probability"], 5)

    def test_files_are_classified_as_by_kiln_predict(self):
        os.makedirs(self.path("album/deeper"))
        files = []
        for sample in range(SAMPLES):
            folder = "album" if sample % 2 else "album/deeper"
            files.append(write_pgm(self.path(f"{folder}/{sample:02}.pgm"), SIDE, self.image(sample)))
        told = json.loads(self.call(*files, "--json", "--top", CLASSES).out)
        self.assertEqual([entry["file"] for entry in told], files)
        for entry, expected in zip(told, self.expected, strict=True):
            self.assert_like(entry["top"], expected)
        # A directory: its own files, then those below.
        told = json.loads(self.call(self.path("album"), "--json", "--threads", 3, "--top", CLASSES).out)
        self.assertEqual([os.path.basename(entry["file"]) for entry in told],
                         [f"{n:02}.pgm" for n in [*range(1, SAMPLES, 2), *range(0, SAMPLES, 2)]])
        for entry in told:
            self.assert_like(entry["top"], self.expected[int(os.path.basename(entry["file"])[:2])])
        lines = self.call(*files[:2], "--top", 2).out.splitlines()
        self.assertEqual(len(lines), 2)
        for line, file, expected in zip(lines, files, self.expected):
            self.assertRegex(line, rf"^{re.escape(file)}: +[\d.]+% {expected[0]['name']} +[\d.]+% {expected[1]['name']}$")

    def test_idx_and_raw(self):
        told = json.loads(self.call("--idx", self.path("test-images"), "--json", "--top", CLASSES).out)
        self.assertEqual(len(told), 130)
        for entry, expected in zip(told, self.expected):
            self.assert_like(entry["top"], expected)
        for count in 1, 16, 37:
            done = subprocess.run([self.net, "--raw"], input=self.images[: count * SIDE * SIDE], capture_output=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            values = memoryview(done.stdout).cast("f").tolist()
            self.assertEqual(len(values), count * CLASSES)
            for sample in range(count):
                for entry in self.expected[sample]:
                    self.assertAlmostEqual(values[sample * CLASSES + entry["class"]], entry["probability"], 5)
        done = subprocess.run([self.net, "--raw"], input=self.images[:100], capture_output=True)
        self.assertEqual(done.returncode, 4)
        self.assertIn(b"stdin ends within an image: 144 bytes each, 100 left over", done.stderr)

    def test_raw_floats(self):
        def call(values):
            return subprocess.run([self.net, "--raw-float"], input=values.tobytes(), capture_output=True)

        pixels = self.images[: 20 * SIDE * SIDE]
        expected = subprocess.run([self.net, "--raw"], input=pixels, capture_output=True, check=True).stdout
        self.assertEqual(call(array.array("f", list(pixels))).stdout, expected)
        rounded = call(array.array("f", [min(255, max(0, pixel + 0.49 - 0.98 * (at % 2))) for at, pixel in enumerate(pixels)]))
        self.assertEqual((rounded.returncode, rounded.stdout), (0, expected))
        scaled = array.array("f", [pixel / 255 for pixel in pixels])
        for values, words in [(scaled, "all values are from 0 to 1"), (array.array("f", [256.0] * 144), "value 0 is 256"),
                              (array.array("f", [1.0] * 143 + [math.nan]), "value 143 is nan"),
                              (array.array("f", [-1.0] * 144), "expected 0 to 255"),
                              (array.array("f", [7.0] * 100), "576 bytes each, 400 left over")]:
            done = call(values)
            self.assertEqual(done.returncode, 4, words)
            self.assertIn(words, done.stderr.decode())
            self.assertEqual(done.stdout, b"")

    def test_kinds_of_images(self):
        names = []
        for colour in 0, 2, 4, 6:
            for depth in 8, 16:
                names.append(self.put(f"{colour}-{depth}.png", png(SIDE, samples_of(self.image(0), colour, depth), colour, depth)))
        told = json.loads(self.call(*names, "--json", "--top", CLASSES).out)
        for entry in told:
            self.assert_like(entry["top"], self.expected[0])
        # Another size is fitted, a colour JPEG made grey.
        large = bytes(self.image(0)[(y // 3) * SIDE + x // 3] for y in range(3 * SIDE) for x in range(3 * SIDE))
        photo = flat_jpeg.encode(32, 40, lambda row, column: [200, 100, 50])
        told = json.loads(self.call(self.put("large.png", png(3 * SIDE, large)), self.put("photo.jpg", photo), "--json").out)
        self.assertEqual(told[0]["top"][0]["name"], self.expected[0][0]["name"])
        self.assertEqual(len(told[1]["top"]), 3)

    def test_jpegs_of_one_and_of_four_channels(self):
        def value(row, column):
            return 40 + 50 * (row + 2 * column)

        grey = flat_jpeg.encode_channels(16, 16, 1, lambda row, column: [value(row, column)])
        ink = flat_jpeg.encode_channels(16, 16, 4, lambda row, column: [0, 0, 0, 255 - value(row, column)])
        colour = flat_jpeg.encode(16, 16, lambda row, column: [value(row, column)] * 3)
        files = [self.put(name, data) for name, data in [("grey.jpg", grey), ("cmyk.jpg", ink), ("colour.jpg", colour)]]
        told = json.loads(self.call(*files, "--json", "--top", CLASSES).out)
        for entry in told[1:]:
            for ours, first in zip(entry["top"], told[0]["top"], strict=True):
                self.assertEqual(ours["class"], first["class"])
                self.assertAlmostEqual(ours["probability"], first["probability"], 4)

    def test_bad_files_leave_the_others_alone(self):
        photo = flat_jpeg.encode(64, 64, lambda row, column: [200, 100, 50])
        bad = {
            self.put("empty.png", b""): "the file is empty",
            self.put("torn.jpg", photo[: len(photo) * 2 // 3]): "torn.jpg",
            self.put("torn.png", png(SIDE, self.image(0))[:60]): "torn.png",
            self.put("text.jpg", b"<!DOCTYPE html><html></html>"): "HTML",
            self.path("missing.png"): "No such file",
        }
        good = [write_pgm(self.path(f"good{n}.pgm"), SIDE, self.image(n)) for n in range(2)]
        words = [good[0], *bad, good[1]]
        result = self.call(*words, code=4)
        self.assertEqual([line.split(": ")[0] for line in result.out.splitlines()], good)
        lines = result.err.splitlines()
        self.assertEqual(len(lines), len(bad), result.err)
        for line, (path, words_wanted) in zip(lines, bad.items()):
            self.assertTrue(line.startswith("blobs: error: "), line)
            self.assertIn(path, line)
            self.assertIn(words_wanted, line)
        told = json.loads(self.call(*words, "--json", code=4).out)
        self.assertEqual([entry["file"] for entry in told], words)
        self.assertEqual([("error" in entry) for entry in told], [False] + [True] * len(bad) + [False])
        # Directories among files; a pipe that nobody writes to must not keep us waiting.
        os.makedirs(self.path("nothing"))
        os.makedirs(self.path("mixed"))
        shutil.copy(good[1], self.path("mixed/b.pgm"))
        self.put("mixed/a.png", b"")
        os.mkfifo(self.path("pipe.png"))
        result = self.call(good[0], self.path("nothing"), self.path("mixed"), self.path("pipe.png"), code=4)
        self.assertEqual([line.split(": ")[0] for line in result.out.splitlines()], [good[0], self.path("mixed/b.pgm")])
        lines = result.err.splitlines()
        self.assertEqual(len(lines), 3, result.err)
        for line, wanted in zip(lines, ["nothing: holds no image", "mixed/a.png: the file is empty", "pipe.png: Invalid"]):
            self.assertTrue(line.startswith("blobs: error: "), line)
            self.assertIn(wanted, line)
        told = json.loads(self.call(self.path("nothing"), "--json", code=4).out)
        self.assertEqual([entry["file"] for entry in told], [self.path("nothing")])
        for arguments in ["--idx", self.path("missing")], ["--idx", self.path("nothing")], ["--idx", self.path("empty.png")]:
            result = self.call(*arguments, code=4)
            self.assertIn(arguments[1], result.err)
            self.assertEqual(result.out, "")

    def test_command_line(self):
        info = self.call("--info").out
        for word in ["blobs", "predict(image u8[1,12,12,1])", "plan hash", *NAMES]:
            self.assertIn(word, info)
        self.assertEqual(self.call("--info", "--json").json()["classes"], NAMES)
        self.assertIn("--selftest", self.call("--help").out)
        self.assertEqual(self.call("--selftest").out, "self test passed\n")
        self.assertRegex(self.call("--bench").out, r"^batch 1: [\d.]+ ms median.*\nbatch 16: .* images/s on \d+ threads\n$")
        self.assertIn("jpeg", self.call("--licences").out)
        for arguments, words in [([], "which images?"), (["--raw", "x.png"], "at a time"), (["--fast"], "unknown option --fast"),
                                 (["x.png", "--top", "0"], "--top takes a whole number from 1")]:
            result = self.call(*arguments, code=2)
            self.assertTrue(result.err.startswith("blobs: error: "))
            self.assertIn(words, result.err)
        self.refused(4, ["no weights: "], "build", self.experiment, "--emit=infer", "--out", self.path("never trained"))

    def test_levels(self):
        self.kiln("build", self.experiment, "--emit=infer", "--out", self.path("run"), "-o", self.path("levels"),
                  "--cpu", "x86-64,v3")
        file = write_pgm(self.path("level.pgm"), SIDE, self.image(0))
        for level in "x86-64", "v3":
            result = run("--selftest", "--cpu", level, program=self.path("levels"))
            self.assertEqual((result.code, result.out), (0, "self test passed\n"))
            told = run(file, "--json", "--top", CLASSES, "--cpu", level, program=self.path("levels"))
            self.assert_like(json.loads(told.out)[0]["top"], self.expected[0])

    def test_weights_outside(self):
        net, weights = self.path("light"), self.path("light.safetensors")
        words = "build", self.experiment, "--emit=infer", "--out", self.path("run"), "-o", net, "--weights-outside"
        self.assertIn(weights, self.kiln(*words, "--cpu", "x86-64,v3").out)
        file = write_pgm(self.path("outside.pgm"), SIDE, self.image(0))
        moved = self.path("moved.weights")
        for level in "x86-64", "v3":
            self.assertEqual(run("--selftest", "--cpu", level, program=net).out, "self test passed\n")
            told = run(file, "--json", "--top", CLASSES, "--cpu", level, program=net)
            self.assert_like(json.loads(told.out)[0]["top"], self.expected[0])
        whole = read_file(weights)
        # Each weight once, for both levels: 6x9 + 6, 20x216 + 20, 4x20 + 4.
        self.assertLess(len(whole), 4 * (6 * 9 + 6 + 20 * 216 + 20 + 4 * 20 + 4) + 2000)
        os.rename(weights, moved)
        result = run(file, program=net)
        self.assertEqual(result.code, 4)
        self.assertIn(f"no weights: {weights} does not exist; --weights-file", result.err)
        self.assertEqual(run("--selftest", "--weights-file", moved, program=net).code, 0)
        for size in 0, 7, 100, len(whole) - 1:
            with open(moved, "wb") as torn:
                torn.write(whole[:size])
            result = run(file, "--weights-file", moved, program=net)
            self.assertEqual((result.code, result.out), (4, ""), result)
            self.assertIn(moved, result.err)
        # Weights of another training belong to another binary.
        self.kiln("train", self.experiment, "--out", self.path("other"), "--epochs", 1, "--progress", "none")
        self.kiln("build", self.experiment, "--emit=infer", "--out", self.path("other"), "-o", self.path("other-net"),
                  "--weights-outside")
        result = run(file, "--weights-file", self.path("other-net.safetensors"), "--cpu", "v3", program=net)
        self.assertEqual(result.code, 4)
        self.assertRegex(result.err, "not the weights|written for plan")
        checkpoint = self.path("run/checkpoints/last.safetensors")
        self.assertIn("kiln build --weights makes such", run(file, "--weights-file", checkpoint, program=net).err)
        self.refused(2, ["--weights-outside is for --emit=infer"], "build", self.experiment, "--emit=trainer", "--weights-outside")

    def test_weights_of_a_trainer(self):
        trainer = self.path("trainer")
        self.kiln("build", self.experiment, "--emit=trainer", "-o", trainer)
        trained = run("--out", self.path("by-trainer"), "--progress", "none", program=trainer, cwd=self.directory)
        self.assertEqual(trained.code, 0, trained)
        self.kiln("build", self.experiment, "--emit=infer", "-o", self.path("of-trainer"), "--weights",
                  self.path("by-trainer/checkpoints/last.safetensors"))
        self.assertEqual(read_file(self.path("of-trainer")), read_file(self.net))

    def test_levels_share_their_weights(self):
        wide = self.write("wide.textproto", read_file(self.experiment).decode().replace("units: 20", "units: 2000"))
        self.kiln("train", wide, "--out", self.path("wide"), "--max-steps", 1, "--progress", "none")
        sizes = []
        for cpu in "v3", "x86-64,v2,v3":
            self.kiln("build", wide, "--emit=infer", "--out", self.path("wide"), "-o", self.path("wide-net"), "--cpu", cpu)
            self.assertEqual(run("--selftest", program=self.path("wide-net")).code, 0)
            sizes.append(os.path.getsize(self.path("wide-net")))
        self.assertLess(sizes[1] - sizes[0], 216 * 2000 * 4 / 2)

    def test_the_same_inputs_give_the_same_bytes(self):
        for threads, cache in (1, "off"), (2, self.path("cache")):
            self.kiln("build", self.experiment, "--emit=infer", "--out", self.path("run"), "-o", self.path("again"),
                      "--threads", threads, "--cache", cache)
            self.assertEqual(read_file(self.net), read_file(self.path("again")))


class LeNet(ToolTest):
    """The example's inference binary, where there is nothing but it and an image."""

    def test_small_quick_and_alone(self):
        self.kiln("train", LENET, "--out", self.path("lenet"), "--max-steps", 20, "--progress", "none")
        root = self.path("root")
        os.makedirs(root)
        net = root + "/lenet"
        built = self.kiln("build", LENET, "--emit=infer", "--out", self.path("lenet"), "-o", net, "-v")
        self.assertNotIn("libblis.a", built.out)
        weights = 431080 * 4
        if IS_RELEASE:
            self.assertLessEqual(os.path.getsize(net) - weights, 1.5 * MEGABYTE, built.out)
        kind = subprocess.run(["ldd", net], capture_output=True, text=True)
        self.assertIn("not a dynamic executable", kind.stdout + kind.stderr)
        with open(root + "/x.png", "wb") as file:
            file.write(png(28, bytes(range(200)) * 4))
        # From start to the first prediction, in time of the CPU: other processes do not count.
        spent = []
        for _ in range(10):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([net, root + "/x.png"], stdout=subprocess.DEVNULL, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        self.assertLess(min(spent), 0.010)
        if subprocess.run([CHROOT or "false", "/", "/bin/true"], capture_output=True).returncode != 0:
            self.skipTest("changing the root needs privileges")
        done = subprocess.run([CHROOT, root, "/lenet", "/x.png", "--json"], capture_output=True, text=True, env={})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(json.loads(done.stdout)[0]["top"]), 3)


class ResNet18(ToolTest):
    @unittest.skipUnless(IS_RELEASE, "debug code is larger")
    def test_size(self):
        text = read_file(os.path.join(SOURCE_DIR, "examples/nets/resnet18.textproto")).decode()
        experiment = self.write("resnet18.textproto", re.sub("data {(.*)}", r"data {\1 synthetic { train_samples: 1 classes: 1000 } }",
                                                             text).replace("batch: 16", "batch: 1"))
        self.kiln("train", experiment, "--out", self.path("resnet18"), "--max-steps", 1, "--progress", "none")
        net = self.path("resnet18-net")
        built = self.kiln("build", experiment, "--emit=infer", "--out", self.path("resnet18"), "-o", net, "-v")
        self.assertEqual(run("--selftest", program=net).out, "self test passed\n")
        weights = 4 * (11_689_512 - 2 * 4800 + 4800)  # each batch norm leaves a bias
        self.assertLessEqual(os.path.getsize(net) - weights, 5 * MEGABYTE, built.out)


if __name__ == "__main__":
    unittest.main()
