"""kiln build --train: libraries that train, from C, C++ and Python, as kiln train does, and whose files Kiln reads."""

import ctypes
import gzip
import json
import os
import struct
import subprocess
import unittest

from support import CLASSES, EXPERIMENT, SIDE, TRAIN_SAMPLES, ToolTest, read_file, run

RATE = 0.05
STEPS = 12

# Trains on images and labels from stdin, all in one batch; writes the model's file to stdout.
PROGRAM = """
#include "blobs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
  static uint8_t images[BLOBS_TRAIN_STEP_IMAGE_COUNT];
  static int32_t labels[BLOBS_TRAIN_STEP_LABEL_COUNT];
  static float correct[BLOBS_TRAIN_STEP_CORRECT_COUNT], probability[BLOBS_PREDICT_PROBABILITY_COUNT];
  const float rate = %s;
  float loss = 0, first = 0, again = 0;
  void *model = aligned_alloc(BLOBS_MEMORY_ALIGNMENT, BLOBS_MODEL_BYTES);
  void *copy = aligned_alloc(BLOBS_MEMORY_ALIGNMENT, BLOBS_MODEL_BYTES);
  void *memory = aligned_alloc(BLOBS_MEMORY_ALIGNMENT, BLOBS_TRAIN_STEP_MEMORY_BYTES);
  char *file = (char *)malloc(BLOBS_FILE_BYTES);
  if (fread(images, 1, sizeof images, stdin) != sizeof images) return 2;
  if (fread(labels, 1, sizeof labels, stdin) != sizeof labels) return 2;
  memset(memory, 0xff, BLOBS_TRAIN_STEP_MEMORY_BYTES);
  memset(model, 0xff, BLOBS_MODEL_BYTES);
  if (blobs_init(BLOBS_BUILD) != BLOBS_OK || blobs_start(model) != BLOBS_OK) return 3;
  for (int step = 0; step < %d; ++step) {
    if (blobs_train_step(images, labels, &rate, &loss, correct, 1, (uint64_t)step, model, memory) != BLOBS_OK) return 4;
    if (step == 0) first = loss;
  }
  if (!(loss < first)) return 5;
  if (blobs_save(model, file) != BLOBS_OK) return 6;
  fwrite(file, 1, BLOBS_FILE_BYTES, stdout);
  /* What was saved gives the same model; both go on alike. */
  memset(copy, 0xff, BLOBS_MODEL_BYTES);
  if (blobs_load(copy, file, BLOBS_FILE_BYTES) != BLOBS_OK || memcmp(copy, model, BLOBS_MODEL_BYTES) != 0) return 7;
  if (blobs_train_step(images, labels, &rate, &loss, correct, 1, 99, model, memory) != BLOBS_OK) return 8;
  if (blobs_train_step(images, labels, &rate, &again, correct, 1, 99, copy, memory) != BLOBS_OK) return 8;
  if (loss != again || memcmp(copy, model, BLOBS_MODEL_BYTES) != 0) return 9;
  if (blobs_predict(images, probability, model, memory) != BLOBS_OK) return 10;
  /* Refusals change nothing. */
  if (blobs_load(model, file, BLOBS_FILE_BYTES - 1) != BLOBS_ERROR_WRONG_FILE) return 11;
  file[20] ^= 1;
  if (blobs_load(model, file, BLOBS_FILE_BYTES) != BLOBS_ERROR_WRONG_FILE) return 11;
  if (blobs_load(NULL, file, BLOBS_FILE_BYTES) != BLOBS_ERROR_NULL_ARGUMENT) return 12;
  if (blobs_save((char *)model + 4, file) != BLOBS_ERROR_MISALIGNED_MEMORY) return 13;
  if (blobs_train_step(images, labels, &rate, &loss, correct, 1, 0, NULL, memory) != BLOBS_ERROR_NULL_ARGUMENT) return 14;
  if (memcmp(copy, model, BLOBS_MODEL_BYTES) != 0) return 15;
  return 0;
}
""" % (RATE, STEPS)


def read_tensors(data):
    """Names and values of a safetensors file."""

    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    payload = data[8 + length :]
    return {name: list(memoryview(payload[slice(*entry["data_offsets"])]).cast("f"))
            for name, entry in header.items() if name != "__metadata__"}


