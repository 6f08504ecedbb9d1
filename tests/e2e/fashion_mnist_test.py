"""Trains the example for one epoch on all of Fashion-MNIST: accuracy, the run directory, and agreement of `test` and
`predict` with what training said. fashion_mnist_test.py KILN EXPERIMENT"""
import json
import os
import subprocess
import sys
import tempfile

KILN, EXPERIMENT = sys.argv[1:]


def run(*args):
    done = subprocess.run([KILN, *args], capture_output=True, text=True)
    assert done.returncode == 0, f"{args}: exit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def check(truth, what):
    if not truth:
        sys.exit(f"FAILED: {what}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "run")
        summary = json.loads(run("train", EXPERIMENT, "--epochs", "1", "--out", out, "--json", "-q").splitlines()[-1])
        print(summary)
        check(summary["steps"] == 937, "60,000 samples in batches of 64 are 937 steps an epoch")
        check(summary["test_accuracy"] >= 0.86, f"accuracy {summary['test_accuracy']} after one epoch")
        check(summary["train_loss"] < 0.6, f"training loss {summary['train_loss']}")
        for name in ("experiment.textproto", "environment.json", "metrics.csv", "metrics.jsonl", "checkpoints/last.safetensors"):
            check(os.path.getsize(os.path.join(out, name)) > 0, f"{name} in the run directory")

        for batch in ("1", "64", "300"):
            tested = json.loads(run("test", EXPERIMENT, "--out", out, "--batch", batch, "--json"))
            check(tested["samples"] == 10000, "every test sample counts once")
            check(tested["test_accuracy"] == summary["test_accuracy"], f"accuracy in batches of {batch}")
            check(abs(tested["test_loss"] - summary["test_loss"]) <= 1e-5 * summary["test_loss"], f"loss in batches of {batch}")

        # Inference folds pre-processing into the weights, training does not: both must classify alike.
        predicted = json.loads(run("predict", EXPERIMENT, "--out", out, "--json", "0-1999"))
        right = predicted["correct"]
        check(abs(right / 2000 - summary["test_accuracy"]) < 0.03, f"{right} of the first 2000 right")
        # The resolved experiment of the run is an experiment.
        again = json.loads(run("test", os.path.join(out, "experiment.textproto"), "--out", out, "--json"))
        check(again["test_accuracy"] == summary["test_accuracy"], "the run's own experiment gives the same accuracy")


main()
