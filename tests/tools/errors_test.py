"""Every broken experiment of tests/errors through the real program: what is said, the exit code, and no crash."""

import concurrent.futures
import glob
import json
import os
import re
import unittest

from support import SOURCE_DIR, run


class Expectation:
    def __init__(self, path):
        self.path = path
        self.exit_code = None
        self.overrides = []
        self.lines = []
        with open(path, encoding="utf-8", errors="replace") as file:
            next(file)  # in words what is wrong
            for line in file:
                if not line.startswith("#"):
                    break
                line = line[2:].rstrip("\n")
                if line.startswith("exit: "):
                    self.exit_code = int(line[6:])
                elif line.startswith("set: "):
                    self.overrides += ["--set", line[5:]]
                else:
                    self.lines.append(line)

    def said(self):
        """`error: 12:5: words` as the program says it: `FILE:12:5: error: words`; overrides stand for the file."""
        said = []
        for line in self.lines:
            severity, rest = re.match(r"(error|warning): (.*)", line).groups() if line[0] != " " else (None, None)
            if severity is None:
                said.append(line.replace("used here: ", f"used here: {self.path}:"))
                continue
            place = re.match(r"(\d+:\d+): ", rest)
            override = next((o for o in self.overrides[1::2] if rest.startswith(f"--set {o}: ")), None)
            if place:
                said.append(f"{self.path}:{place.group(1)}: {severity}: {rest[place.end():]}")
            elif override:
                said.append(f"--set {override}: {severity}: {rest[len(override) + 8:]}")
            else:
                said.append((severity, rest))  # with the file's name, or without any
        return said


def expectations():
    return [Expectation(path) for path in sorted(glob.glob(os.path.join(SOURCE_DIR, "tests/errors/*.textproto")))]


class Errors(unittest.TestCase):
    maxDiff = None

    def run_all(self, *arguments):
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            cases = expectations()
            verb, *flags = arguments
            results = pool.map(lambda case: run(verb, case.path, *flags, *case.overrides), cases)
            return list(zip(cases, results))

    def check_lines(self, case, result):
        lines = result.err.splitlines()
        self.assertEqual(len(lines), len(case.said()), f"{case.path}\n{result}")
        for line, wanted in zip(lines, case.said()):
            if isinstance(wanted, tuple):
                severity, rest = wanted
                self.assertIn(line, [f"{severity}: {rest}", f"{case.path}: {severity}: {rest}"])
            else:
                self.assertEqual(line, wanted)

    def test_there_are_many(self):
        self.assertGreaterEqual(len(expectations()), 25)

    def test_check_says_all_of_it(self):
        for case, result in self.run_all("check"):
            with self.subTest(os.path.basename(case.path)):
                self.assertEqual(result.code, case.exit_code, result)
                self.assertEqual(result.out, "")
                self.check_lines(case, result)

    def test_train_accepts_none(self):
        for case, result in self.run_all("train", "--out", "/nonexistent/never-made"):
            with self.subTest(os.path.basename(case.path)):
                self.assertEqual(result.code, case.exit_code, result)
                self.assertIn("error: ", result.err)

    def test_json_says_the_same(self):
        for case, result in self.run_all("check", "--json"):
            with self.subTest(os.path.basename(case.path)):
                self.assertEqual(result.code, case.exit_code, result)
                self.assertEqual(result.err, "")
                told = json.loads(result.out)
                self.assertEqual(told["exit_code"], case.exit_code)
                messages = [line for line in case.lines if not line.startswith(" ")]
                self.assertEqual(len(told["diagnostics"]), len(messages))
                for diagnostic, line in zip(told["diagnostics"], messages):
                    self.assertTrue(line.startswith(diagnostic["severity"]), line)
                    self.assertIn(diagnostic["message"].splitlines()[0], line)


if __name__ == "__main__":
    unittest.main()
