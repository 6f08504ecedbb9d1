"""kiln predict with image files and directories: what it says of the same images as samples of the test split."""

import array
import ast
import json
import math
import os
import re
import struct
import unittest

import flat_jpeg
from support import CLASSES, EXPERIMENT_WITHOUT_DATA, SIDE, ToolTest, png, read_file, run, write_pgm

SAMPLES = 37  # two whole batches, and some


class Predict(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        trained = run("train", cls.experiment, "--out", cls.path("run"), "--epochs", "2", "--progress", "none")
        assert trained.code == 0, trained
        cls.images = read_file(cls.path("test-images"))[16:]
        os.makedirs(cls.path("album/deeper"))
        cls.files = []
        for sample in range(SAMPLES):
            folder = "album" if sample % 2 else "album/deeper"
            cls.files.append(write_pgm(cls.path(f"{folder}/{sample:02}.pgm"), SIDE, cls.images[sample * SIDE * SIDE :]))

    def put(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def predict(self, *words, code=0):
        return self.kiln("predict", self.experiment, "--out", self.path("run"), *words, code=code)

    def test_files_are_classified_as_samples(self):
        samples = self.predict("--top", CLASSES, "--json", f"0-{SAMPLES - 1}").json()["samples"]
        told = json.loads(self.predict(*self.files, "--top", CLASSES, "--json").out)
        self.assertEqual([entry["file"] for entry in told], self.files)
        for entry, wanted in zip(told, samples, strict=True):
            for ours, theirs in zip(entry["top"], wanted["top"], strict=True):
                self.assertEqual((ours["class"], ours["name"]), (theirs["class"], theirs["name"]))
                self.assertAlmostEqual(ours["probability"], theirs["probability"], 5)
        # A directory stands for the images below it; as text, the most probable classes by name.
        told = json.loads(self.predict(self.path("album"), "--json").out)
        self.assertEqual([os.path.basename(entry["file"]) for entry in told],
                         [f"{n:02}.pgm" for n in [*range(1, SAMPLES, 2), *range(0, SAMPLES, 2)]])
        lines = self.predict(*self.files[:2], "--top", 2).out.splitlines()
        self.assertEqual(len(lines), 2)
        for line, file, wanted in zip(lines, self.files, samples):
            names = [entry["name"] for entry in wanted["top"]]
            self.assertRegex(line, rf"^{re.escape(file)}: +[\d.]+% {names[0]} +[\d.]+% {names[1]}$")

    def features(self, layer, *words):
        """Dims and values of the array that predict --layer writes."""
        out = self.path("features.npy")
        self.kiln("predict", self.experiment, "--weights", self.path("run/checkpoints/last.safetensors"), "--layer", layer,
                  "--out", out, *words)
        data = read_file(out)
        self.assertEqual(data[:8], b"\x93NUMPY\x01\x00")
        (size,) = struct.unpack("<H", data[8:10])
        self.assertEqual((10 + size) % 64, 0)
        header = ast.literal_eval(data[10 : 10 + size].decode())
        self.assertEqual((header["descr"], header["fortran_order"]), ("<f4", False))
        values = array.array("f", data[10 + size :])
        self.assertEqual(len(values), math.prod(header["shape"]))
        return header["shape"], values

    def test_any_layer_goes_to_an_array(self):
        told = self.predict("--top", CLASSES, "--json", "0-129").json()["samples"]
        dims, logits = self.features("fc2")
        self.assertEqual(dims, (130, CLASSES))
        for row, sample in enumerate(told):
            own = [math.exp(value) for value in logits[row * CLASSES : (row + 1) * CLASSES]]
            for entry in sample["top"]:
                self.assertAlmostEqual(entry["probability"], own[entry["class"]] / sum(own), 5)
        dims, pooled = self.features("pool1")
        self.assertEqual(dims, (130, 6, SIDE // 2, SIDE // 2))
        values = len(pooled) // 130
        dims, of_files = self.features("pool1", *self.files)
        self.assertEqual(dims, (SAMPLES, 6, SIDE // 2, SIDE // 2))
        for ours, theirs in zip(of_files, pooled[: SAMPLES * values], strict=True):
            self.assertAlmostEqual(ours, theirs, 5)
        self.refused(2, ['there is no layer "pol1"'], "predict", self.experiment, "--layer", "pol1", "--out", "x.npy")

    def test_images_of_other_kinds_and_sizes_are_fitted(self):
        large = bytes(self.images[(y // 3) * SIDE + x // 3] for y in range(3 * SIDE) for x in range(3 * SIDE))
        colour = flat_jpeg.encode(32, 40, lambda row, column: [200, 100, 50])
        told = json.loads(self.predict(self.files[0], self.put("large.png", png(3 * SIDE, large)),
                                       self.put("naïve name.jpg", colour), "--json").out)
        self.assertEqual(told[1]["top"][0]["name"], told[0]["top"][0]["name"])
        self.assertEqual((told[2]["file"], len(told[2]["top"])), (self.path("naïve name.jpg"), 3))

    def test_what_cannot_be_read_is_named_and_leaves_the_others_alone(self):
        os.makedirs(self.path("nothing"))
        bad = {
            self.put("empty.png", b""): "the file is empty",
            self.put("torn.png", png(SIDE, self.images)[:60]): "torn.png",
            self.put("text.jpg", b"<!DOCTYPE html><html></html>"): "HTML",
            self.path("missing.png"): "No such file",
        }
        words = [self.files[0], *bad, self.files[1], self.path("nothing")]
        result = self.predict(*words, code=4)
        self.assertEqual([line.split(": ")[0] for line in result.out.splitlines()], self.files[:2])
        lines = result.err.splitlines()
        self.assertEqual(len(lines), len(bad) + 1, result.err)
        for place, problem in [*bad.items(), (self.path("nothing"), "holds no image")]:
            self.assertTrue(any(line.startswith("kiln: error: ") and place in line and problem in line for line in lines),
                            (place, result.err))
        told = json.loads(self.predict(*words, "--json", code=4).out)
        self.assertEqual(sorted(entry["file"] for entry in told), sorted(words))
        self.assertEqual({entry["file"] for entry in told if "top" in entry}, set(self.files[:2]))

    def test_words(self):
        self.assertIn("x: No such file or directory", self.predict("x", code=4).err)
        for words in ["3", self.files[0]], [self.files[0], "3-5"]:
            result = self.predict(*words, code=2)
            self.assertIn("only one kind at a time; write ./3", result.err)
            self.assertEqual(result.out, "")

    def test_networks_that_files_do_not_suffice_for(self):
        values = self.write("values.textproto", EXPERIMENT_WITHOUT_DATA.replace("softmax_cross_entropy", "mean_squared_error"))
        result = self.kiln("predict", values, "--out", self.path("run"), self.files[0], code=8)
        self.assertIn("gives no probabilities of classes", result.err)


if __name__ == "__main__":
    unittest.main()
