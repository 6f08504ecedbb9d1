"""Compares single training steps and predictions with PyTorch's, network by network:

    /usr/bin/python3 bench/parity/compare_steps.py RUN_STEP [--steps N] [--threads N] [NETWORK ...]

RUN_STEP is the program of run_step.cpp (tests/run_step of the build tree). Every step starts in all three, PyTorch in
double, PyTorch in float and Kiln, from PyTorch's weights, velocities and running statistics, rounded to float; the next
one from what PyTorch in double made of them. A tensor's error is its distance from PyTorch's in double, relative to
that one's norm; it may be 1e-3, or 3 times the error of PyTorch in float where that is more. The loss may be 1e-5 away,
or 3 times as far as in float; predictions 1e-4 of their range. The images are noise: what they show does not matter
here. PyTorch takes Kiln's decisions of rectifiers and maxima, and each that it would have taken otherwise must be a tie.
Prints the table of the worst; exits 1 on a miss."""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch

import networks
import safetensors

HERE = os.path.dirname(os.path.abspath(__file__))
# A rectifier or maximum that rounding decides otherwise sends a gradient elsewhere. What is within this of a tie, in
# units of the layer's mean magnitude, may be decided either way; or 3 times as far as PyTorch in float does.
TIE = 1e-4
NETS = os.path.join(HERE, "..", "..", "examples", "nets")


class Case:
    """What is compared: an experiment of examples/nets, and PyTorch's network of the same shape."""

    def __init__(self, experiment, build, image, classes, batch, rate=0.01, masks=False):
        self.path = os.path.join(NETS, experiment + ".textproto")
        self.build, self.image, self.classes, self.batch, self.rate = build, image, classes, batch, rate
        self.masks = masks  # else dropout is 0 on both sides
        text = open(self.path).read()
        self.momentum, self.decay = field(text, "momentum")[0], field(text, "weight_decay")[0]
        self.scale, self.mean, self.std = field(text, "scale")[0], field(text, "mean") or [0.0], field(text, "std") or [1.0]

    def overrides(self):
        layers = len(re.findall(r"dropout \{", open(self.path).read()))
        return [] if self.masks else [f"network.layer.dropout{i + 1}.dropout.drop=0" for i in range(layers)]


def field(text, name):
    """The numbers that a field of the experiment's text has; comments do not count."""
    text = re.sub("#.*", "", text)
    found = re.search(r"\b" + name + r": *(\[[^]]*\]|[-0-9.e]+)", text)
    return [float(number) for number in re.findall(r"[-0-9.e]+", found[1])] if found else []


CASES = {
    "lenet": lambda: Case("lenet", networks.lenet, (1, 28, 28), 10, 64),
    "nin": lambda: Case("nin", networks.nin, (3, 32, 32), 10, 8),
    "vgg_small": lambda: Case("vgg_small", networks.vgg_small, (3, 32, 32), 10, 8),
    "vgg_small, dropout": lambda: Case("vgg_small", lambda: networks.fix_dropout(networks.vgg_small(drop=0.5)),
                                       (3, 32, 32), 10, 8, masks=True),
    "resnet18": lambda: Case("resnet18", networks.resnet18, (3, 224, 224), 1000, 2),
    "mobilenet_v1": lambda: Case("mobilenet_v1", networks.mobilenet_v1, (3, 224, 224), 1000, 8),
}


