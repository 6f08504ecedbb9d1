"""The speed of what `kiln build` makes beside that of Kiln itself, from the same plans, in one run:

    bench/products.py BUILD [--networks lenet,resnet18] [--threads 1,2] [--pairs 3] [--phases train,predict]

Builds each network's trainer and inference binary for one CPU level. A training step is the difference of a long and a
short run over the steps between, by the wall clock of the trainer and of `kiln train`; inference is what `--bench` of
the binary and `kiln time --phase predict` say. Both take turns, A B A B; prints the medians and their ratio, product
over Kiln, as Markdown."""
import argparse
import json
import os
import re
import statistics
import struct
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PREDICT_BATCHES = 1, 16
DATA = 'data { npz { train { image: "images.npy" label: "labels.npy" } } }'


class Network:
    def __init__(self, height, channels, classes, samples, steps):
        self.height, self.channels, self.classes, self.samples, self.steps = height, channels, classes, samples, steps


# Steps of a short and of a long run, both within the first epoch, at whose end a checkpoint would be written.
NETWORKS = {"lenet": Network(28, 1, 10, 64000, (50, 850)), "resnet18": Network(224, 3, 1000, 256, (1, 7)),
            "mobilenet_v1": Network(224, 3, 1000, 256, (1, 9))}


def run(*arguments):
    return subprocess.run([str(word) for word in arguments], check=True, capture_output=True, text=True).stdout


def write_npy(path, type_name, dims, content):
    header = repr({"descr": type_name, "fortran_order": False, "shape": tuple(dims)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content)


class Case:
    """A network's experiment on noise, with its products."""

    def __init__(self, kiln, name, directory, pairs):
        self.kiln, self.name, self.directory, self.pairs = kiln, name, directory, pairs
        self.network = NETWORKS[name]
        samples, side, channels = self.network.samples, self.network.height, self.network.channels
        write_npy(self.path("images.npy"), "|u1", (samples, side, side, channels), os.urandom(samples * side * side * channels))
        labels = struct.pack(f"<{samples}i", *(i % self.network.classes for i in range(samples)))
        write_npy(self.path("labels.npy"), "<i4", (samples,), labels)
        with open(os.path.join(ROOT, "examples/nets", name + ".textproto"), encoding="utf-8") as file:
            text = file.read()
        self.experiment = self.path(name + ".textproto")
        with open(self.experiment, "w", encoding="utf-8") as file:
            file.write(re.sub(r"^data \{.*\}$", DATA, text, flags=re.M))
        # A rate at which noise does no harm.
        self.words = [self.experiment, "--set", "training.learning_rate.start=1e-6"]

    def path(self, name):
        return os.path.join(self.directory, name)

    def train_seconds(self, command, steps, threads):
        out = tempfile.mkdtemp(dir=self.directory)
        start = time.perf_counter()
        run(*command, "--out", out, "--max-steps", steps, "--threads", threads, "--progress", "none")
        return time.perf_counter() - start

    def time_training(self, threads):
        trainer = self.path(self.name + "-trainer")
        if not os.path.exists(trainer):
            run(self.kiln, "build", *self.words, "--emit=trainer", "-o", trainer)
        commands = [self.kiln, "train", *self.words], [trainer]
        short, long = self.network.steps
        times = [], []
        for _ in range(self.pairs):
            for command, seconds in zip(commands, times):
                few, many = (self.train_seconds(command, steps, threads) for steps in (short, long))
                seconds.append((many - few) / (long - short) * 1e3)
        return times

    def time_prediction(self, threads, batch):
        net = self.path(self.name + "-net")
        if not os.path.exists(net):
            weights = self.path("weights")
            run(self.kiln, "train", *self.words, "--out", weights, "--max-steps", 1, "--progress", "none")
            run(self.kiln, "build", *self.words, "--emit=infer", "--out", weights, "-o", net)
        times = [], []
        for _ in range(self.pairs):
            report = json.loads(run(self.kiln, "time", *self.words, "--phase", "predict", "--batch", batch, "--threads", threads,
                                    "--json"))
            times[0].append(report["median_ms"])
            told = run(net, "--bench", "--threads", threads)
            times[1].append(float(re.search(rf"^batch {batch}: ([\d.]+) ms median", told, re.M)[1]))
        return times


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--networks", default="lenet,resnet18")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--phases", default="train,predict")
    options = parser.parse_args()
    print("| network | what | threads | Kiln, ms | product, ms | ratio |\n|---|---|---|---|---|---|")
    for name in options.networks.split(","):
        with tempfile.TemporaryDirectory() as directory:
            case = Case(os.path.join(options.build, "kiln"), name, directory, options.pairs)
            for threads in options.threads.split(","):
                jobs = []
                if "train" in options.phases:
                    jobs.append(("training step", lambda: case.time_training(threads)))
                if "predict" in options.phases:
                    jobs += [(f"predict, batch {batch}", lambda batch=batch: case.time_prediction(threads, batch))
                             for batch in PREDICT_BATCHES]
                for what, measure in jobs:
                    kiln, product = measure()
                    print(f"| {name} | {what} | {threads} | {statistics.median(kiln):.4f} | {statistics.median(product):.4f} | "
                          f"{statistics.median(product) / statistics.median(kiln):.3f} |", flush=True)


main()
