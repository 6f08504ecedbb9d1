"""cmake --install into an empty prefix, and a project that finds Kiln there and makes models part of its programs."""

import os
import shutil
import subprocess
import unittest

from support import IS_RELEASE, KILN, SIDE, ToolTest, read_file, run

PROJECT = """
cmake_minimum_required(VERSION 3.25)
project(consumer C)
find_package(Kiln 0.1 REQUIRED)
foreach(kind lib shared obj)
  kiln_add_model(model_${kind} EXPERIMENT ../blobs.textproto WEIGHTS weights.safetensors EMIT ${kind} NAME blobs CPU x86-64)
  add_executable(program_${kind} program.c)
  target_link_libraries(program_${kind} PRIVATE model_${kind})
endforeach()
kiln_add_model(learner EXPERIMENT ../blobs.textproto EMIT lib TRAIN)
add_executable(program_learner learner.c)
target_link_libraries(program_learner PRIVATE learner)
kiln_add_model(classify EXPERIMENT ../blobs.textproto WEIGHTS weights.safetensors EMIT infer ARGUMENTS --batch 4)
"""

PROGRAM = """
#include "blobs.h"
#include <stdio.h>

static _Alignas(BLOBS_MEMORY_ALIGNMENT) char memory[BLOBS_PREDICT_MEMORY_BYTES];

int main(void) {
  uint8_t image[BLOBS_PREDICT_IMAGE_COUNT];
  float probability[BLOBS_PREDICT_PROBABILITY_COUNT];
  if (blobs_init(BLOBS_BUILD) != BLOBS_OK || fread(image, 1, sizeof image, stdin) != sizeof image) return 2;
  if (blobs_predict(image, probability, memory) != BLOBS_OK) return 3;
  for (int c = 0; c < BLOBS_CLASSES; ++c) printf("%.6f\\n", probability[c]);
  return 0;
}
"""

LEARNER = """
#include "learner.h"

static _Alignas(LEARNER_MEMORY_ALIGNMENT) char model[LEARNER_MODEL_BYTES];

int main(void) { return learner_init(LEARNER_BUILD) == LEARNER_OK ? learner_start(model) : 2; }
"""


@unittest.skipUnless(IS_RELEASE and shutil.which("cmake"), "installs release builds by cmake")
class Install(ToolTest):
    def cmake(self, *arguments, code=0):
        done = subprocess.run(["cmake", *arguments], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stdout[-4000:] + done.stderr[-4000:])
        return done.stdout + done.stderr

    def test_a_project_that_finds_it(self):
        prefix, source, build = self.path("prefix"), self.path("source"), self.path("build")
        self.cmake("--install", os.path.dirname(KILN), "--prefix", prefix, "--strip")
        installed = prefix + "/bin/kiln"
        self.assertEqual(run("doctor", program=installed).code, 0)
        self.kiln("train", self.experiment, "--out", self.path("run"), "--progress", "none")
        os.makedirs(source)
        shutil.copy(self.path("run/checkpoints/last.safetensors"), source + "/weights.safetensors")
        for name, text in [("CMakeLists.txt", PROJECT), ("program.c", PROGRAM), ("learner.c", LEARNER)]:
            self.write("source/" + name, text)
        self.cmake("-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}")
        self.cmake("--build", build)
        image = read_file(self.path("test-images"))[16 : 16 + SIDE * SIDE]
        expected = self.kiln("predict", self.experiment, "--out", self.path("run"), "--top", 4, "--json", "0").json()
        wanted = {entry["class"]: entry["probability"] for entry in expected["samples"][0]["top"]}
        for kind in "lib", "shared", "obj":
            done = subprocess.run([f"{build}/program_{kind}"], input=image, capture_output=True)
            self.assertEqual(done.returncode, 0, kind)
            for label, line in enumerate(done.stdout.decode().split()):
                self.assertAlmostEqual(float(line), wanted[label], 5)
        self.assertEqual(subprocess.run([f"{build}/program_learner"]).returncode, 0)
        self.assertEqual(run("--selftest", program=build + "/classify").out, "self test passed\n")

        # Built anew when the weights change, and only then.
        library = build + "/model_lib-kiln/blobs.a"
        before = os.stat(library).st_mtime_ns
        self.cmake("--build", build)
        self.assertEqual(os.stat(library).st_mtime_ns, before)
        os.utime(source + "/weights.safetensors")
        self.cmake("--build", build)
        self.assertGreater(os.stat(library).st_mtime_ns, before)

        self.write("source/CMakeLists.txt", PROJECT + "kiln_add_model(wrong EXPERIMENT ../blobs.textproto EMIT library)\n")
        self.assertIn("kiln_add_model(wrong): EMIT takes lib, shared, obj, infer or trainer", self.cmake("-S", source, "-B", build, code=1))


if __name__ == "__main__":
    unittest.main()
