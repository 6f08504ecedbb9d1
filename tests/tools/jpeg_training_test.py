"""Training on JPEGs of all sizes, augmented: the same bits whoever decodes them, and after any kill."""

import os
import random
import signal
import time
import unittest

import flat_jpeg
from support import NETWORK, ToolTest, start

EXPERIMENT = 'name: "photos"\n' + NETWORK + """
data {
  folder { train: "photos" }
  image { height: 20 }
  split { validation: 0.2 }
  cache_mb: 0
}
preprocess { zero_center: PIXEL divide_by_std: CHANNEL }
augment {
  rotate_scale { degrees: 15 scale: [0.8, 1.25] border: REFLECT }
  random_crop { size: 16 padding: 2 border: EDGE }
  flip {}
  color_jitter { brightness: [0.8, 1.2] contrast: [0.8, 1.2] saturation: [0.8, 1.2] hue: 0.01 }
  hsv_jitter { power: [0.9, 1.1] factor: [0.9, 1.1] shift: 0.02 hue: 0.01 }
  random_erasing { area: [0.02, 0.1] noise: true }
}
training {
  batch: 16
  epochs: 6
  sgd { momentum: 0.9 }
  learning_rate { start: 0.02 }
}
"""


class JpegTraining(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        draw = random.Random(5)
        for label in range(4):
            os.makedirs(cls.path(f"photos/{label}"))
            tint = [draw.randrange(256) for _ in range(3)]
            for number in range(40):
                content = flat_jpeg.encode(draw.randint(20, 200), draw.randint(20, 200),
                                           lambda row, column: [value + draw.randint(-60, 60) for value in tint])
                with open(cls.path(f"photos/{label}/{number}.jpg"), "wb") as file:
                    file.write(content)
        cls.photos = cls.write("photos.textproto", EXPERIMENT)

    def train(self, out, *arguments):
        return self.kiln("train", self.photos, "--json", "--progress", "none", "--out", self.path(out),
                         *arguments).json()

    def test_who_decodes_does_not_change_bits(self):
        one = self.train("one", "--threads", 1)
        self.assertGreater(one["test_accuracy"], 0.6)
        for threads, workers in [(2, 0), (4, 0), (2, 1), (3, 2), (5, 4)]:
            other = self.train(f"t{threads}w{workers}", "--threads", threads, "--input-workers", workers)
            self.assertEqual(other["weights_sha256"], one["weights_sha256"], (threads, workers))
            self.assertEqual(other["test_loss"], one["test_loss"])
        cached = self.train("cached", "--threads", 2, "--set", "data.cache_mb=100")
        self.assertEqual(cached["weights_sha256"], one["weights_sha256"])
        plain = self.train("plain", "--set", "augment.flip.probability=0")
        self.assertNotEqual(plain["weights_sha256"], one["weights_sha256"])

    def test_kills_do_not_change_bits(self):
        settings = ["--set", "training.checkpoint_every_steps=3", "--epochs", 40]
        begin = time.monotonic()
        whole = self.train("whole", *settings, "--threads", 2)
        seconds = time.monotonic() - begin
        kills = 0
        for share, threads, workers in [(0.3, 1, 0), (0.5, 2, 1), (0.4, 5, 4)]:
            process = start("train", self.photos, "--resume", "--progress", "none", "--out", self.path("killed"),
                            "--threads", threads, "--input-workers", workers, *settings)
            time.sleep(seconds * share)
            process.kill()
            process.communicate()
            kills += process.returncode == -signal.SIGKILL
        self.assertGreater(kills, 0)
        killed = self.train("killed", "--resume", *settings)
        self.assertEqual((killed["steps"], killed["weights_sha256"]), (whole["steps"], whole["weights_sha256"]))


if __name__ == "__main__":
    unittest.main()
