"""kiln time: every field it promises, with values that fit together."""

import unittest

from support import ToolTest

FIELDS = ["median_ms", "samples_per_second", "gflops", "fma_peak_gflops", "compile_seconds", "peak_memory_bytes", "layers"]
STEP_FIELDS = ["name", "op", "kernel", "layers", "ms", "gflops", "share_of_peak", "share", "floor_ms"]


class Time(ToolTest):
    def measure(self, *arguments):
        result = self.kiln("time", self.experiment_without_data, "--json", *arguments)
        self.assertEqual(len(result.out.splitlines()), 1)
        facts = result.json()
        for field in FIELDS:
            self.assertIn(field, facts)
        self.assertGreater(facts["median_ms"], 0)
        self.assertAlmostEqual(facts["samples_per_second"] * facts["median_ms"] / 1e3 / facts["batch"], 1, 3)
        self.assertGreater(facts["fma_peak_gflops"], 1)
        self.assertGreater(facts["gflops"], 0)
        self.assertLess(facts["gflops"], 1.5 * facts["fma_peak_gflops"])
        self.assertGreater(facts["peak_memory_bytes"], facts["instance_memory_bytes"])
        for step in facts["layers"]:
            for field in STEP_FIELDS:
                self.assertIn(field, step)
            self.assertGreater(step["floor_ms"], 0)
        self.assertAlmostEqual(sum(step["share"] for step in facts["layers"]), 1, 6)
        self.assertAlmostEqual(sum(step["floor_ms"] for step in facts["layers"]) / facts["floor_ms"], 1, 6)
        flops = sum(step["flops"] for step in facts["layers"])
        self.assertAlmostEqual(flops / facts["median_ms"] / 1e6 / facts["gflops"], 1, 3)
        return facts

    def check_memory(self, which, facts, *arguments):
        """It is what `kiln check` promises."""
        promised = self.kiln("check", self.experiment_without_data, "--json", *arguments).json()["memory"][which]
        self.assertEqual(facts["instance_memory_bytes"], sum(promised[part + "_bytes"] for part in ["states", "arena", "staging"]) +
                         facts["threads"] * promised["bytes_per_thread"])

    def test_training(self):
        facts = self.measure("--phase", "train", "--batch", "48", "--threads", "1")
        self.assertEqual((facts["batch"], facts["threads"]), (48, 1))
        self.check_memory("training", facts, "--batch", "48")
        ops = [step["op"] for step in facts["layers"]]
        self.assertIn("conv2d_backward_weights", ops)
        self.assertIn("sgd_update", ops)
        served = {step["layers"] for step in facts["layers"]}
        self.assertTrue(any("conv1" in layers for layers in served), served)

    def test_inference(self):
        facts = self.measure("--phase", "predict", "--threads", "2", "--cpu", "x86-64")
        self.assertEqual((facts["batch"], facts["threads"], facts["isa"]), (1, 2, "x86-64"))
        self.check_memory("inference", facts, "--cpu", "x86-64")
        for step in facts["layers"]:
            self.assertNotIn("backward", step["op"])
            self.assertNotIn(step["op"], ["fold_scale", "fold_shift", "dropout"])

    def test_text(self):
        lines = self.kiln("time", self.experiment_without_data, "--batch", "8").out.splitlines()
        self.assertRegex(lines[0], r"^train_step batch 8, \d+ threads, .* ms \(median of \d+, fastest [\d.]+\), \d+ samples/s$")
        self.assertRegex(lines[1], r"FMA peak")
        table = [line.split() for line in lines if line.endswith(tuple("0123456789")) and "%" in line][1:]
        shares = [float(next(word for word in row if word.endswith("%"))[:-1]) for row in table]
        self.assertGreater(len(shares), 10)
        self.assertEqual(shares, sorted(shares, reverse=True))
        self.assertRegex(lines[-1], r"^steps one by one: [\d.]+ ms in all, floors [\d.]+ ms; furthest from its floor: .+$")


if __name__ == "__main__":
    unittest.main()
