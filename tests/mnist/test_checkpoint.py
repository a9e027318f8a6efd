"""Checkpoints: what is read is what was written, or nothing is."""

import json
import random

import pytest
import torch
from safetensors.torch import save

from torchbasics.errors import UserError
from torchbasics.mnist import checkpoint
from torchbasics.mnist.checkpoint import Checkpoint

TENSORS = {
    "model.weight": torch.randn(3, 4),
    "model.count": torch.tensor(5),
    "half": torch.randn(7).bfloat16(),
    "none": torch.zeros(0, 3),
}
FACTS = {"config": {"lr": 0.1, "hidden": [50, 100]}, "step": 12, "name": "lesson"}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "checkpoints" / "step-00000012.safetensors"
    checkpoint.write(path, Checkpoint(TENSORS, FACTS))
    return path


def test_what_is_written_is_read(path):
    tensors, facts = checkpoint.read(path)
    assert facts == FACTS
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(tensors[name], tensor)
        assert tensors[name].dtype == tensor.dtype


def test_same_content_same_bytes(path, tmp_path):
    again = tmp_path / "again"
    backwards = dict(reversed(TENSORS.items()))
    checkpoint.write(again, Checkpoint(backwards, dict(reversed(FACTS.items()))))
    assert again.read_bytes() == path.read_bytes()


def test_nothing_else_is_left_in_the_folder(path):
    assert list(path.parent.iterdir()) == [path]


def test_every_flipped_bit_is_seen(path):
    content = path.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 500):
        altered = bytearray(content)
        altered[bit // 8] ^= 1 << bit % 8
        path.write_bytes(altered)
        with pytest.raises(UserError, match="torn, altered or no checkpoint"):
            checkpoint.read(path)


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
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    before = path.read_bytes()
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write(path, Checkpoint({"x": torch.zeros(9)}, {}))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