class Kiln:
    """A running run_step."""

    def __init__(self, program, experiment, batch, threads, overrides):
        self.folder = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen([program, experiment, str(batch), str(threads), *overrides], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.states = []  # (name, role, shape)
        for line in self.process.stdout:
            words = line.split()
            if words == ["ready"]:
                return
            self.states.append((words[1], words[2], tuple(int(word) for word in words[3:])))
        sys.exit(f"run_step ended with {self.process.wait()}")

    def run(self, verb, tensors):
        paths = [os.path.join(self.folder.name, name) for name in ("in.safetensors", "out.safetensors")]
        safetensors.write(paths[0], tensors)
        self.process.stdin.write(" ".join([verb, *paths]) + "\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != "done\n":
            sys.exit(f"run_step ended with {self.process.wait()}")
        return safetensors.read(paths[1])

    def close(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            sys.exit("run_step failed")


def match(net, states):
    """Kiln's name -> PyTorch's tensor: by role and shape, in order."""
    left = list(networks.named_tensors(net))
    matched = {}
    for name, role, shape in states:
        if role not in ("parameter", "statistic"):
            continue
        kind = name.rsplit(".", 1)[1]
        for i, (other, tensor) in enumerate(left):
            if other == kind and tuple(tensor.shape) == shape:
                matched[name] = tensor
                del left[i]
                break
        else:
            sys.exit(f"PyTorch's network has no {kind} of {shape} for {name}")
    if left:
        sys.exit(f"Kiln's network has no {left[0][0]} of {tuple(left[0][1].shape)}")
    return matched


class Peer:
    """The network in PyTorch, in one precision."""

    def __init__(self, case, kind, states):
        self.net = networks.decide(case.build()).to(kind)
        self.kind, self.case = kind, case
        self.tensors = match(self.net, states)
        self.parameters = [name for name, role, _ in states if role == "parameter"]

    def load(self, start):
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(torch.from_numpy(start[name]))

    def images(self, image):
        bytes_ = torch.from_numpy(image).to(self.kind)
        mean, std = (torch.tensor(values, dtype=self.kind) for values in (self.case.mean, self.case.std))
        return ((bytes_ * self.case.scale - mean) / std).permute(0, 3, 1, 2)

    def step(self, start, image, label, masks, decisions):
        """What Kiln's train_step gives, by its names."""
        self.load(start)
        self.net.train()
        for module, given in zip(networks.decisions(self.net), decisions, strict=True):
            module.given = torch.tensor(given)
        for dropout, mask in zip(networks.dropouts(self.net), masks):
            dropout.mask = torch.tensor(mask)
        self.net.zero_grad()
        loss = torch.nn.functional.cross_entropy(self.net(self.images(image)), torch.from_numpy(label).long())
        loss.backward()
        result = {"loss": loss.detach().double().numpy()}
        with torch.no_grad():
            for name in self.parameters:
                weights = self.tensors[name]
                # As SGD: torch.optim.SGD with a decay for weights alone.
                decay = self.case.decay if name.endswith(".weight") else 0.0
                velocity = torch.from_numpy(start[name + ".velocity"]).to(self.kind) * self.case.momentum
                velocity += weights.grad + decay * weights
                result["gradient:" + name] = weights.grad.double().numpy().copy()
                weights -= self.case.rate * velocity
                result[name + ".velocity"] = velocity.double().numpy()
        for name, tensor in self.tensors.items():
            result[name] = tensor.detach().double().numpy().copy()
        return result

    def predict(self, start, image):
        self.load(start)
        self.net.eval()
        with torch.no_grad():
            return torch.softmax(self.net(self.images(image)), 1).double().numpy()


def relative(got, expected):
    norm = np.linalg.norm(expected)
    distance = np.linalg.norm(got.astype(np.float64) - expected)
    return distance / norm if norm > 0 else (0.0 if distance == 0 else float("inf"))


def kind_of(name):
    if name.startswith("gradient:"):
        return "gradient"
    return {"velocity": "velocity", "mean": "statistic", "variance": "statistic"}.get(name.rsplit(".", 1)[-1], "weight")


class Worst:
    """Of one kind of tensor over all steps: the largest error, and the one that comes nearest to what is allowed."""

    def __init__(self):
        self.error, self.peer, self.share, self.where = 0.0, 0.0, -1.0, ""

    def add(self, error, peer_error, share, where):
        self.error, self.peer = max(self.error, error), max(self.peer, peer_error)
        if not share <= self.share:
            self.share, self.where = share, where


def errors_of(got, expected, peer):
    """(kind, error, the peer's error, share of what is allowed, tensor) of everything that a step gives."""
    def entry(kind, error, peer_error, allowed, name):
        return kind, error, peer_error, error / max(allowed, 3 * peer_error), name

    for name, want in expected.items():
        if name == "loss":
            yield entry("loss", abs(float(got[name][0]) - float(want)), abs(float(peer[name]) - float(want)), 1e-5, "")
        elif name == "probability":
            spread = want.max() - want.min()
            yield entry("prediction", np.abs(got[name] - want).max() / spread, np.abs(peer[name] - want).max() / spread,
                        1e-4, "")
        else:
            yield entry(kind_of(name), relative(got[name], want), relative(peer[name], want), 1e-3, name)


class Comparison:
    def __init__(self, name, program, threads):
        torch.manual_seed(1)
        self.random = np.random.default_rng(1)
        self.name, self.case = name, CASES[name]()
        self.kiln = Kiln(program, self.case.path, self.case.batch, threads, self.case.overrides())
        self.double = Peer(self.case, torch.float64, self.kiln.states)
        self.single = Peer(self.case, torch.float32, self.kiln.states)
        self.start = {key: tensor.detach().float().numpy().copy() for key, tensor in self.double.tensors.items()}
        for key in self.double.parameters:
            self.start[key + ".velocity"] = np.zeros(self.start[key].shape, np.float32)
        self.worst, self.disputes = {}, 0

    def batch(self):
        channels, height, width = self.case.image
        return (self.random.integers(0, 256, (self.case.batch, height, width, channels), np.uint8),
                self.random.integers(0, self.case.classes, self.case.batch).astype(np.int32))

    def step(self, number, predicts):
        image, label = self.batch()
        given = {**self.start, "image": image, "label": label,
                 "learning_rate": np.array([self.case.rate], np.float32)}
        got = self.kiln.run("train", given)
        masks = [got[key] for key in got if key.startswith("mask:")] if self.case.masks else []
        decisions = [got[key] for key in got if key.startswith("decided:")]
        expected = self.double.step(self.start, image, label, masks, decisions)
        peer = self.single.step(self.start, image, label, masks, decisions)
        errors = [self.decision_error(), *errors_of(got, expected, peer)]
        if predicts:
            errors += errors_of({"probability": self.kiln.run("predict", given)["probability"]},
                                {"probability": self.double.predict(self.start, image)},
                                {"probability": self.single.predict(self.start, image)})
        for kind, error, peer_error, share, tensor in errors:
            self.worst.setdefault(kind, Worst()).add(error, peer_error, share, f"step {number} {tensor}")
        self.start = {key: tensor.astype(np.float32) for key, tensor in expected.items()
                      if key != "loss" and not key.startswith("gradient:")}

    def decision_error(self):
        """How far from a tie is what was decided otherwise than double would: by Kiln, and by PyTorch in float."""
        ours, theirs = [], []
        for double, single in zip(networks.decisions(self.double.net), networks.decisions(self.single.net)):
            ours += double.gaps(double.given)
            theirs += double.gaps(single.x)
        self.disputes += len(ours)
        error, peer_error = max(ours, default=0.0), max(theirs, default=0.0)
        return "decision", error, peer_error, error / max(TIE, 3 * peer_error), ""

    def run(self, steps):
        """Whether all is within what is allowed."""
        began = time.time()
        for number in range(steps):
            self.step(number, predicts=number in (0, steps - 1))
        self.kiln.close()
        for kind, entry in self.worst.items():
            print(f"| {self.name} | {kind} | {entry.error:.1e} | {entry.peer:.1e} | {entry.share:.2g} | {entry.where} |"
                  + ("" if entry.share <= 1 else " MISSED"), flush=True)
        print(f"{self.name}: {steps} steps of {self.case.batch} in {time.time() - began:.0f} s, {self.disputes} "
              "decisions that double takes otherwise", file=sys.stderr)
        return all(entry.share <= 1 for entry in self.worst.values())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run_step")
    parser.add_argument("networks", nargs="*")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("| network | of | largest error | PyTorch in float | of what is allowed | at |\n|---|---|---|---|---|---|")
    good = [Comparison(name, options.run_step, options.threads).run(options.steps) for name in options.networks or CASES]
    sys.exit(not all(good))


if __name__ == "__main__":
    main()
