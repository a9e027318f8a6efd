"""Read handwritten digits from pictures: a scan, a photograph, a drawing.

Each picture is made as MNIST was made (torchbasics.data.prepare), shown as the network
sees it, and read. Digits that stand in a row are read one by one.

How probable an answer is and how much the image is like the digit count together; if
96 % of the network's right answers suit better, it is unsure (torchbasics.mnist.doubt):
it may be no digit.
"""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from tyro.conf import Positional

from torchbasics.command import cli, settings
from torchbasics.command.errors import UserError, as_user_error, command, run
from torchbasics.command.files import reason
from torchbasics.command.output import visible
from torchbasics.command.terminal import Answer, SafeConsole
from torchbasics.data.image_files import SUFFIXES, read_image
from torchbasics.data.prepare import find_digits
from torchbasics.mnist import PROGRAM, network
from torchbasics.mnist.doubt import Doubt, fit_doubt
from torchbasics.mnist.network import Network

MAX_DIGITS = 20  # more in one picture are noise or a text


class Options(settings.Settings):
    """Which pictures, and which network reads them."""

    pictures: Positional[tuple[str, ...]] = ()
    """PNG, JPEG, BMP, GIF or WebP files, or folders of them"""
    run: network.RunName = "pretrained-best"
    runs_dir: network.RunsDir = "runs"
    as_json: cli.AsJson = False
    data_dir: network.DataDir = "auto"


class Reading(NamedTuple):
    """A digit as the network sees it, its probabilities, and whether they are sure.

    Shape: image uint8 (28, 28), probs (10,).
    """

    image: Tensor
    probs: Tensor
    sure: bool

    @property
    def answer(self) -> int:
        """The likeliest digit."""
        return int(self.probs.argmax())

    def __str__(self) -> str:
        return f"{self.answer}{'' if self.sure else '?'}"

    def as_json(self) -> dict[str, Any]:
        """The same for a program."""
        return {"answer": self.answer, "sure": self.sure, "probs": self.probs.tolist()}


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Print what each picture holds, or all of it as JSON."""
    options = cli.parse_options(Options(), argv, f"{PROGRAM}.predict", __doc__)
    if not options.pictures:
        raise UserError("name a picture, or a folder of pictures")
    found, status = [], 0
    for path in files(options.pictures):
        try:
            found.append((path, find_digits(read_image(path))))
        except UserError as error:  # the others are read all the same
            print(f"error: {visible(error)}", file=sys.stderr)
            status = 2
    if not found:
        return status
    reader = network.load(options.run, options.runs_dir)
    doubt = fit_doubt(reader, options.data_dir)
    with as_user_error(ValueError, f"{options.run}: "):
        readings = [(path, read(reader, doubt, digits)) for path, digits in found]
    if options.as_json:
        pictures = [
            {"picture": str(path), "digits": [one.as_json() for one in some]}
            for path, some in readings
        ]
        shown = {"run": options.run, "pictures": pictures}
        print(json.dumps(shown, indent=2, allow_nan=False))
        return status
    for path, some in readings:
        if len(some) <= MAX_DIGITS:
            show(visible(path), some)
    for path, some in readings:
        print(f"{visible(path)}: {summary(some)}")
    return status


def files(names: Iterable[str]) -> Iterator[Path]:
    """The files of these names, and those of pictures in folders, by their names."""
    for name in names:
        path = Path(name)
        if not os.path.isdir(path):
            yield path
            continue
        try:
            pictures = sorted(filter(is_picture, path.iterdir()))
        except OSError as error:
            raise UserError(f"cannot read {path}: {reason(error)}") from None
        if not pictures:
            raise UserError(f"{path} holds no picture ({', '.join(SUFFIXES)})")
        yield from pictures


def is_picture(path: Path) -> bool:
    """Whether what lies in a folder has the name of a picture."""
    shown = path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
    return shown and not os.path.isdir(path)


def read(reader: Network, doubt: Doubt, digits: Sequence[Tensor]) -> list[Reading]:
    """What the network makes of each of these. Shape: uint8 (28, 28) each."""
    if not digits:
        return []
    images = torch.stack(list(digits))
    probs = reader.probs(images)
    if not probs.isfinite().all():
        raise ValueError("its scores are not finite")
    sure = doubt.is_sure(images, probs).tolist()
    return [Reading(*one) for one in zip(images, probs, sure, strict=True)]


def show(name: str, readings: Sequence[Reading]) -> None:
    """Each digit of a picture as the network sees it, the ten bars, the answer."""
    console = SafeConsole()
    for number, one in enumerate(readings, start=1):
        place = f", digit {number} of {len(readings)}" if len(readings) > 1 else ""
        console.print(f"{name}{place}, as the network sees it\n", soft_wrap=True)
        unsure = f"is unsure: perhaps {one.answer}, perhaps no digit"
        said = f"reads {one.answer}" if one.sure else unsure
        console.print(Answer(one.image, one.probs, f"the network {said}\n"))


def summary(readings: Sequence[Reading]) -> str:
    """What a picture holds, in a line.

    >>> one = Reading(torch.zeros(28, 28), torch.eye(10)[7], sure=False)
    >>> summary([]), summary([one]), summary([one, one._replace(sure=True)])
    ('no digit', 'unsure, 7?', '2 digits: 7? 7 (? unsure)')
    >>> summary(21 * [one])
    'no row of digits: it is in 21 pieces'
    """
    count, answers = len(readings), " ".join(map(str, readings))
    unsure = not all(one.sure for one in readings)
    if count > MAX_DIGITS:
        return f"no row of digits: it is in {count} pieces"
    if count > 1:
        return f"{count} digits: {answers}{' (? unsure)' if unsure else ''}"
    return f"unsure, {answers}" if unsure else answers or "no digit"


if __name__ == "__main__":
    run(main)
