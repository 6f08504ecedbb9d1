"""kiln doctor: well in a build tree, and what it says of a sysroot that is not whole."""

import os
import shutil
import unittest

from support import KILN, ToolTest


class Doctor(ToolTest):
    def test_this_build_is_well(self):
        facts = self.kiln("doctor", "--json").json()
        self.assertTrue(facts["ok"])
        self.assertEqual([check["check"] for check in facts["checks"]], ["CPU", "cache", "sysroot", "linking"])
        text = self.kiln("doctor").out
        self.assertIn("a program linked here runs", text)
        self.assertNotIn("FAULT", text)

    def test_faults(self):
        sysroot = self.path("sysroot")
        shutil.copytree(os.path.join(os.path.dirname(KILN), "sysroot"), sysroot)
        self.assertTrue(self.kiln("doctor", "--sysroot", sysroot, "--json").json()["ok"])
        os.remove(sysroot + "/libc.a")
        told = self.kiln("doctor", "--sysroot", sysroot, code=1).out
        self.assertRegex(told, r"sysroot +FAULT +\S+ has no libc.a")
        with open(sysroot + "/libc.a", "w", encoding="utf-8") as file:
            file.write("no archive")
        self.assertRegex(self.kiln("doctor", "--sysroot", sysroot, code=1).out, r"linking +FAULT +linking failed: ")


if __name__ == "__main__":
    unittest.main()
