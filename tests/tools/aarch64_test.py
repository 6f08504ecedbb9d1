"""kiln build --target=aarch64-linux-gnu: libraries that, run by qemu, give what kiln predict gives, and train."""

import shutil
import subprocess
import unittest

from support import SIDE, ToolTest, read_file

COMPILER = shutil.which("aarch64-linux-gnu-gcc")
QEMU = shutil.which("qemu-aarch64")
SAMPLES = 16

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

    def test_refusals(self):
        self.refused(2, ["--target is for lib"], "build", self.experiment, "--emit=infer", "--target=aarch64-linux-gnu")
        self.refused(2, ["--target takes aarch64-linux-gnu"], "build", self.experiment, "--emit=lib", "--target=riscv64")
        self.refused(2, ["--cpu names levels of x86-64"], "build", self.experiment, "--emit=lib", "--target=aarch64-linux-gnu",
                     "--cpu", "v3")


if __name__ == "__main__":
    unittest.main()
