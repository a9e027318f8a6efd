"""Files of weights that are whole or refused, and run no code when opened.

A checkpoint is one safetensors file: tensors by name, and one JSON text that holds
what else is worth knowing. A SHA-256 covers both, and a file that differs by a single
bit from what its content would be written as is refused. It is written beside its
place, flushed to the disk, then renamed, so its place never holds half a file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_of
from safetensors.torch import save as bytes_of
from torch import Tensor

from torchbasics.errors import UserError, warn

FORMAT = "torchbasics 1"
MAX_BYTES = 2**31  # nothing we write comes near
KEPT = 2  # should the newest be unreadable, there is the one before


class Checkpoint(NamedTuple):
    """Tensors by name, and facts about them that JSON can hold."""

    tensors: dict[str, Tensor]
    facts: dict[str, Any]


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Put the checkpoint at `path`, whole or not at all. Raises OSError."""
    content = serialized(checkpoint)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    _sync_folder(path.parent)


def read(path: Path) -> Checkpoint:
    """The checkpoint at `path`. Raises UserError for any file but a whole one."""
    try:
        if (path.exists() and not path.is_file()) or path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path} is no checkpoint: no file, or too large a one")
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    try:
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        about = json.loads(header["__metadata__"][FORMAT])
        checkpoint = Checkpoint(tensors_of(content), about["facts"])
        intact = serialized(checkpoint) == content
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError):
        intact = False
    if not intact:
        raise UserError(f"{path} is torn, altered or no checkpoint of torchbasics")
    return checkpoint


class Keeper:
    """Keeps a run's last checkpoints, and the best if there is a validation set.

    A checkpoint that cannot be written leaves those before it as they are; `failure`
    then says why.
    """

    def __init__(self, folder: Path, warn: Callable[[str], None] = warn) -> None:
        self.folder = folder / "checkpoints"
        self.warn = warn
        self.failure = ""

    def save(self, state: Checkpoint, accuracy: float | None = None) -> None:
        """Keep this state, and drop what is older than the last two."""
        try:
            write(self.path(state.facts["step"]), state)
            if accuracy is not None and accuracy > self._best_accuracy():
                best = state.facts | {"accuracy/validation": accuracy}
                write(self.folder / "best.safetensors", Checkpoint(state.tensors, best))
            torn_by_a_kill = self.folder.glob(".*")
            for path in [*self.paths()[:-KEPT], *torn_by_a_kill]:
                path.unlink()
            self.failure = ""
        except OSError as error:
            self.failure = f"no checkpoint in {self.folder}: {error.strerror}"
            self.warn(self.failure)

    def path(self, step: int) -> Path:
        """Where the state after so many steps is kept."""
        return self.folder / f"step-{step:08d}.safetensors"

    def paths(self) -> list[Path]:
        """The checkpoints there are, oldest first."""
        return sorted(self.folder.glob("step-*.safetensors"))

    def newest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole, if any; those passed over are named.

        Raises UserError if there are checkpoints, but none that is whole.
        """
        refused: list[str] = []
        for path in reversed(self.paths()):
            try:
                state = read(path)
            except UserError as error:
                refused.append(str(error))
            else:
                for reason in refused:
                    self.warn(f"{reason}; the one before is taken")
                return state
        if refused:
            raise UserError(f"no checkpoint can be used: {'; '.join(refused)}")
        return None

    def _best_accuracy(self) -> float:
        try:
            best = read(self.folder / "best.safetensors")
            return float(best.facts["accuracy/validation"])
        except (UserError, KeyError, TypeError, ValueError):
            return -math.inf


def serialized(checkpoint: Checkpoint) -> bytes:
    """The one sequence of bytes that stands for this content."""
    tensors = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in checkpoint.tensors.items()
    }
    facts = json.dumps(checkpoint.facts, sort_keys=True)
    about = {"facts": checkpoint.facts, "sha256": _digest(tensors, facts)}
    # one key only: safetensors does not fix the order of several
    return bytes_of(tensors, {FORMAT: json.dumps(about, sort_keys=True)})


def _digest(tensors: dict[str, Tensor], facts: str) -> str:
    """SHA-256 of names, dtypes, shapes, bytes and facts."""
    digest = hashlib.sha256(facts.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make a rename in the folder last through a power cut, where that is possible."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        with contextlib.suppress(OSError):  # some network file systems cannot
            os.fsync(descriptor)
        os.close(descriptor)
