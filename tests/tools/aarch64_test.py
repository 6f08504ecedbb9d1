"""kiln build --target=aarch64-linux-gnu: libraries that, run by qemu, give what kiln predict gives, and train."""

import gzip
import json
import shutil
import struct
import subprocess
import unittest

from support import EXPERIMENT, SIDE, TRAIN_SAMPLES, ToolTest, read_file

COMPILER = shutil.which("aarch64-linux-gnu-gcc")
QEMU = shutil.which("qemu-aarch64")
SAMPLES = 16
STEPS = 12
RATE = 0.05

PROGRAM = """
#include "blobs.h"
#include <stdio.h>

static _Alignas(BLOBS_MEMORY_ALIGNMENT) char memory[BLOBS_PREDICT_MEMORY_BYTES];

int main(void) {
  uint8_t image[BLOBS_PREDICT_IMAGE_COUNT];
  float probability[BLOBS_PREDICT_PROBABILITY_COUNT];
  if (blobs_init(BLOBS_BUILD) != BLOBS_OK || blobs_init(BLOBS_BUILD + 1) != BLOBS_ERROR_WRONG_BUILD) return 2;
  while (fread(image, 1, sizeof image, stdin) == sizeof image) {
    if (blobs_predict(image, probability, memory) != BLOBS_OK) return 3;
    fwrite(probability, sizeof(float), BLOBS_PREDICT_PROBABILITY_COUNT, stdout);
  }
  return 0;
}
"""

# Trains on images and labels from stdin, all in one batch; writes the losses and the model's file to stdout.
TRAINER = """
#include "blobs.h"
#include <stdio.h>

static _Alignas(BLOBS_MEMORY_ALIGNMENT) char memory[BLOBS_TRAIN_STEP_MEMORY_BYTES], model[BLOBS_MODEL_BYTES];
static char file[BLOBS_FILE_BYTES];
static uint8_t images[BLOBS_TRAIN_STEP_IMAGE_COUNT];
static int32_t labels[BLOBS_TRAIN_STEP_LABEL_COUNT];
static float correct[BLOBS_TRAIN_STEP_CORRECT_COUNT];

int main(void) {
  const float rate = %s;
  float loss = 0;
  if (fread(images, 1, sizeof images, stdin) != sizeof images) return 2;
  if (fread(labels, 1, sizeof labels, stdin) != sizeof labels) return 2;
  if (blobs_init(BLOBS_BUILD) != BLOBS_OK || blobs_start(model) != BLOBS_OK) return 3;
  for (int step = 0; step < %d; ++step) {
    if (blobs_train_step(images, labels, &rate, &loss, correct, 1, (uint64_t)step, model, memory) != BLOBS_OK) return 4;
    fwrite(&loss, sizeof loss, 1, stdout);
  }
  if (blobs_save(model, file) != BLOBS_OK) return 5;
  fwrite(file, 1, sizeof file, stdout);
  return 0;
}
""" % (RATE, STEPS)


@unittest.skipUnless(COMPILER and QEMU, "needs qemu-user and a compiler for aarch64")
class Aarch64(ToolTest):
    def build(self, kind, name, *arguments):
        self.kiln("build", self.experiment, f"--emit={kind}", "--target=aarch64-linux-gnu", "-o", self.path(name), *arguments)

    def execute(self, text, library, data):
        source = self.write("program.c", text)
        done = subprocess.run([COMPILER, "-Wall", "-Wextra", "-Werror", "-I", self.directory, source, self.path(library),
                               "-o", self.path("program"), "-Wl,-rpath," + self.directory], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([QEMU, "-L", "/usr/aarch64-linux-gnu", self.path("program")], input=data, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_predicts(self):
        self.kiln("train", self.experiment, "--out", self.path("run"), "--progress", "none", "--epochs", 2)
        rows = self.kiln("predict", self.experiment, "--out", self.path("run"), "--top", 4, "--json", f"0-{SAMPLES - 1}")
        images = read_file(self.path("test-images"))[16 : 16 + SAMPLES * SIDE * SIDE]
        for kind, name in ("lib", "blobs.a"), ("obj", "blobs.o"), ("shared", "blobs.so"):
            self.build(kind, name, "--out", self.path("run"), "--name", "blobs")
            values = memoryview(self.execute(PROGRAM, name, images)).cast("f").tolist()
            for sample, row in enumerate(rows.json()["samples"]):
                for entry in row["top"]:
                    self.assertAlmostEqual(values[4 * sample + entry["class"]], entry["probability"], 5, kind)

    def test_trains(self):
        # All samples in one batch, in whatever order, and nothing drawn: the gradient is a sum.
        text = EXPERIMENT.replace("batch: 32", f"batch: {TRAIN_SAMPLES}").replace("dropout { drop: 0.2 }", "batch_norm {}")
        experiment = self.write("all_at_once.textproto", text.replace("epochs: 4", f"epochs: {STEPS}"))
        with gzip.open(self.path("train-images.gz")) as file:
            images = file.read()[16:]
        with gzip.open(self.path("train-labels.gz")) as file:
            labels = struct.pack(f"<{TRAIN_SAMPLES}i", *file.read()[8:])
        self.kiln("train", experiment, "--out", self.path("by-kiln"), "--progress", "none")
        lines = read_file(self.path("by-kiln/metrics.jsonl")).decode().splitlines()
        wanted = [row["loss"] for row in map(json.loads, lines) if row["kind"] == "step"]

        self.kiln("build", experiment, "--emit=lib", "--train", "--target=aarch64-linux-gnu", "-o", self.path("blobs.a"))
        told = self.execute(TRAINER, "blobs.a", images + labels)
        losses = struct.unpack_from(f"<{STEPS}f", told)
        self.assertLess(losses[-1], 0.9 * losses[0])
        for ours, theirs in zip(losses, wanted, strict=True):
            self.assertAlmostEqual(ours, theirs, delta=1e-4 * theirs)
        # What it saved is a model that Kiln reads.
        with open(self.path("ours.safetensors"), "wb") as file:
            file.write(told[4 * STEPS :])
        ours = self.kiln("test", experiment, "--weights", self.path("ours.safetensors"), "--json").json()
        theirs = self.kiln("test", experiment, "--out", self.path("by-kiln"), "--json").json()
        self.assertAlmostEqual(ours["test_loss"], theirs["test_loss"], delta=1e-3 * theirs["test_loss"])

    def test_refusals(self):
        self.refused(2, ["--target is for lib"], "build", self.experiment, "--emit=infer", "--target=aarch64-linux-gnu")
        self.refused(2, ["--target takes aarch64-linux-gnu"], "build", self.experiment, "--emit=lib", "--target=riscv64")
        self.refused(2, ["--cpu names levels of x86-64"], "build", self.experiment, "--emit=lib", "--target=aarch64-linux-gnu",
                     "--cpu", "v3")


if __name__ == "__main__":
    unittest.main()
