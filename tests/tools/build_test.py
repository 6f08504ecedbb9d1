"""kiln build: libraries and objects for C, C++ and Python, that give what kiln predict gives; text of the code."""

import ctypes
import json
import os
import re
import subprocess
import unittest

from support import DATA, REST, SIDE, ToolTest

# Reads images on stdin, prints their probabilities. Two models in one program, as the second argument of main asks.
C_PROGRAM = """
#include "blobs.h"
#include "other.h"
#include <stdio.h>
#include <string.h>

static _Alignas(BLOBS_MEMORY_ALIGNMENT) char memory[BLOBS_PREDICT_MEMORY_BYTES];
static _Alignas(OTHER_MEMORY_ALIGNMENT) char other_memory[OTHER_PREDICT_MEMORY_BYTES + 1];

int main(int argc, char **argv) {
  static const char *const names[BLOBS_CLASSES] = BLOBS_CLASS_NAMES;
  uint8_t image[BLOBS_PREDICT_IMAGE_COUNT];
  float probability[BLOBS_PREDICT_PROBABILITY_COUNT + 1];
  int other = argc > 1 && strcmp(argv[1], "other") == 0;
  if (blobs_init(BLOBS_BUILD) != BLOBS_OK || other_init(OTHER_BUILD) != OTHER_OK) return 2;
  if (blobs_init(BLOBS_BUILD + 1) != BLOBS_ERROR_WRONG_BUILD) return 3;
  if (blobs_predict(NULL, probability, memory) != BLOBS_ERROR_NULL_ARGUMENT) return 4;
  if (blobs_predict(image, probability, NULL) != BLOBS_ERROR_NULL_ARGUMENT) return 5;
  if (other_predict(image, probability, other_memory + 1) != OTHER_ERROR_MISALIGNED_MEMORY) return 6;
  memset(memory, 0xff, sizeof memory);
  probability[BLOBS_PREDICT_PROBABILITY_COUNT] = 42;
  printf("[");
  for (int n = 0; fread(image, 1, sizeof image, stdin) == sizeof image; ++n) {
    int32_t code = other ? other_predict(image, probability, other_memory) : blobs_predict(image, probability, memory);
    if (code != 0) return 7;
    printf("%s[", n == 0 ? "" : ", ");
    for (int c = 0; c < BLOBS_CLASSES; ++c) printf("%s%.9g", c == 0 ? "" : ", ", probability[c]);
    printf("]");
  }
  printf("]\\n%s\\n", names[2]);
  return probability[BLOBS_PREDICT_PROBABILITY_COUNT] == 42 ? 0 : 8;
}
"""

CPP_PROGRAM = """
#include "blobs.h"
#include <cstdio>
#include <memory>
#include <new>

int main() {
  if (blobs_init(BLOBS_BUILD) != BLOBS_OK) return 2;
  std::unique_ptr<void, void (*)(void*)> memory(
      ::operator new(BLOBS_PREDICT_16_MEMORY_BYTES, std::align_val_t(BLOBS_MEMORY_ALIGNMENT)),
      [](void* p) { ::operator delete(p, std::align_val_t(BLOBS_MEMORY_ALIGNMENT)); });
  static uint8_t images[BLOBS_PREDICT_16_IMAGE_COUNT];
  static float probability[BLOBS_PREDICT_16_PROBABILITY_COUNT];
  if (std::fread(images, 1, sizeof images, stdin) != sizeof images) return 3;
  if (blobs_predict_16(images, probability, memory.get()) != BLOBS_OK) return 4;
  std::fwrite(probability, sizeof(float), BLOBS_PREDICT_16_PROBABILITY_COUNT, stdout);
  return 0;
}
"""

# One batch norm that folds, one that cannot.
NORMED = """
name: "normed"
network {
  layer { convolution { filters: 6 kernel: 3 } }
  layer { batch_norm {} }
  layer { relu {} }
  layer { batch_norm {} }
  layer { dense { units: 20 } }
  layer { dropout { drop: 0.2 } }
  layer { dense { units: 4 } }
  layer { softmax_cross_entropy {} }
}
"""

SAMPLES = 16


