"""What a native trainer says when a disk is full or cannot be written, and when files are torn: it loses no checkpoint."""

import contextlib
import gzip
import os
import resource
import shutil
import subprocess
import unittest

from support import ToolTest, read_file, run

CHECKPOINT_STEPS = 5  # within the first epoch, so that there is one checkpoint only


class Failures(ToolTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.trainer = cls.path("blobs-trainer")
        built = run("build", cls.experiment, "--emit=trainer", "-o", cls.trainer)
        assert built.code == 0, built
        whole = run("--out", cls.path("whole"), "--json", program=cls.trainer, cwd=cls.directory)
        assert whole.code == 0, whole
        cls.expected = whole.json()["weights_sha256"]

    def call(self, *arguments, code=0, **how):
        result = run(*arguments, program=self.trainer, cwd=self.directory, **how)
        self.assertEqual(result.code, code, f"{arguments}\n{result}")
        return result

    def refused_by_trainer(self, code, words, *arguments, **how):
        result = self.call(*arguments, code=code, **how)
        lines = result.err.splitlines()
        self.assertTrue(lines and lines[-1].startswith("blobs-trainer: error: "), result)
        for word in words:
            self.assertIn(word, lines[-1])
        self.assertEqual(result.out, "")

    def begin(self, out):
        """A run that stopped after its first steps. Returns what its checkpoint holds."""
        self.call("--out", out, "--max-steps", CHECKPOINT_STEPS, "--progress", "none")
        return read_file(out + "/checkpoints/last.safetensors")

    def assert_goes_on(self, out, checkpoint):
        """Nothing of the checkpoint is lost, and the run ends as one that never failed."""
        self.assertEqual(read_file(out + "/checkpoints/last.safetensors"), checkpoint)
        self.assertEqual(sorted(os.listdir(out + "/checkpoints")), ["last.safetensors"])
        self.assertEqual(self.call("--resume", "--out", out, "--json").json()["weights_sha256"], self.expected)

    @contextlib.contextmanager
    def mounted(self, *options):
        place = self.path("disk")
        os.makedirs(place, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", *options, "kiln-test", place], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest("mounting needs privileges: " + done.stderr.strip())
        try:
            yield place
        finally:
            subprocess.run(["umount", "-l", place], check=True)

    def test_full_disk(self):
        with self.mounted("-o", "size=256k") as disk:
            out = disk + "/run"
            checkpoint = self.begin(out)
            with open(disk + "/filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * 4096)
            self.refused_by_trainer(1, [out, "No space left on device"], "--resume", "--out", out)
            # Some room is left, but none for a checkpoint.
            os.truncate(disk + "/filler", os.path.getsize(disk + "/filler") - 12288)
            self.refused_by_trainer(1, ["checkpoints/last.safetensors.tmp", "No space left on device"], "--resume", "--out", out)
            os.remove(disk + "/filler")
            self.assert_goes_on(out, checkpoint)

    def test_read_only_disk(self):
        with self.mounted() as disk:
            out = disk + "/run"
            checkpoint = self.begin(out)
            subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
            self.refused_by_trainer(1, [out, "Read-only file system"], "--resume", "--out", out)
            self.refused_by_trainer(1, [disk + "/new", "Read-only file system"], "--out", disk + "/new")
            # What writes nothing still works.
            self.call("--test", "--out", out)
            subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
            self.assert_goes_on(out, checkpoint)

    @unittest.skipIf(os.geteuid() == 0, "nothing is forbidden to root")
    def test_directory_without_permission(self):
        out = self.path("forbidden")
        checkpoint = self.begin(out)
        os.chmod(out + "/checkpoints", 0o555)
        self.refused_by_trainer(1, [out, "Permission denied"], "--resume", "--out", out)
        os.chmod(out + "/checkpoints", 0o755)
        self.assert_goes_on(out, checkpoint)

    def test_files_may_not_grow(self):
        out = self.path("limited")
        checkpoint = self.begin(out)
        limit = len(checkpoint) // 2
        self.refused_by_trainer(1, ["checkpoints/last.safetensors.tmp", "File too large"], "--resume", "--out", out,
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        self.assert_goes_on(out, checkpoint)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([self.trainer, "--info"], stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left on device", done.stderr)
        # A place where there is a file.
        self.write("taken", "")
        self.refused_by_trainer(1, ["taken", "Not a directory"], "--out", self.path("taken"))

    def test_torn_checkpoint(self):
        out = self.path("torn")
        checkpoint = self.begin(out)
        path = out + "/checkpoints/last.safetensors"
        for size in 0, 1, 8, 100, len(checkpoint) // 2, len(checkpoint) - 1:
            with self.subTest(size=size):
                with open(path, "wb") as file:
                    file.write(checkpoint[:size])
                for arguments in (["--resume"], ["--test"], ["--weights", path, "--test"]):
                    self.refused_by_trainer(4, [path], *arguments, "--out", out)
                # Nothing was written over it.
                self.assertEqual(read_file(path), checkpoint[:size])
        # A bit that changed.
        with open(path, "wb") as file:
            file.write(checkpoint[:-9] + bytes([checkpoint[-9] ^ 1]) + checkpoint[-8:])
        self.refused_by_trainer(4, [path, "damaged"], "--resume", "--out", out)
        with open(path, "wb") as file:
            file.write(checkpoint)
        self.assert_goes_on(out, checkpoint)

    def test_torn_data(self):
        out = self.path("torn-data")
        checkpoint = self.begin(out)
        images, labels, plain = self.path("torn-images.gz"), self.path("train-labels.gz"), self.path("torn-images")
        whole = read_file(self.path("train-images.gz"))
        content = gzip.decompress(whole)
        cases = [(images, whole[:size]) for size in (0, 1, 30, len(whole) // 2, len(whole) - 4)]
        cases += [(plain, content[:size]) for size in (0, 3, 10, len(content) // 2, len(content) - 1)]
        for path, data in cases:
            with self.subTest(path=path, size=len(data)):
                with open(path, "wb") as file:
                    file.write(data)
                self.refused_by_trainer(4, [path], "--resume", "--out", out, "--data", path, labels)
        shutil.copy(self.path("train-images.gz"), images)
        self.refused_by_trainer(4, [self.path("gone")], "--resume", "--out", out, "--data", images, self.path("gone"))
        self.assert_goes_on(out, checkpoint)


if __name__ == "__main__":
    unittest.main()
