"""Checkpoints: what is read is what was written, or nothing is."""

import json
import random

import pytest
import torch
from helpers import facts, no_space
from safetensors.torch import save

from torchbasics.command import files
from torchbasics.command.errors import UserError
from torchbasics.mnist.training import checkpoint
from torchbasics.mnist.training.checkpoint import Checkpoint, CheckpointManager

TENSORS = {
    "model.weight": torch.randn(3, 4),
    "model.count": torch.tensor(5),
    "half": torch.randn(7).bfloat16(),
    "none": torch.zeros(0, 3),
}
METADATA = facts(12)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "checkpoints" / "step-00000012.safetensors"
    checkpoint.write(path, Checkpoint(TENSORS, METADATA))
    return path


def test_what_is_written_is_read(path):
    tensors, metadata = checkpoint.read(path)
    assert metadata == METADATA
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype


def test_same_content_same_bytes(path, tmp_path):
    again = tmp_path / "again"
    backwards = dict(reversed(TENSORS.items()))
    checkpoint.write(again, Checkpoint(backwards, dict(reversed(METADATA.items()))))
    assert again.read_bytes() == path.read_bytes()


def test_nothing_else_is_left_in_the_folder(path):
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.slow
def test_every_flipped_bit_is_seen(path):
    content = path.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 500):
        altered = bytearray(content)
        altered[bit // 8] ^= 1 << bit % 8
        path.write_bytes(altered)
        with pytest.raises(UserError, match="torn, altered or no checkpoint"):
            checkpoint.read(path)


@pytest.mark.slow
def test_every_truncation_is_seen(path):
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(UserError, match="torn, altered or no checkpoint"):
            checkpoint.read(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a checkpoint",
        (2**63 - 1).to_bytes(8, "little") + b"{}",
        (35).to_bytes(8, "little") + b'{"x": {"data_offsets": [0, 1e999]}}',
        save({"weight": torch.zeros(3)}),
        save({"weight": torch.zeros(3)}, {checkpoint.FORMAT: "[]"}),
        save({"weight": torch.zeros(3)}, {checkpoint.FORMAT: "[" * 100_000}),
        save({}, {checkpoint.FORMAT: json.dumps({"facts": {}, "sha256": ""})}),
    ],
)
def test_other_files_are_refused_in_one_line(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(UserError, match="torn, altered or no checkpoint") as refusal:
        checkpoint.read(path)
    assert "\n" not in str(refusal.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*gone: No such file"):
        checkpoint.read(tmp_path / "gone")


def test_a_failed_write_leaves_the_old_file(path, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", no_space)
    before = path.read_bytes()
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write(path, Checkpoint({"x": torch.zeros(9)}, {}))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


class TestCheckpointManager:
    def state(self, step):
        return Checkpoint({"model.x": torch.full((2,), float(step))}, facts(step))

    def test_the_last_two_are_kept(self, tmp_path):
        checkpoints = CheckpointManager(tmp_path)
        for step in (10, 20, 30, 40):
            checkpoints.save(self.state(step))
        assert [path.name for path in checkpoints.paths()] == [
            "step-00000030.safetensors",
            "step-00000040.safetensors",
        ]

    def test_a_copy_under_another_name_stays_and_counts_for_none(self, tmp_path):
        checkpoints = CheckpointManager(tmp_path)
        checkpoints.folder.mkdir()
        mine = [f"step-0000001{name}.safetensors" for name in ("0 (1)", "0-mine", "x")]
        for name in mine:
            (checkpoints.folder / name).touch()
        for step in (10, 20, 30):
            checkpoints.save(self.state(step))
        assert [path.name[5:13] for path in checkpoints.paths()] == [
            "00000020", "00000030",
        ]  # fmt: skip
        assert all((checkpoints.folder / name).exists() for name in mine)
        assert checkpoints.latest().metadata["step"] == 30

    def test_the_best_is_kept_and_nan_is_never_best(self, tmp_path):
        checkpoints = CheckpointManager(tmp_path)
        for step, accuracy in enumerate((0.7, 0.9, float("nan"), 0.8, 0.9)):
            checkpoints.save(self.state(step), accuracy)
        best = checkpoint.read(tmp_path / "checkpoints" / "best.safetensors")
        assert best.metadata == facts(1) | {"accuracy/validation": 0.9}

    def test_the_best_is_there_before_the_state_that_is_resumed_from(
        self, tmp_path, monkeypatch
    ):
        written = []
        monkeypatch.setattr(checkpoint, "write", lambda path, _: written.append(path))
        CheckpointManager(tmp_path).save(self.state(10), 0.5)
        assert [path.stem for path in written] == ["best", "step-00000010"]

    def test_a_best_that_met_a_full_disk_is_written_with_the_next(
        self, tmp_path, monkeypatch
    ):
        checkpoints = CheckpointManager(tmp_path, warn=lambda text: None)
        state = self.state(10)
        with monkeypatch.context() as full:
            full.setattr(files.os, "fsync", no_space)
            checkpoints.save(state, 0.9)
        state.tensors["model.x"].zero_()  # the training goes on with the same tensors
        checkpoints.save(self.state(20), 0.8)
        best = checkpoint.read(tmp_path / "checkpoints" / "best.safetensors")
        assert best.metadata == facts(10) | {"accuracy/validation": 0.9}
        assert best.tensors["model.x"].tolist() == [10.0, 10.0]

    def test_one_too_many_is_dropped_but_none_that_is_needed(self, tmp_path):
        checkpoints = CheckpointManager(tmp_path)
        for step in (10, 20, 30):
            checkpoint.write(checkpoints.path(step), self.state(step))
        checkpoints.prune(10)  # the newer ones are torn, say
        assert len(checkpoints.paths()) == 3
        checkpoints.prune(30)
        assert checkpoints.paths() == [checkpoints.path(20), checkpoints.path(30)]

    def test_a_torn_latest_falls_back_to_the_one_before(self, tmp_path):
        told = []
        checkpoints = CheckpointManager(tmp_path, warn=told.append)
        for step in (10, 20):
            checkpoints.save(self.state(step))
        content = checkpoints.path(20).read_bytes()
        checkpoints.path(20).write_bytes(content[: len(content) // 2])
        assert checkpoints.latest().metadata["step"] == 10
        assert len(told) == 1
        assert "step-00000020.safetensors is torn" in told[0]

    def test_without_a_good_one_it_is_an_error(self, tmp_path):
        checkpoints = CheckpointManager(tmp_path)
        checkpoints.save(self.state(10))
        checkpoints.path(10).write_bytes(b"")
        with pytest.raises(UserError, match="no checkpoint can be used"):
            checkpoints.latest()

    def test_a_disk_that_is_full_is_told_and_the_old_one_stays(
        self, tmp_path, monkeypatch
    ):
        told = []
        checkpoints = CheckpointManager(tmp_path, warn=told.append)
        checkpoints.save(self.state(10))
        with monkeypatch.context() as full:
            full.setattr(files.os, "fsync", no_space)
            checkpoints.save(self.state(20))
        assert "No space left" in checkpoints.failure
        assert len(told) == 1
        assert checkpoints.latest().metadata["step"] == 10
        checkpoints.save(self.state(30))
        assert not checkpoints.failure


def test_a_sparse_file_is_refused_before_it_is_read(path, monkeypatch):
    """A file system keeps a hole of any size; what would be read fills memory."""
    with path.open("r+b") as file:
        file.truncate(2**30)
    read, sizes = checkpoint.read_regular, []

    def watched(*given, **more):
        content = read(*given, **more)
        sizes.append(len(content))
        return content

    monkeypatch.setattr(checkpoint, "read_regular", watched)
    with pytest.raises(UserError, match="is torn, altered or no checkpoint"):
        checkpoint.read(path)
    assert sum(sizes) < 2**24
