"""Runs the commands of docs/products.md, in their order. products_test.py KILN SOURCE_DIR"""
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile

KILN, SOURCE = sys.argv[1:]


def main():
    with open(os.path.join(SOURCE, "docs/products.md"), encoding="utf-8") as file:
        page = file.read()
    commands = re.findall(r"^    ((?:kiln|\./lenet\S*) .*)$", page, re.M)
    assert len(commands) >= 9, commands
    with tempfile.TemporaryDirectory() as directory:
        os.symlink(os.path.join(SOURCE, "examples"), os.path.join(directory, "examples"))
        outputs = {}
        for command in commands:
            words = shlex.split(command)
            words[0] = {"kiln": KILN}.get(words[0], os.path.join(directory, words[0]))
            done = subprocess.run(words, cwd=directory, capture_output=True, text=True)
            assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
            outputs[command] = done.stdout
    trained = next(output for command, output in outputs.items() if "--epochs 1 --out" in command)
    resumed = next(output for command, output in outputs.items() if "--resume" in command)
    # Nothing was left to do.
    sha256 = r"weights_sha256 [0-9a-f]{64}"
    assert re.search(sha256, trained)[0] == re.search(sha256, resumed)[0]
    assert "accuracy 0.8" in next(output for command, output in outputs.items() if "--test" in command)
    told = json.loads(next(output for command, output in outputs.items() if "--idx" in command))
    assert len(told) == 10000 and all("top" in entry for entry in told)


main()