class Training(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # All samples in one batch, in whatever order, and nothing drawn: the gradient is a sum.
        text = EXPERIMENT.replace("batch: 32", f"batch: {TRAIN_SAMPLES}").replace("dropout { drop: 0.2 }", "batch_norm {}")
        cls.experiment = cls.write("blobs.textproto", text.replace("epochs: 4", f"epochs: {STEPS}"))
        with gzip.open(cls.path("train-images.gz")) as file:
            cls.images = file.read()[16:]
        with gzip.open(cls.path("train-labels.gz")) as file:
            cls.labels = struct.pack(f"<{TRAIN_SAMPLES}i", *file.read()[8:])

        trained = run("train", cls.experiment, "--out", cls.path("by-kiln"), "--progress", "none")
        assert trained.code == 0, trained

    def build(self, kind, name, *arguments):
        self.kiln("build", self.experiment, f"--emit={kind}", "--train", "-o", self.path(name), *arguments)

    def assert_trained(self, data):
        """As kiln train does it."""
        ours, wanted = read_tensors(data), read_tensors(read_file(self.path("by-kiln/checkpoints/last.safetensors")))
        self.assertEqual(set(ours), set(wanted))
        for name, values in wanted.items():
            bound = 1e-3 * max(map(abs, values))
            for a, b in zip(ours[name], values, strict=True):
                self.assertLess(abs(a - b), bound, name)
        with open(self.path("ours.safetensors"), "wb") as file:
            file.write(data)
        tested = self.kiln("test", self.experiment, "--weights", self.path("ours.safetensors"), "--json").json()
        self.assertGreater(tested["test_accuracy"], 0.5)

    def compile(self, compiler, ending, library):
        source, program = self.write("program" + ending, PROGRAM), self.path("program" + ending + ".out")
        done = subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-I", self.directory, source, self.path(library),
                               "-o", program], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return subprocess.run([program], input=self.images + self.labels, capture_output=True)

    def test_c(self):
        self.build("lib", "blobs.a")
        done = self.compile("cc", ".c", "blobs.a")
        self.assertEqual(done.returncode, 0)
        self.assert_trained(done.stdout)

    def test_cpp_at_the_lowest_level(self):
        self.build("obj", "blobs.o", "--cpu", "x86-64")
        done = self.compile("c++", ".cpp", "blobs.o")
        self.assertEqual(done.returncode, 0)
        self.assert_trained(done.stdout)

    def test_python_goes_on_from_weights(self):
        self.kiln("train", self.experiment, "--out", self.path("before"), "--epochs", 3, "--progress", "none")
        checkpoint = self.path("before/checkpoints/last.safetensors")
        self.build("shared", "blobs.so", "--weights", checkpoint)
        with open(self.path("blobs.h"), encoding="utf-8") as file:
            macros = dict(line.split()[1:3] for line in file if line.startswith("#define") and len(line.split()) == 3)
        size = {name: int(value.rstrip("u"), 0) for name, value in macros.items() if value[0].isdigit()}
        library = ctypes.CDLL(self.path("blobs.so"))

        def memory(count):
            raw = ctypes.create_string_buffer(count + 63)
            kept.append(raw)
            return ctypes.c_void_p((ctypes.addressof(raw) + 63) // 64 * 64)

        kept = []
        model, work = memory(size["BLOBS_MODEL_BYTES"]), memory(size["BLOBS_TRAIN_STEP_MEMORY_BYTES"])
        self.assertEqual(library.blobs_init(ctypes.c_uint32(size["BLOBS_BUILD"])), 0)
        self.assertEqual(library.blobs_start(model), 0)
        file = ctypes.create_string_buffer(size["BLOBS_FILE_BYTES"])
        self.assertEqual(library.blobs_save(model, file), 0)
        began, wanted = read_tensors(file.raw), read_tensors(read_file(checkpoint))
        for name, values in began.items():
            self.assertEqual(values, [0.0] * len(values) if name.startswith("optimizer/") else wanted[name], name)
        rate, loss = ctypes.c_float(RATE), ctypes.c_float()
        correct = (ctypes.c_float * TRAIN_SAMPLES)()
        losses = []
        for step in range(5):
            code = library.blobs_train_step(self.images, self.labels, ctypes.byref(rate), ctypes.byref(loss), correct,
                                            ctypes.c_uint64(1), ctypes.c_uint64(step), model, work)
            self.assertEqual(code, 0)
            losses.append(loss.value)
        self.assertLess(losses[-1], losses[0])
        probability = (ctypes.c_float * CLASSES)()
        self.assertEqual(library.blobs_predict(self.images[: SIDE * SIDE], probability, model, work), 0)
        self.assertAlmostEqual(sum(probability), 1, 5)

    def test_it_needs_and_keeps_nothing(self):
        self.build("shared", "blobs.so")
        listed = subprocess.run(["nm", "-D", self.path("blobs.so")], capture_output=True, text=True, check=True).stdout
        defined = {line.split()[-1] for line in listed.splitlines() if " U " not in line}
        needed = {line.split()[-1].split("@")[0] for line in listed.splitlines() if " U " in line}
        self.assertEqual(defined, {f"blobs_{name}" for name in ("init", "start", "train_step", "predict", "save", "load")})
        self.assertLessEqual(needed, {"memcpy", "memset", "memmove"})
        sections = subprocess.run(["size", "-A", self.path("blobs.so")], capture_output=True, text=True, check=True).stdout
        for line in sections.splitlines():
            if line.startswith((".data ", ".bss ")):
                self.assertEqual(line.split()[1], "0")

    def test_refusals(self):
        self.refused(2, ["--train is for --emit=lib"], "build", self.experiment, "--emit=infer", "--train")
        text = read_file(self.experiment).decode().replace("preprocess {", "preprocess { zero_center: PIXEL } #")
        self.refused(8, ["--weights must name a checkpoint"], "build", self.write("centred.textproto", text), "--emit=lib",
                     "--train")


if __name__ == "__main__":
    unittest.main()
