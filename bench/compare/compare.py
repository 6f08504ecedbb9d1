"""Kiln beside PyTorch and ONNX Runtime on the same machine, in one run:

    /usr/bin/python3 bench/compare/compare.py BUILD [--networks lenet,nin] [--threads 1,2] [--pairs 3] [--steps 50,250]

BUILD is the build tree, such as build/release. PyTorch is Debian's python3-torch; for ONNX Runtime, --ort PYTHON names
an interpreter that has it, else one is made in BUILD/compare with pip. Times a training step against PyTorch (the
better of its two memory layouts), and inference at the full batch and at one image against ONNX Runtime and PyTorch,
in turn, A B A B; prints the table of ratios, peer's time over Kiln's, as Markdown. Before, it makes sure that all
compute the same function of the same weights. Then it derives Kiln's step from the wall clock of `kiln train`, too:
--steps A,B runs that many, and the difference over B - A is beside what `kiln time` says. The last column is the FMA
peak that Kiln measured in the same minute: a machine whose clock moves shows there."""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "bench", "parity"))
import networks  # noqa: E402
from compare_steps import Kiln as StepRunner, match  # noqa: E402
from timing import median_ms  # noqa: E402

SECONDS = 3.0     # of one measurement
WITHIN = 1e-4     # of the outputs' range: the same function


class Network:
    def __init__(self, build, image, classes, batch):
        self.build, self.image, self.classes, self.batch = build, image, classes, batch


NETWORKS = {
    "lenet": Network(networks.lenet, (1, 28, 28), 10, 64),
    "nin": Network(lambda: networks.nin(drop=0.5), (3, 32, 32), 10, 128),
    "vgg_small": Network(lambda: networks.vgg_small(drop=0.5), (3, 32, 32), 10, 64),
    "resnet18": Network(networks.resnet18, (3, 224, 224), 1000, 16),
    "mobilenet_v1": Network(networks.mobilenet_v1, (3, 224, 224), 1000, 16),
}


def experiment(name):
    return os.path.join(ROOT, "examples", "nets", name + ".textproto")


class PyTorch:
    """Training steps and inference in one memory layout; the layout is PyTorch's name of it."""

    def __init__(self, network, layout):
        torch.manual_seed(1)
        self.net = network.build().to(memory_format=layout)
        self.image = torch.randn(network.batch, *network.image).to(memory_format=layout)
        self.label = torch.randint(0, network.classes, (network.batch,))
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.0, momentum=0.9, weight_decay=5e-4)
        self.layout = layout

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(self.net(self.image), self.label).backward()
        self.optimizer.step()

    def train_ms(self):
        self.net.train()
        self.step()
        return median_ms(self.step, SECONDS)

    def predict_ms(self, batch):
        self.net.eval()
        image = self.image[:batch].contiguous(memory_format=self.layout)
        with torch.no_grad():
            self.net(image)
            return median_ms(lambda: self.net(image), SECONDS / 2)


