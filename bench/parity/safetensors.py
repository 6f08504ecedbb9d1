"""Reading and writing safetensors files with numpy."""
import json
import struct

import numpy as np

TYPES = {"F32": np.float32, "U8": np.uint8, "I32": np.int32}
NAMES = {np.dtype(kind): name for name, kind in TYPES.items()}


def write(path, tensors):
    header, offset, arrays = {}, 0, []
    for name, array in tensors.items():
        array = np.ascontiguousarray(array)
        header[name] = {"dtype": NAMES[array.dtype], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
        arrays.append(array)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for array in arrays:
            out.write(array.tobytes())


def read(path):
    data = open(path, "rb").read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        array = np.frombuffer(data[8 + length + begin:8 + length + end], TYPES[entry["dtype"]])
        tensors[name] = array.reshape(entry["shape"])
    return tensors
