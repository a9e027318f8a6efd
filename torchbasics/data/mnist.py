"""MNIST as uint8 tensors: 60,000 training and 10,000 test images of 28 x 28 pixels.

The four files are checked against their SHA-256 each time (0.05 s in all). A file
that is missing, torn or altered is unpacked anew from the copy inside this package,
so no network is needed; only where that copy is gone are torchvision's mirrors asked.
"""

import gzip
import hashlib
import http.client
import os
import sys
import urllib.request
import zlib
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from torchbasics import arguments as require
from torchbasics.command.errors import UserError
from torchbasics.command.files import locked, read_regular, reason, write_atomic

SHA256 = {
    "train-images-idx3-ubyte":
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte":
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte":
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte":
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}  # fmt: skip
TRAINING_IMAGES = 60_000
PACKED = Path(__file__).parent  # the folder of the .gz files
MEAN, STD = 0.1307, 0.3081  # of all training pixels, scaled to [0, 1]

Split = Literal["train", "test"]
Scale = Literal["unit", "standard"]

MAX_BYTES = 2**26  # of a file that is unpacked
TIMEOUT = 20.0  # seconds a mirror may stay silent
SECONDS_TO_RESTORE = 60  # while another process does


class ImageDataset(NamedTuple):
    """Images uint8 (N, 28, 28) with 0 for paper and 255 for ink; labels int64 (N,)."""

    images: Tensor
    labels: Tensor

    def subset(self, which: slice | Tensor) -> "ImageDataset":
        """Some of the images, with their labels: a slice, or indices of shape (n,)."""
        return ImageDataset(self.images[which], self.labels[which])


def load(split: Split, data_dir: str = "auto") -> ImageDataset:
    """The training or the test set of MNIST.

    `data_dir` is a folder in torchvision's layout (`MNIST/raw/` inside it); `auto`
    is `$TORCHBASICS_DATA` or, without it, a folder in the user's cache.

    >>> images, labels = load("test")
    >>> images.shape, labels[:5].tolist()
    (torch.Size([10000, 28, 28]), [7, 2, 1, 0, 4])

    Raises UserError where the files can be neither found nor restored.
    """
    require.choice(get_args(Split), split=split)
    try:
        root = default_folder() if data_dir == "auto" else Path(data_dir).expanduser()
        restore(root)
    except (OSError, ValueError, RuntimeError) as error:  # no way in, or no home
        said = f"no folder for MNIST ({reason(error)}): give --data-dir"
        raise UserError(said) from None
    from torchvision.datasets import MNIST  # noqa: PLC0415 - 2 s of imports

    mnist = MNIST(root, train=split == "train", download=False)
    return ImageDataset(mnist.data, mnist.targets)


def scale_pixels(images: Tensor, scale: Scale = "unit") -> Tensor:
    """Pixels 0..255 as the numbers a network reads, one row per image.

    `unit` is p / 255; `standard` is (p / 255 - 0.1307) / 0.3081, which gives the
    training set mean 0 and standard deviation 1.

    Shape: uint8 (N, 28, 28) -> float32 (N, 784).

    >>> scale_pixels(torch.tensor([[[0, 51], [102, 255]]], dtype=torch.uint8))
    tensor([[0.0000, 0.2000, 0.4000, 1.0000]])
    """
    require.choice(get_args(Scale), scale=scale)
    pixels = images.flatten(1).to(torch.float32, copy=True)
    if scale == "unit":
        return pixels.div_(255)
    return pixels.sub_(255 * MEAN).div_(255 * STD)


def default_folder() -> Path:
    """`$TORCHBASICS_DATA`, else `torchbasics` in the user's cache folder."""
    if named := os.environ.get("TORCHBASICS_DATA"):
        return Path(named).expanduser()
    if sys.platform == "win32":
        cache = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        cache = Path.home() / "Library" / "Caches"
    else:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "torchbasics"


def restore(root: Path) -> None:
    """Make sure that `root` holds the four files, each with its right content.

    One process at a time restores them; the others wait and find them.
    """
    if (root / "MNIST" / "processed").exists():
        raise UserError(
            f"{root / 'MNIST' / 'processed'} is of an old torchvision and would be "
            "read unchecked: delete that folder or choose another --data-dir"
        )
    raw = root / "MNIST" / "raw"
    if not missing(raw):
        return
    try:
        raw.mkdir(parents=True, exist_ok=True)
        with locked(raw, SECONDS_TO_RESTORE, shared=True):
            for name in missing(raw):
                write_atomic(raw / name, fetched(name, raw))
    except OSError as error:
        raise UserError(
            f"cannot write MNIST to {raw} ({error.strerror}): choose a folder with "
            "--data-dir or the environment variable TORCHBASICS_DATA"
        ) from None


def missing(raw: Path) -> list[str]:
    """Which of the four files are not there as they must be."""
    return [name for name in SHA256 if not is_intact(raw / name)]


def is_intact(path: Path) -> bool:
    """Whether the file is there and its content is what its name's SHA-256 says."""
    try:
        content = read_regular(path, MAX_BYTES, follow=True)
    except UserError:
        return False
    return hashlib.sha256(content).hexdigest() == SHA256[path.name]


def fetched(name: str, raw: Path) -> bytes:
    """A file's content from the first place that has it right, unpacked.

    That is the package itself, where its copy is whole, else torchvision's mirrors.
    """
    from torchvision.datasets import MNIST  # noqa: PLC0415 - 2 s of imports

    failures = []
    for place in (f"{PACKED.as_uri()}/", *MNIST.mirrors):
        try:
            with urllib.request.urlopen(f"{place}{name}.gz", timeout=TIMEOUT) as reply:
                content = gzip.decompress(reply.read())
            if hashlib.sha256(content).hexdigest() == SHA256[name]:
                return content
            failures.append(f"{place} (wrong SHA-256)")
        except (OSError, EOFError, zlib.error, http.client.HTTPException) as error:
            failures.append(f"{place} ({error})")
    raise UserError(
        f"MNIST's {name} is not in the package and no mirror gave it: "
        f"{'; '.join(failures)}. Put the unpacked file into {raw} by hand"
    )
