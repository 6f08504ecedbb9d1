#!/usr/bin/env python3
"""Compares the activations of examples/cifar10/nin_*.textproto at a part of their width, all on the same budget.

Usage: bench/nin_activations.py KILN [--divide 4] [--epochs 2] [--batch 64] [--rate 0.05] [--seeds 1 2 3] [--threads 1]
Prints a row for each run and a table of means and spreads. Results are kept in --out, and a run that is there is not
done again.
"""
import argparse
import json
import pathlib
import re
import statistics
import subprocess

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples/cifar10"
ACTIVATIONS = ["relu", "leaky100", "leaky55", "prelu", "rrelu"]
# Test errors of "Empirical evaluation of rectified activations in convolutional network" (Xu, Wang, Chen, Li 2015), full
# width, CIFAR-10.
PUBLISHED = {"relu": 0.1245, "leaky100": 0.1266, "leaky55": 0.1120, "prelu": 0.1179, "rrelu": 0.1119}


def narrowed(text, divide):
    """All filters divided, but for those that are the classes."""
    return re.sub(r"(filters: )(\d+)", lambda m: m[1] + (m[2] if m[2] == "10" else str(int(m[2]) // divide)), text)


def run(options, activation, seed):
    out = pathlib.Path(options.out)
    done = out / f"{activation}-{seed}.json"
    if done.exists():
        return json.loads(done.read_text())
    out.mkdir(parents=True, exist_ok=True)
    experiment = EXAMPLES / f"nin_{activation}.textproto"
    narrow = EXAMPLES / f".nin_{activation}_{options.divide}_{seed}.textproto"  # beside its data
    narrow.write_text(narrowed(experiment.read_text(), options.divide))
    try:
        result = subprocess.run(
            [options.kiln, "train", narrow, "--epochs", str(options.epochs), "--batch", str(options.batch), "--seed", str(seed),
             "--set", f"training.learning_rate.start={options.rate}", "--set", "training.learning_rate.warmup=0.1",
             "--threads", str(options.threads), "--out", out / f"{activation}-{seed}", "--json", "-q"],
            capture_output=True, text=True, check=True)
    finally:
        narrow.unlink()
    done.write_text(result.stdout)
    return json.loads(result.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kiln")
    parser.add_argument("--divide", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", default="runs/nin_activations")
    options = parser.parse_args()
    rows = []
    for seed in options.seeds:  # so that what is there so far is a comparison
        for activation in ACTIVATIONS:
            result = run(options, activation, seed)
            print(f"{activation} seed {seed}: test error {1 - result['test_accuracy']:.4f}, training loss "
                  f"{result['train_loss']:.4f}, {result['seconds']:.0f} s", flush=True)
            rows.append((activation, 1 - result["test_accuracy"], result["train_loss"]))
    print("\n| activation | test error, mean | spread | training loss, mean | published test error |\n|---|---|---|---|---|")
    for activation in ACTIVATIONS:
        errors = [error for name, error, _ in rows if name == activation]
        losses = [loss for name, _, loss in rows if name == activation]
        spread = statistics.stdev(errors) if len(errors) > 1 else float("nan")
        print(f"| {activation} | {statistics.mean(errors):.4f} | {spread:.4f} | {statistics.mean(losses):.4f} | "
              f"{PUBLISHED[activation]:.4f} |")


main()
