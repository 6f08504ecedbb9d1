"""Three training steps of LeNet against what PyTorch in double made of them: lenet_steps.py RUN_STEP
compares the loss, gradients and updated weights of each step with lenet_steps.json, and exits 1 where one is further
than 1e-3 off (the loss 1e-5). `/usr/bin/python3 lenet_steps.py --record` makes the file; it needs PyTorch, comparing
does not. Of each tensor the file has its norm and its sums under three patterns of signs."""
import array
import json
import os
import struct
import subprocess
import sys
import tempfile

import lenet_setup as setup

HERE = os.path.dirname(os.path.abspath(__file__))
RECORD = os.path.join(HERE, "lenet_steps.json")
STEPS, BATCH = 3, 16
TOLERANCE, LOSS_TOLERANCE = 1e-3, 1e-5


def draws(count, bound, state):
    """Numbers below `bound` from the generator of lenet_setup."""
    values = []
    for _ in range(count):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        values.append((state >> 33) % bound)
    return values


def batch(step):
    return draws(BATCH * 784, 256, 1000 + step), draws(BATCH, 10, 2000 + step)


def summary(values):
    """[norm, sum under signs, ...]: what two tensors that agree agree in, relative to the norm."""
    sums = [0.0] * 4
    for i, value in enumerate(values):
        word = (i + 1) * 2654435761 % 2**32
        sums[0] += value * value
        sums[1] += value if word >> 31 else -value
        sums[2] += value if word >> 23 & 1 else -value
        sums[3] += value if word >> 19 & 1 else -value
    return [sums[0] ** 0.5] + sums[1:]


def record():
    import torch
    import torch.nn.functional as F

    weights = {name: torch.tensor(array.array("f", values), dtype=torch.double).reshape(setup.LAYERS[name]).requires_grad_()
               for name, values in setup.initial_weights().items()}
    velocities = {name: torch.zeros_like(tensor) for name, tensor in weights.items()}
    steps = []
    for step in range(STEPS):
        image, label = batch(step)
        x = torch.tensor(image, dtype=torch.double).reshape(BATCH, 1, 28, 28) / 256
        x = F.max_pool2d(F.conv2d(x, weights["conv1.weight"], weights["conv1.bias"]), 2)
        x = F.max_pool2d(F.conv2d(x, weights["conv2.weight"], weights["conv2.bias"]), 2).flatten(1)
        x = F.relu(F.linear(x, weights["fc1.weight"], weights["fc1.bias"]))
        loss = F.cross_entropy(F.linear(x, weights["fc2.weight"], weights["fc2.bias"]), torch.tensor(label))
        gradients = dict(zip(weights, torch.autograd.grad(loss, list(weights.values()))))
        entry = {"loss": loss.item()}
        with torch.no_grad():
            for name, tensor in weights.items():
                decay = setup.DECAY if name.endswith("weight") else 0.0
                velocities[name] = setup.MOMENTUM * velocities[name] + gradients[name] + decay * tensor
                tensor -= setup.RATE * velocities[name]
                entry["gradient:" + name] = summary(gradients[name].flatten().tolist())
                entry[name] = summary(tensor.flatten().tolist())
        steps.append(entry)
    with open(RECORD, "w") as out:
        json.dump(steps, out, indent=1)
        out.write("\n")


def write(path, tensors):
    """tensors: name -> (dtype, shape, bytes)."""
    header, offset = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))


def read(path):
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for name, entry in json.loads(data[8:8 + length]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = (entry["dtype"], entry["shape"], data[8 + length + begin:8 + length + end])
    return tensors


def kiln_steps(program):
    """What run_step gives for each step, the next one from what it made of the last."""
    start = {}
    for name, values in setup.initial_weights().items():
        start[name] = ("F32", setup.LAYERS[name], array.array("f", values).tobytes())
        start[name + ".velocity"] = ("F32", setup.LAYERS[name], bytes(4 * len(values)))
    process = subprocess.Popen([program, os.path.join(HERE, "lenet.textproto"), str(BATCH), "2"], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    while process.stdout.readline() not in ("ready\n", ""):
        pass
    with tempfile.TemporaryDirectory() as folder:
        paths = os.path.join(folder, "in.safetensors"), os.path.join(folder, "out.safetensors")
        for step in range(STEPS):
            image, label = batch(step)
            write(paths[0], {**start, "image": ("U8", [BATCH, 28, 28, 1], bytes(image)),
                             "label": ("I32", [BATCH], array.array("i", label).tobytes()),
                             "learning_rate": ("F32", [1], struct.pack("<f", setup.RATE))})
            process.stdin.write(" ".join(["train", *paths]) + "\n")
            process.stdin.flush()
            if process.stdout.readline() != "done\n":
                sys.exit(f"run_step ended with {process.wait()}")
            made = read(paths[1])
            start = {name: made[name] for name in start}
            yield {name: array.array("f", data) for name, (_, _, data) in made.items()}
    process.stdin.close()
    if process.wait() != 0:
        sys.exit("run_step failed")


def main():
    if sys.argv[1] == "--record":
        return record()
    worst, where, missed = 0.0, "", False
    for step, (got, expected) in enumerate(zip(kiln_steps(sys.argv[1]), json.load(open(RECORD)), strict=True)):
        for name, want in expected.items():
            if name == "loss":
                error, allowed = abs(got["loss"][0] - want), LOSS_TOLERANCE
            else:
                have = summary(got[name])
                error, allowed = max(abs(a - b) for a, b in zip(have, want)) / want[0], TOLERANCE
            if not error <= allowed:
                missed = True
                print(f"step {step}: {name} is {error:.2e} off, allowed are {allowed:.0e}")
            if error / allowed > worst:
                worst, where = error / allowed, f"{name} in step {step}: {error:.2e}"
    print(f"nearest to what is allowed: {where}")
    sys.exit(missed)


main()
