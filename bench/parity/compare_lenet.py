"""Trains LeNet for 50 steps with Kiln and compares each step's loss with PyTorch's: compare_lenet.py KILN [--live]
Takes PyTorch's losses from lenet_trajectory.json, or with --live from a PyTorch run now (Debian's python3-torch).
Exits 1 when the largest relative difference exceeds 1e-4."""
import json
import os
import subprocess
import sys
import tempfile

import lenet_setup as setup

HERE = os.path.dirname(os.path.abspath(__file__))
TOLERANCE = 1e-4


def kiln_losses(kiln, threads):
    with tempfile.TemporaryDirectory() as folder:
        weights, run = os.path.join(folder, "weights.safetensors"), os.path.join(folder, "run")
        setup.write_safetensors(weights, setup.initial_weights())
        subprocess.run([kiln, "train", os.path.join(HERE, "lenet.textproto"), "--weights", weights, "--out", run,
                        "--max-steps", str(setup.STEPS), "--threads", str(threads), "-q"],
                       check=True, stdout=subprocess.DEVNULL)
        rows = [json.loads(line) for line in open(os.path.join(run, "metrics.jsonl"))]
    return [row["loss"] for row in rows if "loss" in row and "test_loss" not in row]


def main():
    if "--live" in sys.argv:
        text = subprocess.run(["/usr/bin/python3", os.path.join(HERE, "lenet_torch.py"), "double"], check=True,
                              capture_output=True, cwd=HERE).stdout
        expected = json.loads(text)
    else:
        expected = json.load(open(os.path.join(HERE, "lenet_trajectory.json")))
    losses = kiln_losses(sys.argv[1], threads=2)
    if len(losses) != setup.STEPS or len(expected) != setup.STEPS:
        sys.exit(f"expected {setup.STEPS} losses, Kiln gave {len(losses)}, PyTorch {len(expected)}")
    differences = [abs(ours - theirs) / abs(theirs) for ours, theirs in zip(losses, expected)]
    worst = max(range(setup.STEPS), key=differences.__getitem__)
    print(f"largest relative difference {differences[worst]:.2e} at step {worst}: {losses[worst]} against {expected[worst]}")
    sys.exit(differences[worst] > TOLERANCE)


main()
