"""kiln init: from data of one's own to a first training run, and what it makes of each kind of data."""

import io
import json
import os
import random
import struct
import subprocess
import unittest
import zipfile

import flat_jpeg
from support import KILN, SIDE, ToolTest, npy, run, write_split

CLASSES = {"blue": (40, 60, 200), "green": (50, 180, 60), "red": (210, 50, 40)}


def photo(draw, color, height, width):
    """Noise of one tint."""
    return flat_jpeg.encode(height, width, lambda row, column: [value + draw.randrange(-40, 41) for value in color])


class Init(ToolTest):
    def setUp(self):
        self.draw = random.Random(self.id())
        self.home = self.path(self.id().split(".")[-1])
        os.mkdir(self.home)

    def put(self, name, content):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def put_photos(self, folder, count, height=(40, 160), width=(40, 160)):
        for name, color in CLASSES.items():
            for number in range(count):
                self.put(f"{folder}/{name}/{number:02}.jpg",
                         photo(self.draw, color, self.draw.randint(*height), self.draw.randint(*width)))

    def init(self, place, *arguments, code=0):
        """In the test's own folder; gives the text of the experiment."""
        result = run("init", "--data", place, "-o", "made.textproto", *arguments, cwd=self.home)
        self.assertEqual(result.code, code, result)
        with open(os.path.join(self.home, "made.textproto"), encoding="utf-8") as file:
            text = file.read()
        self.assertLessEqual(max(map(len, text.splitlines())), 120)
        return text

    def check(self):
        """What kiln check makes of the experiment, which then makes room for another."""
        path = os.path.join(self.home, "made.textproto")
        facts = self.kiln("check", path, "--json").json()
        os.remove(path)
        return facts

    def refused_in(self, place, *words):
        result = run("init", "--data", place, cwd=self.home)
        self.assertEqual((result.code, result.out), (4, ""), result)
        for word in words:
            self.assertIn(word, result.err)
        self.assertEqual([name for name in os.listdir(self.home) if name.endswith(".textproto")], [])

    def put_images(self, folder, names, count):
        for name in names:
            for number in range(count):
                self.put(f"{folder}/{name}/{number}.jpg", photo(self.draw, [number, 90, 90], 16, 16))

    def test_from_a_folder_of_photos_to_predictions(self):
        self.put_photos("photos", 24)
        told = run("init", "--data", "photos", cwd=self.home)
        self.assertEqual(told.code, 0, told)
        self.assertIn("3 classes (blue, green, red); 72 to train on", told.out)
        experiment = os.path.join(self.home, "photos.textproto")
        for verb in ["kiln check photos.textproto --data", "kiln show photos.textproto --augment", "kiln train photos"]:
            self.assertIn(verb, told.out)
        again = run("init", "--data", "photos", cwd=self.home)
        self.assertEqual(again.code, 2, again)
        self.assertIn("photos.textproto is there already", again.err)

        scan = self.kiln("check", experiment, "--data", "--json").json()
        self.assertEqual((scan["train_samples"], scan["validation_samples"], scan["test_samples"]), (54, 6, 12))
        self.kiln("show", experiment, "--augment", 3, "--out", os.path.join(self.home, "sheet.png"))
        out = ["--out", os.path.join(self.home, "run")]
        trained = self.kiln("train", experiment, "--epochs", 6, "--json", *out).json()
        self.assertGreater(trained["test_accuracy"], 0.8)
        self.assertGreater(self.kiln("test", experiment, "--json", *out).json()["test_accuracy"], 0.8)
        self.assertIn("green", self.kiln("predict", experiment, "0-11", *out).out)

    def test_every_kind_of_data(self):
        pixels = bytes(self.draw.randrange(256) for _ in range(60 * SIDE * SIDE))
        labels = bytes(sample % 4 for sample in range(60))

        with self.subTest("train and test directories, in any case"):
            self.put_photos("split/Train", 3)
            self.put_photos("split/TEST", 2)
            text = self.init("split")
            self.assertIn('train: "split/Train"', text)
            self.assertIn("split { validation: 0.1 }", text)
            self.assertEqual(self.check()["test_samples"], 6)

        with self.subTest("lists"):
            for split in ["train", "test"]:
                lines = "".join(f"Train/{name}/{number:02}.jpg,{name}\n" for name in CLASSES for number in range(3))
                self.put(f"split/{split}.csv", b"path,label\n" + lines.encode())
            text = self.init("split/train.csv")
            self.assertIn("header: true", text)
            self.assertEqual(self.check()["class_names"], list(CLASSES))

        with self.subTest("IDX"):
            os.mkdir(os.path.join(self.home, "idx"))
            write_split(os.path.join(self.home, "idx"), "train", "-idx.gz", 60, 1)
            write_split(os.path.join(self.home, "idx"), "t10k", "", 20, 1)
            text = self.init(os.path.join(self.home, "idx"))
            self.assertIn(f'train_images: "{self.home}/idx/train-images-idx.gz"', text)
            facts = self.check()
            self.assertEqual((facts["image"], len(facts["class_names"])), ([1, SIDE, SIDE], 4))
            self.assertIn("# flip {}", text)

        with self.subTest("CIFAR"):
            record = bytes(3 * 32 * 32)
            for name in ["data_batch_1", "test_batch"]:
                self.put(f"cifar/{name}.bin", b"".join(bytes([sample % 5]) + record for sample in range(40)))
            self.init("cifar")
            facts = self.check()
            self.assertEqual((facts["image"], facts["train_samples"]), ([3, 32, 32], 35))

        with self.subTest("one archive of arrays"):
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                for split in ["train", "test"]:
                    archive.writestr(f"x_{split}.npy", npy([60, SIDE, SIDE], "|u1", pixels))
                    archive.writestr(f"y_{split}.npy", npy([60], "|u1", labels))
            self.put("arrays/blobs.npz", packed.getvalue())
            for place in ["arrays", "arrays/blobs.npz"]:
                text = self.init(place)
                self.assertIn('image: "x_train"', text)
                self.assertEqual(self.check()["test_samples"], 60)
    
        with self.subTest("arrays in files, channels first"):
            self.put("plain/images.npy", npy([60, 1, SIDE, SIDE], "|u1", pixels))
            self.put("plain/labels.npy", npy([60], "<i8", struct.pack("<60q", *labels)))
            text = self.init("plain")
            self.assertIn("channels_first: true", text)
            self.assertEqual(self.check()["image"], [1, SIDE, SIDE])

    def test_sizes_and_numbers_decide(self):
        with self.subTest("long images are kept whole"):
            self.put_photos("long", 4, height=(16, 24), width=(90, 120))
            self.assertIn("rule: LETTERBOX", self.init("long"))
            self.check()
        with self.subTest("small ones of one size as they are"):
            self.put_photos("small", 4, height=(24, 24), width=(40, 40))
            text = self.init("small")
            self.assertIn("height: 24 width: 40", text)
            self.assertNotIn("resize", text)
            self.assertEqual(self.check()["image"], [3, 24, 40])
        with self.subTest("of two images none can be kept for tests"):
            self.put_photos("few", 2)
            text = self.init("few")
            self.assertNotIn("  split {", text)
            self.assertEqual(self.check()["train_samples"], 6)
        with self.subTest("a folder around the data, and a name that must be changed"):
            os.makedirs(os.path.join(self.home, "my photos!"))
            os.rename(os.path.join(self.home, "few"), os.path.join(self.home, "my photos!", "few"))
            told = run("init", "--data", "my photos!/", cwd=self.home)
            self.assertEqual(told.code, 0, told)
            self.kiln("check", os.path.join(self.home, "my_photos_.textproto"))
        with self.subTest("an experiment elsewhere finds its data"):
            os.mkdir(os.path.join(self.home, "experiments"))
            told = run("init", "--data", "small", "-o", "experiments/small.textproto", "--json", cwd=self.home)
            self.assertEqual(told.json()["class_names"], list(CLASSES))
            with open(os.path.join(self.home, "experiments/small.textproto"), encoding="utf-8") as file:
                self.assertIn('train: "../small"', file.read())
            self.kiln("check", os.path.join(self.home, "experiments/small.textproto"))

    def test_damaged_images_are_told(self):
        self.put_photos("photos", 3)
        for name in CLASSES:
            self.put(f"photos/{name}/damaged.jpg", b"")
        told = run("init", "--data", "photos", cwd=self.home)
        self.assertEqual(told.code, 0, told)
        self.assertIn("3 of the images looked at cannot be read", told.err)
        self.assertIn("damaged.jpg", told.err)
        # The run goes on without them.
        trained = self.kiln("train", os.path.join(self.home, "photos.textproto"), "--epochs", 1, "--out",
                            os.path.join(self.home, "run"))
        self.assertIn("bad_records.txt", trained.out)

    def test_what_surrounds_and_what_is_missing_does_not_stand_in_the_way(self):
        with self.subTest("beside the directory of all there are others"):
            self.put_images("beside/images/train", ["a b", "ß"], 4)
            self.put_images("beside/images/validation", ["a b", "ß"], 2)
            self.put("beside/annotations/a.xml", b"<a/>")
            self.put("beside/notes.txt", b"")
            text = self.init("beside")
            self.assertIn('validation: "beside/images/validation"', text)
            facts = self.check()
            self.assertEqual((facts["class_names"], facts["validation_samples"]), (["a b", "ß"], 4))
        with self.subTest("images to test with that have no classes"):
            self.put_images("unlabelled/train", ["a", "b"], 4)
            self.put("unlabelled/test/1.jpg", photo(self.draw, [9, 9, 9], 16, 16))
            told = run("init", "--data", "unlabelled", "-o", "made.textproto", cwd=self.home)
            self.assertIn("unlabelled/test: not used: there are no images in directories of classes", told.err)
            self.assertEqual(self.check()["test_samples"], 2)
        with self.subTest("a split whose directories are empty"):
            self.put_images("hollow/train", ["a", "b"], 4)
            os.makedirs(os.path.join(self.home, "hollow/val/a"))
            self.assertIn("split { validation: 0.1 test: 0.15 }", self.init("hollow"))
            self.check()
        with self.subTest("one class of a single image keeps no test samples from the others"):
            self.put_images("lonely", ["a", "b"], 6)
            self.put_images("lonely", ["solo"], 1)
            told = run("init", "--data", "lonely", "-o", "made.textproto", cwd=self.home)
            self.assertIn("too few images to learn a class from, or to keep some of it for tests: solo (1)", told.err)
            self.assertEqual(self.check()["test_samples"], 2)
        with self.subTest("images in one directory, and a list of them"):
            self.put_images("listed", ["images"], 6)
            lines = "".join(f"images/{number}.jpg,{'ab'[number % 2]}\n" for number in range(6))
            self.put("listed/labels.csv", b"file,label\n" + lines.encode())
            self.assertIn('train: "listed/labels.csv"', self.init("listed"))
            self.assertEqual(self.check()["class_names"], ["a", "b"])

    def test_to_stdout(self):
        self.put_images("photos", ["a", "b"], 4)
        path = os.path.join(self.home, "sub", "redirected.textproto")
        os.mkdir(os.path.dirname(path))
        with open(path, "wb") as file:
            done = subprocess.run([KILN, "init", "--data", "photos", "-o", "-"], stdout=file, stderr=subprocess.PIPE, text=True,
                                  cwd=self.home)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("kiln train FILE", done.stderr)
        self.assertEqual(self.kiln("check", path, "--json").json()["class_names"], ["a", "b"])
        self.kiln("train", path, "--epochs", 1, "--out", os.path.join(os.path.dirname(path), "run"))
        told = run("init", "--data", "photos", "-o", "-", "-q", cwd=self.home)
        self.assertEqual((told.code, told.err), (0, ""))
        self.assertIn(f'train: "{os.path.realpath(self.home)}/photos"', told.out)
        self.assertEqual([name for name in os.listdir(self.home) if name.endswith(".textproto")], [])

    def test_what_is_said_may_go_to_a_file(self):
        """The experiment becomes a file of its own all the same."""
        self.put_images("photos", ["a", "b"], 4)
        with open(os.path.join(self.home, "log"), "wb") as log:
            subprocess.run([KILN, "init", "--data", "photos"], stdout=log, check=True, cwd=self.home)
        self.assertEqual(self.kiln("check", os.path.join(self.home, "photos.textproto"), "--json").json()["class_names"], ["a", "b"])
        with open(os.path.join(self.home, "log"), encoding="utf-8") as log:
            self.assertIn("wrote photos.textproto", log.read())

    def test_what_is_no_data(self):
        self.refused_in("nowhere", "nowhere: no such file or directory")
        os.mkdir(os.path.join(self.home, "empty"))
        self.refused_in("empty", "empty holds no data set that is known", "no files")
        image = photo(self.draw, CLASSES["red"], 16, 16)
        self.put("flat/1.jpg", image)
        self.put("flat/2.jpg", image)
        self.refused_in("flat", "2 files (1.jpg, ...)", "a directory of images for each class (flat/cat/1.jpg)")
        self.put("one/cat/1.jpg", image)
        self.refused_in("one", "there are images of one class only (cat)")
        os.mkdir(os.path.join(self.home, "one/dog"))
        self.refused_in("one", "there are images of one class only (cat)")
        self.put("bitmaps/cat/1.BMP", image)
        self.put("bitmaps/dog/1.BMP", image)
        self.refused_in("bitmaps", "files that end in .bmp are not read")
        self.put("python/data_batch_1", b"pickled")
        self.put("python/batches.meta", b"pickled")
        self.refused_in("python", "take its binary version")
        self.put("list/train.csv", b"cat,1.jpg\ndog,2.jpg\n")
        self.refused_in("list", "train.csv:2: no file list/dog")
        self.put("damaged/a/1.jpg", b"")
        self.put("damaged/b/1.jpg", b"")
        self.refused_in("damaged", "none of the images can be read", "damaged/a/1.jpg")
        self.put("other/train/a/1.jpg", image)
        self.put("other/train/b/1.jpg", image)
        self.put("other/test/c/1.jpg", image)
        self.refused_in("other", "other/test/c: no class has this name")

    def test_usage(self):
        self.refused(2, ["init needs data", "kiln init --data DIR"], "init")
        self.assertEqual(json.loads(run("init", "--json").out)["error"]["kind"], "usage")


if __name__ == "__main__":
    unittest.main()
