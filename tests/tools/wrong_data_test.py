"""Data that do not fit the experiment or are damaged: kiln check and kiln check --data name each file, all at once."""

import io
import os
import random
import struct
import unittest
import zipfile

from support import CLASSES, REST, SIDE, ToolTest, npy, write_idx

SAMPLES = 40
NETWORK = """
network {
  layer { convolution { filters: 4 kernel: 3 padding: 1 } } layer { relu {} }
  layer { dense { units: 4 } } layer { softmax_cross_entropy { %s } }
}
"""
SMALL = REST.replace("batch: 32", "batch: 8")
RANGE = "but the network has 4 classes (labels 0 to 3)"


class WrongData(ToolTest):
    def setUp(self):
        self.draw = random.Random(self.id())

    def put(self, name, content):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(content)

    def pixels(self, samples=SAMPLES, bytes_each=SIDE * SIDE):
        return self.draw.randbytes(samples * bytes_each)

    def labels(self, **others):
        """Of all classes in turn, but for sample `s3=9`."""
        return bytes(others.get(f"s{sample}", sample % CLASSES) for sample in range(SAMPLES))

    def with_data(self, data, ignored=""):
        return self.write("wrong.textproto", 'name: "wrong"\n' + NETWORK % ignored + "data { " + data + " }\n" + SMALL)

    def tells(self, data, *messages, code=4, ignored=""):
        """`check` says all of these, whether or not it reads the data; with --data, they may be findings."""
        for flags in [], ["--data"]:
            result = self.kiln("check", self.with_data(data, ignored), *flags, code=code)
            errors = [line for line in (result.err + result.out).splitlines() if "error: " in line]
            for message in messages:
                self.assertTrue(any(message in line for line in errors), f"{flags}: {message}\n{result}")
        return errors

    def is_fine(self, data, ignored=""):
        self.kiln("check", self.with_data(data, ignored))
        self.assertIn("nothing wrong found", self.kiln("check", self.with_data(data, ignored), "--data").out)

    def test_idx(self):
        def idx(images="ti", labels="tl", test_images="vi", test_labels="vl", more=""):
            return (f'idx {{ train_images: "idx/{images}" train_labels: "idx/{labels}" test_images: "idx/{test_images}" '
                    f'test_labels: "idx/{test_labels}" }} {more}')

        os.makedirs(self.path("idx"))
        for name in "ti", "vi", "gz.gz":
            write_idx(self.path(f"idx/{name}"), 0x803, [SAMPLES, SIDE, SIDE], self.pixels())
        for name, labels in [("tl", self.labels()), ("vl", self.labels()), ("nine", self.labels(s17=9)),
                             ("seven", self.labels(s3=7, s5=7))]:
            write_idx(self.path(f"idx/{name}"), 0x801, [SAMPLES], labels)
        write_idx(self.path("idx/fewer"), 0x801, [SAMPLES - 1], self.labels()[1:])
        write_idx(self.path("idx/long"), 0x803, [SAMPLES, SIDE, SIDE], self.pixels(SAMPLES + 1))
        for name, cut in [("ti", 100), ("tl", 3), ("gz.gz", 1000)]:
            with open(self.path(f"idx/{name}"), "rb") as file:
                self.put(f"idx/cut-{name}", file.read()[:-cut])
        self.put("idx/zero", b"")
        self.is_fine(idx())
        self.is_fine(idx("gz.gz"))
        self.tells(idx("cut-ti", "cut-tl", "long", "zero"), "idx/cut-ti: dimensions 40x12x12 = 5760 bytes: more than",
                   "idx/cut-tl: truncated: expected 40 bytes", "idx/long: trailing bytes", "idx/zero: the file is empty")
        self.tells(idx("cut-gz.gz", "zero", "zero", "fewer"), "idx/cut-gz.gz: gzip data end early",
                   "idx/zero: the file is empty")
        self.tells(idx("ti", "fewer", "vi", "tl"), "idx/fewer: 39 labels for 40 images")
        self.tells(idx("ti", "nine", "vi", "seven"), f"idx/nine: sample 17: label 9, {RANGE}",
                   f"idx/seven: sample 3: label 7, {RANGE}")
        self.is_fine(idx("ti", "nine"), "ignore_label: 9")
        self.tells(idx("ti", "nine", "vi", "seven"), "idx/seven: sample 3: label 7", code=4, ignored="ignore_label: 9")
        self.tells(idx(more="image { channels: 3 height: 12 }"), "image is 3x12x12, but the data hold 1x12x12", code=3)
        self.tells(idx(more='class_name: ["a", "b", "c"]'), "its input has 4 values, but the data name 3 classes", code=3)
        self.tells(idx(more='class_name: ["a", "b", "c", "d", "e"]'), "but the data name 5 classes", code=3)

    def test_cifar(self):
        def put(name, labels, cut=None):
            self.put(f"cifar/{name}", b"".join(bytes([label]) + self.pixels(1, 3072) for label in labels)[:cut])

        cifar = 'cifar { folder: "cifar" }'
        put("data_batch_1.bin", range(4))
        put("data_batch_2.bin", [0, 1, 2, 3, 9, 9])
        put("test_batch.bin", [0, 1, 2, 3, 200])
        self.tells(cifar, f"cifar/data_batch_2.bin: sample 4: label 9, {RANGE}",
                   f"cifar/test_batch.bin: sample 4: label 200, {RANGE}")
        put("test_batch.bin", range(4))
        self.is_fine(cifar, "ignore_label: 9")
        put("data_batch_2.bin", range(4), -100)
        put("test_batch.bin", [])
        self.tells(cifar, "cifar/data_batch_2.bin: 12192 bytes are no whole number", "cifar/test_batch.bin: the file is empty")
        put("data_batch_2.bin", range(4))
        put("test_batch.bin", range(4))
        self.tells(cifar + " image { channels: 1 height: 32 }", "but the data hold 3x32x32", code=3)
        self.put("cifar/batches.meta.txt", b"ape\nbee\ncat\ndog\n")
        told = self.kiln("check", self.with_data(cifar + ' class_name: ["bee", "ape", "Katze", "dog"]')).err
        self.assertIn('warning: class_name calls class 0 "bee", the file of names beside the data "ape"', told)
        self.assertEqual(told.count("warning"), 2, told)

    def test_folders_and_lists(self):
        for split in "train", "test":
            for name in "abcd":
                for sample in range(3):
                    self.put(f"{split}/{name}/{sample}.ppm", b"P6 12 12 255\n" + self.pixels(1, 3 * SIDE * SIDE))
        more = " image { height: 12 }"
        self.tells('folder { train: "gone" validation: "lost" test: "test" }' + more, "cannot read the directory",
                   "gone: No such file", "lost: No such file")
        lines = [f"train/{name}/{sample}.ppm {'abcd'.index(name)}" for name in "abcd" for sample in range(3)]
        self.write("good.txt", "\n".join(lines))
        self.write("high.txt", "\n".join([*lines, "train/a/1.ppm 4", "train/a/2.ppm 4"]))
        self.write("words.txt", "\n".join([*lines, "train/a/1.ppm ape", "train/a/2.ppm bee"]))
        self.write("short.txt", "train/a/1.ppm")
        self.write("empty.txt", "")
        lists = 'list {{ train: "{}" test: "{}" }} image {{ height: 12 }}'
        self.kiln("check", self.with_data(lists.format("good.txt", "good.txt")))
        self.tells(lists.format("high.txt", "high.txt"), f"train/a/1.ppm: label 4, {RANGE}")
        self.kiln("check", self.with_data(lists.format("high.txt", "good.txt"), "ignore_label: 4"))
        self.tells(lists.format("short.txt", "empty.txt"), "short.txt:1: expected a path, a blank and a label",
                   "empty.txt: the list is empty")
        self.tells(lists.format("good.txt", "words.txt"),
                   'words.txt:13: the label "ape" is neither a class\'s name nor its number; so are those of 1 more')

    def test_arrays(self):
        def npz(images="x", labels="y", test_images="x2", test_labels="y", more=""):
            part = '{{ image: "npy/{}.npy" label: "npy/{}.npy" }}'
            return f"npz {{ train {part.format(images, labels)} test {part.format(test_images, test_labels)} }} {more}"

        self.put("npy/x.npy", npy([SAMPLES, SIDE, SIDE], "|u1", self.pixels()))
        self.put("npy/x2.npy", npy([SAMPLES, SIDE, SIDE], "|u1", self.pixels()))
        self.put("npy/cut.npy", npy([SAMPLES, SIDE, SIDE], "|u1", self.pixels())[:-50])
        self.put("npy/head.npy", npy([SAMPLES], "|u1", self.labels())[:30])
        self.put("npy/zero.npy", b"")
        for name, labels in [("y", self.labels()), ("nine", self.labels(s4=9, s8=9)), ("minus", self.labels(s4=255))]:
            self.put(f"npy/{name}.npy", npy([SAMPLES], "|i1", labels))
        self.put("npy/floats.npy", npy([SAMPLES], "<f4", struct.pack(f"<{SAMPLES}f", *self.labels())))
        self.put("npy/maps.npy", npy([SAMPLES, SIDE, SIDE], "|u1", bytes(5 * SIDE * SIDE + 7) + b"\x09"
                                     + bytes((SAMPLES - 5) * SIDE * SIDE - 8)))
        self.is_fine(npz())
        self.tells(npz("cut", "head", "zero", "y"), "npy/cut.npy: truncated: expected 5760 bytes",
                   "npy/head.npy: truncated in its array header", "npy/zero.npy: the file is empty")
        self.tells(npz(labels="nine", test_labels="minus"), f"npy/nine.npy: sample 4: label 9, {RANGE}",
                   f"npy/minus.npy: sample 4: label -1, {RANGE}")
        self.is_fine(npz(labels="minus"), "ignore_label: -1")
        self.tells(npz(labels="floats", test_labels="floats"),
                   "the label it wants is a class, but the data give values, 1 for each image", code=3)
        self.tells(npz(labels="maps", test_labels="maps"), "but the data give a map of classes, 12x12 for each image", code=3)
        # Of a map of classes each sample's first wrong one is told.
        pixels = self.write("pixels.textproto", 'name: "pixels" network { layer { convolution { filters: 4 kernel: 1 } } '
                            f'layer {{ softmax_cross_entropy {{}} }} }} data {{ {npz("x", "maps", "x2", "maps")} }}' + REST)
        found = self.kiln("check", pixels, "--data", code=4).out
        self.assertIn("npy/maps.npy: sample 5: label 9 in row 0, column 7, but the network has 4 classes", found)

    def test_archives(self):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("image.npy", npy([SAMPLES, SIDE, SIDE], "|u1", self.pixels()))
            archive.writestr("label.npy", npy([SAMPLES], "|u1", self.labels()))
        good = packed.getvalue()
        self.put("npz/good.npz", good)
        self.put("npz/cut.npz", good[:-40])
        self.put("npz/changed.npz", good[:3000] + bytes([good[3000] ^ 255]) + good[3001:])
        archives = 'npz {{ train {{ file: "npz/{}.npz" }} test {{ file: "npz/{}.npz" }} }}'
        errors = self.tells(archives.format("cut", "good"), "npz/cut.npz: not a ZIP archive, or truncated")
        self.assertEqual(len(errors), 1, "told once, not for each array")
        found = self.kiln("check", self.with_data(archives.format("changed", "good")), "--data", code=4).out
        self.assertIn("npz/changed.npz: member image.npy is damaged", found)
        self.assertIn("test: 40 samples", found)


if __name__ == "__main__":
    unittest.main()
