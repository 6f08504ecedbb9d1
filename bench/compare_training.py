"""Times a LeNet training step (batch 64) in Kiln and in PyTorch, in turn, three pairs in one run, and prints the ratio:
/usr/bin/python3 bench/compare_training.py KILN [THREADS]   (needs Debian's python3-torch)"""
import json
import os
import statistics
import subprocess
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

BATCH, PAIRS, SECONDS = 64, 3, 4
EXPERIMENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "parity", "lenet.textproto")


def torch_step_ms():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
                          nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    images, labels = torch.randn(BATCH, 1, 28, 28), torch.randint(0, 10, (BATCH,))
    times, start = [], time.time()
    while time.time() - start < SECONDS:
        begin = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1e3


def kiln_step_ms(kiln, threads):
    line = subprocess.run([kiln, "time", EXPERIMENT, "--phase", "train", "--batch", str(BATCH), "--threads",
                           str(threads), "--json"], check=True, capture_output=True).stdout
    report = json.loads(line)
    return report["median_ms"], report["fma_peak_gflops"]


def main():
    kiln, threads = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    torch.set_num_threads(threads)
    print(f"PyTorch {torch.__version__}, {threads} thread(s), LeNet, batch {BATCH}")
    ratios = []
    for _ in range(PAIRS):
        theirs = torch_step_ms()
        ours, peak = kiln_step_ms(kiln, threads)
        ratios.append(theirs / ours)
        print(f"PyTorch {theirs:.2f} ms, Kiln {ours:.2f} ms (FMA peak {peak:.0f} GFLOP/s): ratio {ratios[-1]:.2f}", flush=True)
    print(f"median ratio {statistics.median(ratios):.2f}")


main()