class Build(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_directory = cls.path("run")
        trained = cls().kiln("train", cls.experiment, "--out", cls.run_directory, "--progress", "none", "--epochs", 2)
        assert "weights_sha256" in trained.out
        with open(cls.path("test-images"), "rb") as file:
            cls.images = file.read()[16 : 16 + SAMPLES * SIDE * SIDE]
        rows = cls().kiln("predict", cls.experiment, "--out", cls.run_directory, "--top", 4, "--json", f"0-{SAMPLES - 1}")
        cls.expected = []
        for row in rows.json()["samples"]:
            probabilities = [0.0] * 4
            for entry in row["top"]:
                probabilities[entry["class"]] = entry["probability"]
            cls.expected.append(probabilities)

    def runTest(self):
        """So that setUpClass can use the helpers of an instance."""

    def build(self, kind, name, *arguments, symbol="blobs", code=0):
        return self.kiln("build", self.experiment, "--out", self.run_directory, f"--emit={kind}", "-o", self.path(name),
                         "--name", symbol, *arguments, code=code)

    def compile(self, compiler, source, ending, *inputs):
        path = self.write("program" + ending, source)
        program = self.path("program" + ending + ".out")
        done = subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", "-pedantic", "-I", self.directory, path,
                               *map(self.path, inputs), "-o", program], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return program

    def assert_expected(self, rows):
        self.assertEqual(len(rows), SAMPLES)
        for row, expected in zip(rows, self.expected):
            for value, wanted in zip(row, expected, strict=True):
                self.assertAlmostEqual(value, wanted, 6)

    def test_c_program_with_two_models(self):
        self.build("lib", "blobs.a")
        # Another level: its kernels are others, its class names the same.
        self.build("obj", "other.o", "--cpu", "x86-64", symbol="other")
        program = self.compile("cc", C_PROGRAM, ".c", "blobs.a", "other.o")
        for arguments in [], ["other"]:
            done = subprocess.run([program, *arguments], input=self.images, capture_output=True)
            self.assertEqual(done.returncode, 0)
            first, second = done.stdout.decode().splitlines()
            self.assert_expected(json.loads(first))
            self.assertEqual(second, "bottom left")

    def test_models_of_different_levels_share_no_kernels(self):
        shared = []
        for level in "x86-64", "v3":
            self.build("obj", f"{level}.o", "--cpu", level, symbol="blobs")
            listed = subprocess.run(["nm", self.path(f"{level}.o")], capture_output=True, text=True, check=True).stdout
            weak = {line.split()[-1] for line in listed.splitlines() if " W kiln_" in line}
            self.assertGreater(len(weak), 4)
            shared.append(weak)
        self.assertEqual(shared[0] & shared[1], {"kiln_serial_for"})

    def test_two_models_that_share_kernels(self):
        self.build("lib", "blobs.a")
        self.build("lib", "other.a", symbol="other")
        program = self.compile("cc", C_PROGRAM, ".c", "blobs.a", "other.a")
        done = subprocess.run([program, "other"], input=self.images, capture_output=True)
        self.assertEqual(done.returncode, 0)
        self.assert_expected(json.loads(done.stdout.decode().splitlines()[0]))

    def test_cpp_program_with_a_batch(self):
        self.build("lib", "blobs.a", "--batch", SAMPLES)
        program = self.compile("c++", CPP_PROGRAM, ".cpp", "blobs.a")
        done = subprocess.run([program], input=self.images, capture_output=True)
        self.assertEqual(done.returncode, 0)
        values = memoryview(done.stdout).cast("f").tolist()
        self.assert_expected([values[4 * n : 4 * n + 4] for n in range(SAMPLES)])

    def test_python_through_ctypes(self):
        self.build("shared", "libblobs.so")
        with open(self.path("libblobs.h"), encoding="utf-8") as file:
            macros = dict(line.split()[1:3] for line in file if line.startswith("#define") and len(line.split()) == 3)
        library = ctypes.CDLL(self.path("libblobs.so"))
        self.assertEqual(library.blobs_init(ctypes.c_uint32(int(macros["BLOBS_BUILD"].rstrip("u"), 16))), 0)
        raw = ctypes.create_string_buffer(int(macros["BLOBS_PREDICT_MEMORY_BYTES"].rstrip("u")) + 63)
        memory = ctypes.c_void_p((ctypes.addressof(raw) + 63) // 64 * 64)
        rows = []
        for n in range(SAMPLES):
            probability = (ctypes.c_float * 4)()
            image = self.images[n * SIDE * SIDE : (n + 1) * SIDE * SIDE]
            self.assertEqual(library.blobs_predict(image, probability, memory), 0)
            rows.append(list(probability))
        self.assert_expected(rows)

    def test_only_the_declared_entries_show(self):
        self.build("shared", "libblobs.so")
        listed = subprocess.run(["nm", "-D", self.path("libblobs.so")], capture_output=True, text=True, check=True).stdout
        defined = {line.split()[-1] for line in listed.splitlines() if " U " not in line}
        needed = {line.split()[-1].split("@")[0] for line in listed.splitlines() if " U " in line}
        self.assertEqual(defined, {"blobs_init", "blobs_predict"})
        self.assertLessEqual(needed, {"memcpy", "memset", "memmove"})
        # No variables: nothing that is written.
        sections = subprocess.run(["size", "-A", self.path("libblobs.so")], capture_output=True, text=True, check=True).stdout
        for line in sections.splitlines():
            if line.startswith((".data ", ".bss ")):
                self.assertEqual(line.split()[1], "0")

    def test_the_same_inputs_give_the_same_bytes(self):
        for kind, name in ("lib", "blobs.a"), ("obj", "blobs.o"), ("shared", "libblobs.so"):
            files = []
            for threads, cache in (1, "off"), (2, self.path("cache")), (2, self.path("cache")):
                self.build(kind, name, "--threads", threads, "--cache", cache)
                with open(self.path(name), "rb") as file:
                    files.append(file.read())
            self.assertEqual(files[0], files[1], kind)
            self.assertEqual(files[0], files[2], kind)

    def test_text(self):
        ir = self.kiln("build", self.experiment, "--out", self.run_directory, "--emit=ir").out
        self.assertIn("func @predict", ir)
        for training_only in "dropout", "softmax_cross_entropy", "label":
            self.assertNotIn(f"= {training_only}", ir)
        self.build("llvm", "blobs.ll")
        with open(self.path("blobs.ll"), encoding="utf-8") as file:
            self.assertIn("define void @kiln_", file.read())
        assembly = self.kiln("build", self.experiment, "--out", self.run_directory, "--emit=asm", "--cpu", "x86-64").out
        self.assertIn("mulps", assembly)
        self.assertNotIn("vmulps", assembly)

    def test_verbose_says_what_was_removed_and_folded(self):
        experiment = self.write("normed.textproto", NORMED + DATA + REST)
        self.kiln("train", experiment, "--out", self.path("normed"), "--epochs", 1, "--progress", "none")
        for kind in "obj", "infer":
            out = self.kiln("build", experiment, "--out", self.path("normed"), f"--emit={kind}", "-v", "-o",
                            self.path("normed.o"), "--batch", 4).out
            for sentence in ["image.preprocess: scale and subtraction went into the weights of conv1",
                             "bn1: batch norm went into the weights and the bias of conv1",
                             "bn2: batch norm stays: what comes before is no convolution or dense layer for it alone",
                             "dropout1: dropout is gone"]:
                self.assertEqual(out.count(f"  {sentence}\n"), 1, out)
            steps = {name: tuple(map(int, counts)) for name, *counts in re.findall(r"(?m)^  (\w+) +(\d+) +(\d+)$", out)}
            self.assertEqual(steps["batch_norm"], (2, 0))
            self.assertEqual(steps["batch_norm_inference"], (0, 1))
            self.assertEqual(steps["dropout"], (1, 0))
            self.assertEqual(steps["softmax_cross_entropy"], (1, 0))
            self.assertEqual(steps["dense"], (2, 2))
            self.assertNotIn("removed and folded", self.kiln("build", experiment, "--out", self.path("normed"),
                                                             f"--emit={kind}", "-o", self.path("normed.o")).out)

    def test_refusals(self):
        self.refused(2, ["build needs --emit: one of lib"], "build", self.experiment)
        self.refused(2, ["--emit takes one of lib", "\"library\""], "build", self.experiment, "--emit=library")
        self.refused(2, ["--name: \"2nd\" is no name for C"], "build", self.experiment, "--emit=lib", "--name", "2nd")
        self.refused(2, ["--name: \"int\" is no name for C"], "build", self.experiment, "--emit=lib", "--name", "int")
        self.refused(4, ["no weights: "], "build", self.experiment, "--emit=lib", "--out", self.path("never trained"))
        self.refused(1, ["/nowhere/x.a"], "build", self.experiment, "--emit=lib", "--out", self.run_directory, "-o", "/nowhere/x.a")
        self.assertFalse(os.path.exists("/nowhere"))


if __name__ == "__main__":
    unittest.main()
