"""Files of weights that are whole or refused, and run no code when opened.

A checkpoint is one safetensors file: tensors by name, and one JSON text that holds
what else is worth knowing. A SHA-256 covers both, and a file that differs by a single
bit from what its content would be written as is refused.
"""

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from torchbasics.command.errors import UserError, warn
from torchbasics.command.files import make_folder, write_atomic

FORMAT = "torchbasics 1"
MAX_BYTES = 2**31  # nothing we write comes near
KEPT = 2  # should the latest be unreadable, there is the one before


class Checkpoint(NamedTuple):
    """Tensors by name, and what else is worth knowing, as JSON can hold it.

    A run's has `model.*`, `ema.*` where weights are averaged, and until the run has
    ended `optimizer.<parameter>.<state>` and, within an epoch, `epoch.losses`; its
    metadata: config, step, epoch_hits, threads, torch.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Put the checkpoint at `path`, whole or not at all. Raises OSError."""
    make_folder(path.parent)
    write_atomic(path, serialized(checkpoint))


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
        checkpoint = Checkpoint(safetensors.load(content), about["facts"])
        intact = serialized(checkpoint) == content
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError):
        intact = False
    if not intact:
        raise UserError(f"{path} is torn, altered or no checkpoint of torchbasics")
    return checkpoint


class CheckpointManager:
    """Keeps a run's last checkpoints, and the best if there is a validation set.

    A checkpoint that cannot be written leaves those before it as they are; `failure`
    then says why.
    """

    def __init__(self, folder: Path, warn: Callable[[str], None] = warn) -> None:
        self.folder = folder / "checkpoints"
        self.warn = warn
        self.failure = ""
        self.unsaved_best: Checkpoint | None = None

    def save(self, checkpoint: Checkpoint, accuracy: float | None = None) -> None:
        """Write this checkpoint, and drop what is older than the last two.

        The best is written first: a run that is killed between the two comes to it
        again. One that cannot be written is tried again with the next.
        """
        if accuracy is not None and accuracy > self._best_accuracy():
            metadata = checkpoint.metadata | {"accuracy/validation": accuracy}
            copied = {name: t.clone() for name, t in checkpoint.tensors.items()}
            self.unsaved_best = Checkpoint(copied, metadata)
        try:
            if self.unsaved_best:
                write(self.folder / "best.safetensors", self.unsaved_best)
                self.unsaved_best = None
            write(self.path(checkpoint.metadata["step"]), checkpoint)
            self.prune(checkpoint.metadata["step"])
            self.failure = ""
        except OSError as error:
            self.failure = f"no checkpoint in {self.folder}: {error.strerror}"
            self.warn(self.failure)

    def prune(self, step: int) -> None:
        """Drop what is older than the last two and than that step. Raises OSError."""
        for path in self.paths()[:-KEPT]:
            if path < self.path(step):
                path.unlink()

    def path(self, step: int) -> Path:
        """Where the state after so many steps is kept."""
        return self.folder / f"step-{step:08d}.safetensors"

    def paths(self) -> list[Path]:
        """The checkpoints there are, oldest first."""
        return sorted(self.folder.glob("step-*.safetensors"))

    def latest(self) -> Checkpoint | None:
        """The latest checkpoint that is whole, if any; those passed over are named.

        Raises UserError if there are checkpoints, but none that is whole.
        """
        refused: list[str] = []
        for path in reversed(self.paths()):
            try:
                checkpoint = read(path)
            except UserError as error:
                refused.append(str(error))
            else:
                for reason in refused:
                    self.warn(f"{reason}; the one before is taken")
                return checkpoint
        if refused:
            raise UserError(f"no checkpoint can be used: {'; '.join(refused)}")
        return None

    def _best_accuracy(self) -> float:
        try:
            best = self.unsaved_best or read(self.folder / "best.safetensors")
            return float(best.metadata["accuracy/validation"])
        except (UserError, KeyError, TypeError, ValueError):
            return -math.inf


def serialized(checkpoint: Checkpoint) -> bytes:
    """The one sequence of bytes that stands for this content."""
    tensors = {
        name: tensor.detach().cpu().contiguous()
        for name, tensor in checkpoint.tensors.items()
    }
    metadata = json.dumps(checkpoint.metadata, sort_keys=True)
    about = {"facts": checkpoint.metadata, "sha256": _digest(tensors, metadata)}
    # one key only: safetensors does not fix the order of several
    return safetensors.save(tensors, {FORMAT: json.dumps(about, sort_keys=True)})


def _digest(tensors: dict[str, Tensor], metadata: str) -> str:
    """SHA-256 of names, dtypes, shapes, bytes and metadata."""
    digest = hashlib.sha256(metadata.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()
