"""PyTorch's loss over the first 50 steps of LeNet on Fashion-MNIST, one JSON list on stdout: the trajectory that Kiln
must follow. Run with Debian's python3-torch: /usr/bin/python3 bench/parity/lenet_torch.py [float|double]"""
import gzip
import json
import struct
import sys

import torch
import torch.nn.functional as F

import lenet_setup as setup

DATA = "/usr/share/datasets/fashion-mnist/train-"


def read_idx(path, header):
    with gzip.open(path) as file:
        return torch.tensor(list(file.read(header + setup.STEPS * setup.BATCH * (784 if header == 16 else 1))[header:]))


def main():
    kind = torch.double if sys.argv[1:] == ["double"] else torch.float
    torch.set_num_threads(1)
    images = read_idx(DATA + "images-idx3-ubyte.gz", 16).to(kind).reshape(-1, 1, 28, 28)
    labels = read_idx(DATA + "labels-idx1-ubyte.gz", 8)
    images = images / 256
    weights = {}
    for name, values in setup.initial_weights().items():
        # Through float first: the file that Kiln reads holds floats.
        values = struct.unpack(f"<{len(values)}f", struct.pack(f"<{len(values)}f", *values))
        weights[name] = torch.tensor(values, dtype=kind).reshape(setup.LAYERS[name]).requires_grad_()
    optimizer = torch.optim.SGD(
        [{"params": [w for n, w in weights.items() if n.endswith("weight")], "weight_decay": setup.DECAY},
         {"params": [w for n, w in weights.items() if n.endswith("bias")], "weight_decay": 0.0}],
        lr=setup.RATE, momentum=setup.MOMENTUM)
    losses = []
    for step in range(setup.STEPS):
        for group in optimizer.param_groups:
            group["lr"] = setup.RATE * (1 + setup.GAMMA * step) ** -setup.POWER
        x = images[step * setup.BATCH:(step + 1) * setup.BATCH]
        y = labels[step * setup.BATCH:(step + 1) * setup.BATCH]
        x = F.max_pool2d(F.conv2d(x, weights["conv1.weight"], weights["conv1.bias"]), 2)
        x = F.max_pool2d(F.conv2d(x, weights["conv2.weight"], weights["conv2.bias"]), 2).flatten(1)
        x = F.relu(F.linear(x, weights["fc1.weight"], weights["fc1.bias"]))
        loss = F.cross_entropy(F.linear(x, weights["fc2.weight"], weights["fc2.bias"]), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    print(json.dumps(losses))


main()
