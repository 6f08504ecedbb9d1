"""Initial weights of the LeNet parity run, made without any library so that both sides and the recorded-trajectory
test can make the same file anywhere."""
import json
import struct

LAYERS = {"conv1.weight": (20, 1, 5, 5), "conv1.bias": (20,), "conv2.weight": (50, 20, 5, 5), "conv2.bias": (50,),
          "fc1.weight": (500, 800), "fc1.bias": (500,), "fc2.weight": (10, 500), "fc2.bias": (10,)}
STEPS, BATCH = 50, 64
RATE, GAMMA, POWER, MOMENTUM, DECAY = 0.001, 0.0001, 0.75, 0.9, 0.0005


def count(shape):
    product = 1
    for dim in shape:
        product *= dim
    return product


def initial_weights():
    """name -> list of floats: uniform in +-sqrt(3 / fan_in) by a 64-bit linear congruential generator; biases 0.01."""
    state = 12345
    weights = {}
    for name, shape in LAYERS.items():
        if len(shape) == 1:
            weights[name] = [0.01] * shape[0]
            continue
        bound = (3.0 / count(shape[1:])) ** 0.5
        values = []
        for _ in range(count(shape)):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            values.append(((state >> 40) / 2**24 * 2 - 1) * bound)
        weights[name] = values
    return weights


def write_safetensors(path, weights):
    header, payload = {}, b""
    for name, values in weights.items():
        data = struct.pack(f"<{len(values)}f", *values)
        header[name] = {"dtype": "F32", "shape": list(LAYERS[name]), "data_offsets": [len(payload), len(payload) + len(data)]}
        payload += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + payload)
