"""Where the time of the benchmark networks goes, in Kiln alone:

    bench/networks.py BUILD [--networks lenet,nin] [--threads 1,2] [--phases train,predict] [--gaps 3]

A row a network, phase, batch and number of threads: time over the floor of the plan's steps (FLOPs at the FMA peak
measured meanwhile, bytes at the copying rate, whichever is more), how much faster than with the first of --threads,
memory, and the steps that lose most against their floors."""
import argparse
import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BATCHES = {"lenet": 64, "nin": 128, "vgg_small": 64, "resnet18": 16, "mobilenet_v1": 16}


def measure(build, name, phase, batch, threads):
    path = os.path.join(ROOT, "examples", "nets", name + ".textproto")
    line = subprocess.run([os.path.join(build, "kiln"), "time", path, "--phase", phase, "--batch", str(batch), "--threads",
                           str(threads), "--json"], check=True, capture_output=True, text=True).stdout
    return json.loads(line)


def gap(step):
    return step["ms"] - step["floor_ms"]


def worst(report, count):
    steps = sorted(report["layers"], key=gap, reverse=True)[:count]
    return ", ".join(f"{step['name']} {step['ms']:.2f} ms ({step['ms'] / max(step['floor_ms'], 1e-9):.1f} x)" for step in steps)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--networks", default=",".join(BATCHES))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--phases", default="train,predict")
    parser.add_argument("--gaps", type=int, default=3)
    options = parser.parse_args()
    print("| network | phase, batch | threads | ms | over its floor | of FMA peak | speed-up | memory, MB | furthest from "
          "their floors |\n|---|---|---|---|---|---|---|---|---|")
    for name in options.networks.split(","):
        for phase in options.phases.split(","):
            for batch in [BATCHES[name]] if phase == "train" else [BATCHES[name], 1]:
                first = None
                for threads in map(int, options.threads.split(",")):
                    report = measure(options.build, name, phase, batch, threads)
                    first = first or report["median_ms"]
                    print(f"| {name} | {phase}, {batch} | {threads} | {report['median_ms']:.3f} | "
                          f"{report['median_ms'] / report['floor_ms']:.2f} | {report['share_of_peak']:.0%} | "
                          f"{first / report['median_ms']:.2f} | {report['instance_memory_bytes'] / 1e6:.0f} | "
                          f"{worst(report, options.gaps)} |", flush=True)


main()
