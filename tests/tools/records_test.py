"""What runs leave behind: events that TensorBoard reads, and a report, from kiln train and from trainers, whole after
kills."""

import json
import os
import random
import re
import struct
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

from support import ToolTest, read_file, run


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def masked(data):
    value = crc32c(data)
    return ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF


def records(data):
    """The payloads of a TFRecord file."""
    at = 0
    while at < len(data):
        length, length_check = struct.unpack_from("<QI", data, at)
        payload = data[at + 12 : at + 12 + length]
        (check,) = struct.unpack_from("<I", data, at + 12 + length)
        assert length_check == masked(data[at : at + 8]) and check == masked(payload), f"damaged at {at}"
        yield payload
        at += 16 + length


def fields(message):
    """Numbers and values of a protocol buffer's fields."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        size = {0: 0, 1: 8, 2: None, 5: 4}[key & 7]
        if size == 0:
            yield key >> 3, varint()
            continue
        if size is None:
            size = varint()
        assert at + size <= len(message)
        yield key >> 3, message[at : at + size]
        at += size


def read_events(path):
    """The version, and a (step, {tag: value}) an event."""
    version, events = None, []
    for payload in records(read_file(path)):
        event = dict(fields(payload))
        (wall_time,) = struct.unpack("<d", event[1])
        assert 1.7e9 < wall_time < 1e10
        if 3 in event:
            version = event[3].decode()
            continue
        scalars = {}
        for number, value in fields(event[5]):
            assert number == 1
            scalar = dict(fields(value))
            (scalars[scalar[1].decode()],) = struct.unpack("<f", scalar[2])
        events.append((event[2], scalars))
    return version, events


class Records(ToolTest):
    def wanted_events(self, directory):
        """As metrics.jsonl has them."""
        events = []
        for line in read_file(directory + "/metrics.jsonl").decode().splitlines():
            row = json.loads(line)
            if row["kind"] == "step":
                scalars = {"batch/" + name: row[name] for name in ("loss", "accuracy", "learning_rate")}
            elif row["kind"] == "health":
                scalars = {"health/gradient_norm": row["gradient_norm"]}
                for name, seen in row["parameters"].items():
                    scalars["gradient_norm/" + name] = seen["gradient_norm"]
                    scalars["update_to_weight/" + name] = seen["update_to_weight"]
                scalars |= {"silent_share/" + name: seen["silent_share"] for name, seen in row["rectifiers"].items()}
            else:
                scalars = {"epoch/" + name: value for name, value in row.items()
                           if name not in ("kind", "epoch", "step", "learning_rate", "seconds")}
            rounded = {tag: struct.unpack("<f", struct.pack("<f", value))[0] for tag, value in scalars.items() if value is not None}
            events.append((row["step"], rounded))
        return events

    def assert_whole(self, directory, report):
        version, events = read_events(directory + "/events.out.tfevents.kiln")
        self.assertEqual(version, "brain.Event:2")
        self.assertEqual(events, self.wanted_events(directory))
        self.assertEqual(len(events), 4 * 8 + 4 + 4)
        self.assertEqual(read_file(directory + "/report.html"), report)

    def test_jit_and_trainer_write_the_same(self):
        by_kiln, by_trainer = self.path("by-kiln"), self.path("by-trainer")
        told = self.kiln("train", self.experiment, "--out", by_kiln, "--progress", "none").out
        self.assertIn(f"report {by_kiln}/report.html\n", told)
        report = read_file(by_kiln + "/report.html")
        self.assert_whole(by_kiln, report)
        for picture in re.findall("<svg.*?</svg>", report.decode(), re.S):
            ElementTree.fromstring(picture)
        self.assertEqual(report.decode().count("<svg"), 7)
        trainer = self.path("trainer")
        self.kiln("build", self.experiment, "--emit=trainer", "-o", trainer)
        told = run("--out", by_trainer, "--progress", "none", "--json", program=trainer, cwd=self.directory).json()
        self.assertEqual(told["report"], by_trainer + "/report.html")
        self.assert_whole(by_trainer, report)
        # Killed again and again, no row is missing and none is there twice.
        draw = random.Random(3)
        for attempt in range(200):
            process = subprocess.Popen([trainer, "--resume", "--out", self.path("killed"), "--progress", "none"],
                                       cwd=self.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                process.wait(draw.uniform(0.002, 0.02 + 0.002 * attempt))
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.assertEqual(process.returncode, 0)
        self.assertGreater(attempt, 0)
        self.assert_whole(self.path("killed"), report)

    def test_a_report_that_cannot_be_written_is_told(self):
        out = self.path("taken")
        os.makedirs(out + "/report.html.tmp")
        self.refused(1, ["report.html.tmp"], "train", self.experiment, "--out", out, "--progress", "none", "--epochs", 1)


if __name__ == "__main__":
    unittest.main()
