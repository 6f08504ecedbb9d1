"""kiln stats, pre-processing by statistics and augmentation: what is stored, reused and never changes bits."""

import json
import math
import os
import signal
import struct
import time
import unittest
import zlib

from support import DATA, NETWORK, SIDE, TRAIN_SAMPLES, ToolTest, start

TRAINING = """
training {
  batch: 32
  epochs: 4
  sgd { momentum: 0.9 weight_decay: 0.0005 }
  learning_rate { start: 0.05 }
}
"""
AUGMENT = """
augment {
  rotate_scale { degrees: 10 scale: [0.9, 1.1] border: EDGE }
  random_crop { padding: 2 border: REFLECT }
  flip {}
}
"""
WHITENED = "preprocess { scale: 0.00390625 zero_center: PIXEL zca { epsilon: 0.01 } }\n"

LONG = ["--epochs", "1000000", "--progress", "none", "--json"]


def read_tensors(path):
    """Name to (shape, values) of a safetensors file."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        payload = file.read()
    header.pop("__metadata__", None)
    sizes = {"F32": ("f", 4), "F64": ("d", 8)}
    tensors = {}
    for name, entry in header.items():
        code, size = sizes[entry["dtype"]]
        begin, end = entry["data_offsets"]
        tensors[name] = (entry["shape"], struct.unpack(f"<{(end - begin) // size}{code}", payload[begin:end]))
    return tensors


class InputTest(ToolTest):
    def experiment_with(self, name, *sections):
        return self.write(name + ".textproto", f'name: "{name}"\n' + NETWORK + DATA + "".join(sections) + TRAINING)

    def train(self, experiment, out, *arguments):
        return self.kiln("train", experiment, "--json", "--progress", "none", "--out", self.path(out), *arguments).json()

    def images(self):
        """Rows of values of the training images."""
        with open(self.path("train-images.gz"), "rb") as file:
            content = zlib.decompress(file.read(), 31)
        pixels = content[16:]
        side = SIDE * SIDE
        return [pixels[i * side:(i + 1) * side] for i in range(TRAIN_SAMPLES)]


class Statistics(InputTest):
    def test_stats_are_those_of_the_images(self):
        experiment = self.experiment_with("measured")
        facts = self.kiln("stats", experiment, "--json", "--out", self.path("measured")).json()
        self.assertEqual((facts["images"], facts["image"]), (TRAIN_SAMPLES, [1, SIDE, SIDE]))
        tensors = read_tensors(facts["statistics"])
        rows = self.images()
        values = SIDE * SIDE
        means = [sum(row[i] for row in rows) / len(rows) for i in range(values)]
        centered = [[row[i] - means[i] for i in range(values)] for row in rows]
        for i in range(values):
            deviation = math.sqrt(sum(row[i] ** 2 for row in centered) / len(rows))
            self.assertAlmostEqual(tensors["mean"][1][i], means[i], 10)
            self.assertAlmostEqual(tensors["std"][1][i], deviation, 10)
            self.assertEqual(tensors["min"][1][i], min(row[i] for row in rows))
            self.assertEqual(tensors["max"][1][i], max(row[i] for row in rows))
        shape, covariance = tensors["covariance"]
        self.assertEqual(shape, [values, values])
        for a, b in [(0, 0), (3, 77), (143, 5), (60, 61)]:
            expected = sum(row[a] * row[b] for row in centered) / len(rows)
            self.assertAlmostEqual(covariance[a * values + b], expected, 8)
            self.assertEqual(covariance[a * values + b], covariance[b * values + a])
        vectors, eigenvalues = tensors["eigenvectors"][1], tensors["eigenvalues"][1]
        self.assertEqual(list(eigenvalues), sorted(eigenvalues, reverse=True))
        for k in [0, 1, 70]:
            vector = vectors[k * values:(k + 1) * values]
            for a in [0, 50, 100]:
                product = sum(covariance[a * values + b] * vector[b] for b in range(values))
                self.assertAlmostEqual(product, eigenvalues[k] * vector[a], 7)
        # For people, and with any number of threads the same file.
        text = self.kiln("stats", experiment, "--out", self.path("again"), "--threads", 3)
        self.assertIn(f"{TRAIN_SAMPLES} training images of 1x12x12", text.out)
        self.assertIn("measured", text.err)
        with open(facts["statistics"], "rb") as one, open(self.path("again/statistics.safetensors"), "rb") as other:
            self.assertEqual(one.read(), other.read())
        self.refused(4, ["no training data"], "stats", self.experiment_without_data)

    def test_trained_with_and_saved_with_the_weights(self):
        experiment = self.experiment_with("whitened", WHITENED)
        loud = self.kiln("train", experiment, "--out", self.path("loud"), "--max-steps", 1, "--progress", "plain")
        self.assertIn(f"measured {TRAIN_SAMPLES} training images for the pre-processing", loud.err)
        facts = self.train(experiment, "whitened")
        weights = self.path("whitened/checkpoints/last.safetensors")
        saved = read_tensors(weights)
        stored = read_tensors(self.path("whitened/statistics.safetensors"))
        self.assertEqual(saved["image.center"][0], [1, SIDE, SIDE])
        self.assertEqual(saved["image.rotation"][0], [144, 144])
        for name in ["image.center", "image.factor", "image.rotation"]:
            for one, other in zip(saved[name][1], stored[name][1]):
                self.assertAlmostEqual(one, other, delta=1e-6 * max(1, abs(other)))
        # Neither the data that was trained on nor anything else is needed to use them.
        os.rename(self.path("train-images.gz"), self.path("elsewhere.gz"))
        self.kiln("check", experiment, "--set", "data.idx.train_images=elsewhere.gz")
        elsewhere = ["--set", "data.idx.train_images=elsewhere.gz", "--weights", weights]
        tested = self.kiln("test", experiment, "--json", *elsewhere).json()
        self.assertEqual(tested["test_accuracy"], facts["test_accuracy"])
        predicted = self.kiln("predict", experiment, "--json", *elsewhere, "0-129").json()
        self.assertAlmostEqual(predicted["correct"] / 130, facts["test_accuracy"], 6)
        self.kiln("build", experiment, "--emit=obj", "-o", self.path("whitened.o"), *elsewhere)
        os.rename(self.path("elsewhere.gz"), self.path("train-images.gz"))
        self.assertGreater(facts["test_accuracy"], 0.9)

    def test_resume_and_weights_reuse_them(self):
        experiment = self.experiment_with("reused", WHITENED)
        self.train(experiment, "reused", "--max-steps", 10)
        saved = read_tensors(self.path("reused/checkpoints/last.safetensors"))["image.center"]
        os.remove(self.path("reused/statistics.safetensors"))
        resumed = self.train(experiment, "reused", "--resume")
        self.assertFalse(os.path.exists(self.path("reused/statistics.safetensors")), "measured again")
        self.assertEqual(resumed["weights_sha256"], self.train(experiment, "whole")["weights_sha256"])
        # Tuned on other images: it goes on seeing them as it was taught.
        tune = ["--weights", self.path("reused/checkpoints/last.safetensors"), "--max-steps", 3,
                "--set", "data.idx.train_images=test-images", "--set", "data.idx.train_labels=test-labels"]
        self.train(experiment, "tuned", *tune)
        self.assertEqual(read_tensors(self.path("tuned/checkpoints/last.safetensors"))["image.center"], saved)
        # Weights that know of no statistics leave them to be measured.
        plain = self.experiment_with("plain")
        self.train(plain, "plain", "--max-steps", 1)
        self.train(experiment, "from_plain", "--max-steps", 1, "--weights",
                   self.path("plain/checkpoints/last.safetensors"))
        self.assertEqual(read_tensors(self.path("from_plain/checkpoints/last.safetensors"))["image.center"], saved)

    def test_every_kind_trains(self):
        hashes = set()
        for number, fields in enumerate(["zero_center: CHANNEL", "zero_center: PIXEL", "min_max {}",
                                         "zero_center: PIXEL divide_by_std: PIXEL",
                                         "zero_center: PIXEL divide_by_std: CHANNEL",
                                         "zero_center: PIXEL scale: 0.01 zca {}"]):
            experiment = self.experiment_with(f"kind{number}", f"preprocess {{ {fields} }}\n")
            one, two = (self.train(experiment, f"kind{number}_{threads}", "--threads", threads, "--epochs", 2)
                        for threads in [1, 2])
            self.assertEqual(one["weights_sha256"], two["weights_sha256"], fields)
            hashes.add(one["weights_sha256"])
        self.assertEqual(len(hashes), 6)
        rows = self.write("rows.textproto", 'name: "rows"\nnetwork { layer { dense { units: 4 } } '
                          "layer { softmax_cross_entropy {} } }\n" + DATA + TRAINING +
                          "preprocess { zero_center: PIXEL scale: 0.01 pca_whitening { components: 20 } }")
        self.assertGreater(self.train(rows, "rows")["test_accuracy"], 0.8)
        self.assertEqual(read_tensors(self.path("rows/checkpoints/last.safetensors"))["fc1.weight"][0], [4, 20])

    def test_check_says_what_folds(self):
        def folding(fields):
            experiment = self.experiment_with("folding", f"preprocess {{ {fields} }}\n")
            text = self.kiln("check", experiment, "-v").out
            for sentence in self.kiln("check", experiment, "-v", "--json").json()["folding"]:
                self.assertIn(sentence, text)
            return text
        self.assertIn("image.preprocess: scale and subtraction went into the weights of conv1", folding("mean: 10 scale: 0.1"))
        self.assertIn("image.normalize: scale and subtraction went into the weights of conv1", folding("zero_center: CHANNEL"))
        self.assertIn("stay: they differ from pixel to pixel", folding("zero_center: PIXEL"))
        self.assertIn("the rotation stays: no dense layer alone follows", folding("zero_center: PIXEL zca {}"))


class Augmentation(InputTest):
    def test_threads_do_not_change_bits(self):
        experiment = self.experiment_with("augmented", WHITENED, AUGMENT)
        one = self.train(experiment, "threads1", "--threads", 1)
        for threads in [2, 4]:
            self.assertEqual(self.train(experiment, f"threads{threads}", "--threads", threads)["weights_sha256"],
                             one["weights_sha256"])
        without = self.experiment_with("unchanged", WHITENED)
        self.assertNotEqual(self.train(without, "unchanged")["weights_sha256"], one["weights_sha256"])
        # Statistics are those of the images as they are.
        self.assertEqual(read_tensors(self.path("threads1/statistics.safetensors")),
                         read_tensors(self.path("unchanged/statistics.safetensors")))

    def test_kills_do_not_change_bits(self):
        experiment = self.experiment_with("killed", WHITENED, AUGMENT)
        arguments = ["train", experiment, *LONG, "--max-steps", 600, "--set", "training.checkpoint_every_steps=3"]
        begin = time.monotonic()
        whole = self.kiln(*arguments, "--out", self.path("whole")).json()
        seconds = time.monotonic() - begin
        kills = 0
        for share in [0.2, 0.5, 0.35]:
            process = start(*arguments, "--out", self.path("killed"), "--resume", "--threads", 1 + kills)
            time.sleep(seconds * share)
            process.kill()
            process.communicate()
            kills += process.returncode == -signal.SIGKILL
        self.assertGreater(kills, 0)
        killed = self.kiln(*arguments, "--out", self.path("killed"), "--resume").json()
        self.assertEqual((killed["steps"], killed["weights_sha256"]), (600, whole["weights_sha256"]))

    def test_crops_are_what_the_network_takes(self):
        crop = "augment { random_crop { size: 10 } flip { probability: 0 } }\n"
        experiment = self.experiment_with("cropped", "preprocess { scale: 0.00390625 zero_center: PIXEL }\n", crop)
        self.assertEqual(self.kiln("check", experiment, "--json").json()["image"], [1, 10, 10])
        facts = self.train(experiment, "cropped")
        self.assertGreater(facts["test_accuracy"], 0.8)
        weights = self.path("cropped/checkpoints/last.safetensors")
        shape, center = read_tensors(weights)["image.center"]
        self.assertEqual(shape, [1, 10, 10])
        rows = self.images()
        middle = [sum(row[(y + 1) * SIDE + x + 1] for row in rows) / len(rows) for y in range(10) for x in range(10)]
        for one, other in zip(center, middle):
            self.assertAlmostEqual(one, other, 4)
        predicted = self.kiln("predict", experiment, "--weights", weights, "--json", "0-129").json()
        self.assertAlmostEqual(predicted["correct"] / 130, facts["test_accuracy"], 6)

    def test_contact_sheet(self):
        experiment = self.experiment_with("sheet", AUGMENT)
        picture = self.path("sheet.png")
        self.assertIn("sheet.png", self.kiln("show", experiment, "--augment", 5, "--out", picture).out)
        with open(picture, "rb") as file:
            content = file.read()
        self.assertEqual(content[:8], b"\x89PNG\r\n\x1a\n")
        width, height, depth, color = struct.unpack(">IIBB", content[16:26])
        # Eight rows of twelve pixels five times enlarged, an original and five variants.
        self.assertEqual((depth, color, height), (8, 2, 8 * (60 + 4) + 4))
        self.assertEqual(width, 60 + 16 + 5 * (60 + 4))
        again = self.path("again.png")
        self.kiln("show", experiment, "--augment", 5, "--out", again)
        with open(again, "rb") as file:
            self.assertEqual(file.read(), content)
        self.refused(4, ["no training data"], "show", self.experiment_without_data, "--augment", 2)
        self.refused(2, ["--augment"], "show", experiment, "--augment", 0)
        self.refused(2, ["no augmentation to show"], "show", self.experiment, "--augment", 2)


if __name__ == "__main__":
    unittest.main()
