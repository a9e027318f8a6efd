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
from pydantic import Field
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor

from torchbasics.command.errors import UserError, as_user_error, warn
from torchbasics.command.files import MAX_BYTES, make_folder, read_regular, write_atomic
from torchbasics.command.settings import Settings, from_table
from torchbasics.mnist.config import Config

FORMAT = "torchbasics 1"
MAX_HEADER = 2**23  # bytes; 200 layers' names need an eighth of it
BYTES_PER_WEIGHT = 20  # model, ema and two states of Adam need 16
KEPT = 2  # should the latest be unreadable, there is the one before
MALFORMED = (
    SafetensorError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError
)  # fmt: skip
"""What a reader raises at what anybody may have written."""


class Checkpoint(NamedTuple):
    """Tensors by name, and what else is worth knowing, as JSON can hold it.

    A run's has `model.*`, `ema.*` where weights are averaged, and until the run has
    ended `optimizer.<parameter>.<state>` and, within an epoch, `epoch.losses`; its
    metadata are `Facts`.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]


class Facts(Settings):
    """The metadata of a checkpoint: all that it may hold."""

    config: dict[str, Any]
    step: int = Field(ge=0)
    epoch_hits: int = Field(ge=0)
    threads: int = Field(ge=1, le=65_536)
    torch: str
    processes: int = Field(1, ge=1, le=1024)
    accuracy: float | None = Field(None, alias="accuracy/validation", ge=0, le=1)


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Put the checkpoint at `path`, whole or not at all. Raises OSError."""
    make_folder(path.parent)
    write_atomic(path, serialized(checkpoint))


def read(path: Path) -> Checkpoint:
    """The checkpoint at `path`. Raises UserError for any file but a whole one.

    It is as it was written, and no larger than its network needs; whether its tensors
    are those of a training, `state` can tell.
    """
    head = read_regular(path, MAX_BYTES, first=8 + MAX_HEADER)
    try:
        if path.lstat().st_size > _declared_bytes(head):
            raise ValueError("there is more than its header tells of")
        content = read_regular(path, _max_bytes(head))
        checkpoint = deserialized(content)
        intact = serialized(checkpoint) == content
    except MALFORMED:
        intact = False
    if not intact:
        raise UserError(f"{path} is torn, altered or no checkpoint of torchbasics")
    with as_user_error(UserError, f"{path}: "):
        from_table(Facts, checkpoint.metadata)
    with as_user_error(UserError, f"{path}: config: "):
        from_table(Config, checkpoint.metadata["config"])
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

    def require_places(self) -> None:
        """Raise UserError where something stands in the way of a run's checkpoints."""
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"{self.folder} is no folder")
        for path in filter(Path.is_dir, self.folder.glob("*")):
            raise UserError(f"{path} is a folder: a run keeps files there")

    def path(self, step: int) -> Path:
        """Where the state after so many steps is kept."""
        return self.folder / f"step-{step:08d}.safetensors"

    def paths(self) -> list[Path]:
        """The checkpoints there are, oldest first; a copy of another name is none."""
        found = self.folder.glob("step-*.safetensors")
        paths = [path for path in found if path.stem[5:].isdecimal()]
        return sorted(paths, key=lambda path: (len(path.name), path.name))

    def latest(self) -> Checkpoint | None:
        """The latest checkpoint that is whole, if any; those passed over are named.

        Raises UserError if there are checkpoints, but none that is whole.
        """
        refused: list[str] = []
        for path in reversed(self.paths()):
            try:
                checkpoint = read(path)
                if path != self.path(step := checkpoint.metadata["step"]):
                    raise UserError(f"{path}: step = {step}, not what its name says")
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


def _facts(head: bytes) -> Any:
    """The metadata at a file's beginning, not checked yet."""
    header = json.loads(head[8 : 8 + int.from_bytes(head[:8], "little")])
    return json.loads(header["__metadata__"][FORMAT])["facts"]


def _max_bytes(head: bytes) -> int:
    """How large the file that begins so can be: as its network makes it."""
    try:
        config = from_table(Config, _facts(head)["config"])
    except (UserError, ValueError, KeyError, TypeError, RecursionError):
        # what is wrong is told when the file is known to be whole
        return 2 * MAX_HEADER
    return 2 * MAX_HEADER + BYTES_PER_WEIGHT * config.model.num_weights


def _declared_bytes(head: bytes) -> int:
    """How large the file is by its own header."""
    length = int.from_bytes(head[:8], "little")
    tensors = json.loads(head[8 : 8 + length])
    ends = [tensors[name]["data_offsets"][1] for name in tensors if name[0] != "_"]
    return 8 + length + int(max(ends))


def deserialized(content: bytes) -> Checkpoint:
    """What `serialized` has made such bytes of."""
    return Checkpoint(safetensors.load(content), _facts(content))


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
