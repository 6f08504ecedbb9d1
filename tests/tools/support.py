"""What the tests of the built programs share: running them, and a small experiment on data made here."""

import gzip
import json
import os
import random
import struct
import subprocess
import tempfile
import unittest
import zlib

KILN = os.environ["KILN"]
KILN_OPT = os.environ["KILN_OPT"]
SOURCE_DIR = os.environ["KILN_SOURCE_DIR"]
IS_RELEASE = os.environ["KILN_BUILD_TYPE"] == "Release"

CLASSES = 4
SIDE = 12
TRAIN_SAMPLES = 256
TEST_SAMPLES = 130  # a multiple of no batch that is used

# Channel counts that no vector width divides; dropout, so that random draws of the step take part.
NETWORK = """
network {
  layer { convolution { filters: 6 kernel: 3 padding: 1 } }
  layer { relu {} }
  layer { max_pool { kernel: 2 } }
  layer { dense { units: 20 } }
  layer { relu {} }
  layer { dropout { drop: 0.2 } }
  layer { dense { units: 4 } }
  layer { softmax_cross_entropy {} }
}
"""

DATA = """
data {
  idx {
    train_images: "train-images.gz"
    train_labels: "train-labels.gz"
    test_images: "test-images"
    test_labels: "test-labels"
  }
  class_name: ["top left", "top right", "bottom left", "bottom right"]
}
"""

REST = """
preprocess { scale: 0.00392156862745098 mean: 0.26 std: 0.2 }
training {
  batch: 32
  epochs: 4
  sgd { momentum: 0.9 weight_decay: 0.0005 }
  learning_rate { start: 0.05 }
}
"""

EXPERIMENT = 'name: "blobs"\n' + NETWORK + DATA + REST
# Needs no files.
EXPERIMENT_WITHOUT_DATA = 'name: "blobs"\n' + NETWORK + "data { image { height: 12 } }\n" + REST


class Result:
    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def __repr__(self):
        return f"exit code {self.code}\nstdout: {self.out[-3000:]}\nstderr: {self.err[-3000:]}"

    def json(self):
        """The last line of stdout."""
        return json.loads(self.out.splitlines()[-1])


# Of all tests of a build: what one has compiled the next need not, and the user's own cache stays as it is.
os.environ["XDG_CACHE_HOME"] = os.path.join(os.path.dirname(KILN), "cache")


def run(*arguments, program=KILN, stdin=None, cwd=None, preexec_fn=None):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=240, input=stdin,
                          cwd=cwd, preexec_fn=preexec_fn, errors="replace")
    return Result(done.returncode, done.stdout, done.stderr)


def start(*arguments):
    return subprocess.Popen([KILN, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def write_idx(path, magic, dims, payload):
    data = struct.pack(">I", magic) + b"".join(struct.pack(">I", dim) for dim in dims) + payload
    with (gzip.open(path, "wb", 1) if path.endswith(".gz") else open(path, "wb")) as file:
        file.write(data)


def npy(dims, type_name, content):
    """A NumPy array, as bytes of a file."""
    header = repr({"descr": type_name, "fortran_order": False, "shape": tuple(dims)}).encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content


def write_split(directory, name, ending, samples, seed):
    """Images of noise with a bright square in the quarter that the label names."""
    draw = random.Random(seed)
    pixels, labels = bytearray(), bytearray()
    half = SIDE // 2
    for _ in range(samples):
        label = draw.randrange(CLASSES)
        row, column = label // 2 * half + draw.randrange(3), label % 2 * half + draw.randrange(3)
        image = bytearray(draw.randrange(120) for _ in range(SIDE * SIDE))
        for y in range(row, row + 3):
            for x in range(column, column + 3):
                image[y * SIDE + x] = 130 + draw.randrange(120)
        pixels += image
        labels.append(label)
    write_idx(os.path.join(directory, f"{name}-images{ending}"), 0x803, [samples, SIDE, SIDE], bytes(pixels))
    write_idx(os.path.join(directory, f"{name}-labels{ending}"), 0x801, [samples], bytes(labels))


def read_file(path):
    with open(path, "rb") as file:
        return file.read()


def write_pgm(path, side, pixels):
    """A grey image of the first side x side bytes of `pixels`. Returns its path."""
    with open(path, "wb") as file:
        file.write(b"P5 %d %d 255\n" % (side, side) + pixels[: side * side])
    return path


def png(side, pixels, colour=0, depth=8):
    """Rows of samples as bytes; colour type 0 is grey, 2 RGB, 4 grey and alpha, 6 RGBA."""
    row_bytes = side * {0: 1, 2: 3, 4: 2, 6: 4}[colour] * depth // 8

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + pixels[y * row_bytes : (y + 1) * row_bytes] for y in range(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


class ToolTest(unittest.TestCase):
    """Has a directory of its own, gone after the test class, with blobs.textproto and its data."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        # In memory where possible: checkpoints are flushed to the disk, hundreds of them here.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        cls.temporary = tempfile.TemporaryDirectory(prefix="kiln-test-", dir=memory)
        cls.directory = cls.temporary.name
        write_split(cls.directory, "train", ".gz", TRAIN_SAMPLES, 1)
        write_split(cls.directory, "test", "", TEST_SAMPLES, 2)
        cls.experiment = cls.write("blobs.textproto", EXPERIMENT)
        cls.experiment_without_data = cls.write("no_data.textproto", EXPERIMENT_WITHOUT_DATA)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.directory, name)

    @classmethod
    def write(cls, name, text):
        with open(cls.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return cls.path(name)

    def kiln(self, *arguments, code=0):
        """Runs kiln and expects this exit code."""
        result = run(*arguments)
        self.assertEqual(result.code, code, f"kiln {' '.join(map(str, arguments))}\n{result}")
        return result

    def refused(self, code, words, *arguments):
        """Expects this exit code, all words on stderr, `kiln: error:` or a place first but for advice, and nothing on
        stdout."""
        result = self.kiln(*arguments, code=code)
        for word in words:
            self.assertIn(word, result.err)
        lines = [line for line in result.err.splitlines() if "warning: " not in line and not line.startswith("  fix: ")]
        self.assertIn("error: ", lines[0])
        self.assertEqual(result.out, "")
        return result