class OnnxRuntime:
    def __init__(self, python, model, threads):
        self.process = subprocess.Popen([python, os.path.join(HERE, "ort_worker.py"), model, str(threads)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.version = self.process.stdout.readline().split()[-1]

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Comparison:
    def __init__(self, name, build, ort_python, folder):
        self.name, self.build, self.ort_python, self.folder = name, build, ort_python, folder
        self.network = NETWORKS[name]
        self.model = os.path.join(folder, name + ".onnx")
        torch.manual_seed(1)
        self.net = self.network.build().eval()
        self.give_statistics()
        torch.onnx.export(self.net, torch.randn(1, *self.network.image), self.model, input_names=["image"],
                          output_names=["logits"], dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}}, opset_version=13)

    def give_statistics(self):
        """Running statistics that are neither 0 nor 1, as a trained network has them."""
        for module in self.net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)

    def check_function(self):
        """The largest distance from PyTorch in double, of the range of what that gives: of Kiln and of ONNX Runtime."""
        batch = 2
        overrides = ["preprocess.mean=[]", "preprocess.std=[]", "preprocess.scale=1"]
        runner = StepRunner(os.path.join(self.build, "tests", "run_step"), experiment(self.name), batch, 1, overrides)
        states = {key: tensor.detach().float().numpy() for key, tensor in match(self.net, runner.states).items()}
        channels, height, width = self.network.image
        image = np.random.default_rng(1).integers(0, 256, (batch, height, width, channels), np.uint8)
        ours = runner.run("predict", {**states, "image": image})["probability"]
        runner.close()
        planes = np.ascontiguousarray(image.astype(np.float32).transpose(0, 3, 1, 2))
        given, answer = (os.path.join(self.folder, file) for file in ("given.npy", "answer.npy"))
        np.save(given, planes)
        ort = OnnxRuntime(self.ort_python, self.model, 1)
        ort.ask("run", given, answer)
        ort.close()
        with torch.no_grad():
            expected = torch.softmax(self.net.double()(torch.from_numpy(planes).double()), 1).numpy()
            theirs = torch.softmax(torch.from_numpy(np.load(answer)).double(), 1).numpy()
        self.net.float()
        spread = expected.max() - expected.min()
        distances = [np.abs(other - expected).max() / spread for other in (ours, theirs)]
        if not max(distances) <= WITHIN:
            sys.exit(f"{self.name}: not the same function: Kiln is {distances[0]:.1e} off, ONNX Runtime {distances[1]:.1e}")
        return distances

    def kiln(self, threads, phase, batch):
        line = subprocess.run([os.path.join(self.build, "kiln"), "time", experiment(self.name), "--phase",
                               phase, "--batch", str(batch), "--threads", str(threads), "--json"], check=True,
                              capture_output=True, text=True).stdout
        return json.loads(line)

    def compare(self, threads, pairs):
        """Rows (what, peer, pairs of ms, report of Kiln's last run)."""
        torch.set_num_threads(threads)
        batch = self.network.batch
        peers = [PyTorch(self.network, layout) for layout in (torch.contiguous_format, torch.channels_last)]
        self.train_row(threads, pairs, peers)
        ort = OnnxRuntime(self.ort_python, self.model, threads)
        for count in (batch, 1):
            given = os.path.join(self.folder, f"{self.name}.{count}.npy")
            np.save(given, np.random.default_rng(2).random((count, *self.network.image), np.float32))
            measured = []
            for _ in range(pairs):
                theirs = float(ort.ask("time", given, SECONDS / 2))
                torchs = min(peer.predict_ms(count) for peer in peers)
                measured.append((theirs, torchs, self.kiln(threads, "predict", count)))
            self.report(threads, f"predict, {count}", "ONNX Runtime", [(m[0], m[2]) for m in measured])
            self.report(threads, f"predict, {count}", "PyTorch", [(m[1], m[2]) for m in measured])
        ort.close()

    def train_row(self, threads, pairs, peers):
        measured = []
        for _ in range(pairs):
            theirs = min(peer.train_ms() for peer in peers)
            measured.append((theirs, self.kiln(threads, "train", self.network.batch)))
        self.report(threads, f"train, {self.network.batch}", "PyTorch", measured)

    def report(self, threads, what, peer, measured):
        ratios = [theirs / ours["median_ms"] for theirs, ours in measured]
        ours = measured[-1][1]
        peaks = [report["fma_peak_gflops"] for _, report in measured]
        print(f"| {self.name} | {threads} | {what} | {peer} | {statistics.median(t for t, _ in measured):.2f} | "
              f"{statistics.median(o['median_ms'] for _, o in measured):.2f} | **{statistics.median(ratios):.2f}** "
              f"({min(ratios):.2f} to {max(ratios):.2f}) | {ours['median_ms'] / ours['floor_ms']:.2f} | "
              f"{min(peaks):.0f} to {max(peaks):.0f} |", flush=True)

    def by_the_clock(self, threads, steps):
        """ms a step, from the difference of two whole runs of `kiln train`, each within one epoch."""
        seconds = []
        for count in steps:
            with tempfile.TemporaryDirectory(dir=self.folder) as out:
                batch = self.network.batch
                begin = time.perf_counter()
                subprocess.run([os.path.join(self.build, "kiln"), "train", experiment(self.name), "--set",
                                f"data.synthetic.train_samples={batch * (steps[1] + 1)}", "--set", f"data.synthetic.test_samples={batch}",
                                "--set", f"training.batch={batch}", "--max-steps", str(count), "--threads", str(threads),
                                "--out", os.path.join(out, "run")], check=True, capture_output=True)
                seconds.append(time.perf_counter() - begin)
        return (seconds[1] - seconds[0]) / (steps[1] - steps[0]) * 1e3


def ort_python(options):
    if options.ort:
        return options.ort
    folder = os.path.join(options.build, "compare")
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "onnxruntime", "numpy"], check=True)
    return python


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--networks", default=",".join(NETWORKS))
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--steps", default="", help="A,B: also from the wall clock of kiln train")
    parser.add_argument("--ort", default="")
    options = parser.parse_args()
    python = ort_python(options)
    with tempfile.TemporaryDirectory() as folder:
        comparisons = [Comparison(name, options.build, python, folder) for name in options.networks.split(",")]
        for comparison in comparisons:
            ours, theirs = comparison.check_function()
            print(f"{comparison.name}: the same function: Kiln {ours:.1e}, ONNX Runtime {theirs:.1e} of the range from double")
        print("\n| network | threads | what, batch | peer | peer ms | Kiln ms | ratio | Kiln over its floor | FMA peak |\n"
              "|---|---|---|---|---|---|---|---|---|")
        for comparison in comparisons:
            for threads in map(int, options.threads.split(",")):
                comparison.compare(threads, options.pairs)
        for comparison in comparisons if options.steps else []:
            steps = [int(count) for count in options.steps.split(",")]
            threads = int(options.threads.split(",")[-1])
            clock = comparison.by_the_clock(threads, steps)
            timed = comparison.kiln(threads, "train", comparison.network.batch)["median_ms"]
            print(f"{comparison.name}: {clock:.2f} ms a step by the clock of kiln train, {timed:.2f} by kiln time: "
                  f"{clock / timed - 1:+.1%}", flush=True)


main()
