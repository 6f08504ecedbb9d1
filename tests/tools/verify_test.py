"""kiln verify: agrees where it should, and says where it does not."""

import json
import struct
import unittest

from support import ToolTest, read_file, run


def scaled(data, name, factor):
    """A safetensors file with one tensor multiplied, without the checksum of what it held."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    begin, end = (8 + length + offset for offset in header[name]["data_offsets"])
    values = [value * factor for value in memoryview(data[begin:end]).cast("f")]
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    payload = data[8 + length : begin] + struct.pack(f"<{len(values)}f", *values) + data[end:]
    return struct.pack("<Q", len(text)) + text + payload


class Verify(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, epochs in ("run", 2), ("other", 1):
            trained = run("train", cls.experiment, "--out", cls.path(name), "--progress", "none", "--epochs", epochs)
            assert trained.code == 0, trained
        for kind in "infer", "trainer":
            built = run("build", cls.experiment, f"--emit={kind}", "--out", cls.path("run"), "-o", cls.path(kind))
            assert built.code == 0, built

    def verify(self, *arguments, run_directory="run", code=0):
        return self.kiln("verify", self.experiment, *arguments, "--out", self.path(run_directory), code=code)

    def test_the_compiled_network_agrees(self):
        facts = self.verify("--json").json()
        self.assertTrue(facts["agrees"])
        self.assertIsNone(facts["first_diverging"])
        values = [step["value"] for step in facts["steps"]]
        self.assertIn("relu1", values)
        for step in facts["steps"]:
            self.assertGreater(step["difference"]["range"], 0, step)
            self.assertLess(step["difference"]["largest"], 1e-5 * step["difference"]["range"], step)
        self.assertTrue(any(step["difference"]["largest"] > 0 for step in facts["steps"]))
        self.assertLess(facts["output"]["largest"], 1e-5)
        text = self.verify("--cpu", "x86-64").out
        self.assertIn("output of the network as written", text)
        self.assertNotIn("DIVERGES", text)

    def test_products(self):
        facts = self.verify(self.path("infer"), "--json").json()
        self.assertEqual(facts["product"]["kind"], "inference")
        self.assertEqual(facts["product"]["output"]["largest"], 0)
        facts = self.verify(self.path("trainer"), "--json").json()
        self.assertEqual(facts["product"]["weights_sha256"], facts["product"]["weights_sha256_by_kiln"])

    def test_products_of_something_else(self):
        facts = self.verify(self.path("infer"), "--json", run_directory="other", code=6).json()
        self.assertFalse(facts["agrees"])
        self.assertTrue(facts["product"]["output"]["diverges"])
        self.assertFalse(facts["output"]["diverges"])
        result = self.verify(self.path("trainer"), "--set", "training.seed=9", code=6)
        self.assertIn("is not that of kiln train", result.out)
        self.assertIn("/bin/true --info --json ended", self.verify("/bin/true", code=1).err)
        self.assertIn("cannot run", self.verify(self.path("nothing"), code=1).err)

    def test_the_first_step_that_diverges(self):
        # Beyond what a float holds, but not a double.
        weights = self.path("huge.safetensors")
        with open(weights, "wb") as file:
            file.write(scaled(scaled(read_file(self.path("run/checkpoints/last.safetensors")), "fc1.weight", 1e30), "fc2.weight", 1e30))
        facts = self.verify("--weights", weights, "--json", code=6).json()
        diverging = [step["value"] for step in facts["steps"] if step["difference"]["diverges"]]
        self.assertEqual(facts["first_diverging"], diverging[0])
        self.assertNotIn(diverging[0], ["relu1", "pool1"])
        self.assertIn(f"the first step that diverges is {diverging[0]}", self.verify("--weights", weights, code=6).out)


if __name__ == "__main__":
    unittest.main()
