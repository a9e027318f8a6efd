"""Pictures in a terminal: a digit in half blocks, probabilities as bars."""

from __future__ import annotations

import codecs
import errno
from collections.abc import Iterator
from typing import Any, NamedTuple

from rich.console import Console, ConsoleOptions
from rich.text import Text
from torch import Tensor

from torchbasics.errors import drop_stdout

BAR = 30  # columns of a bar that stands for 100 %


class LastingConsole(Console):
    """A console that outlives its reader (`| head`) and a full disk behind it.

    `lost` says that something could not be kept, which nobody chose.
    """

    lost = False

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, or if that cannot be, print nothing from now on."""
        try:
            super().print(*objects, **options)
            self.file.flush()
        except OSError as error:
            self.lost = error.errno != errno.EPIPE
            self.on_broken_pipe()

    def on_broken_pipe(self) -> None:
        """What rich calls when nobody reads any more."""
        drop_stdout()
        self.quiet = True


PLAIN = dict(zip("✓✗\u2212·→…●○", "+x-*>.#o", strict=True))
"""What stands for a sign where the output's encoding has none."""


def _plain(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return PLAIN.get(error.object[error.start], "?"), error.start + 1


codecs.register_error("plain", _plain)


class Answer(NamedTuple):
    """A digit, the ten probabilities beside it, and which digit was read.

    Shape: image (28, 28) uint8, probs (10,).
    """

    image: Tensor
    probs: Tensor
    label: int
    verdict: str = "the network reads {answer}, which is right"
    mistake: str = "the network reads {answer}, which is wrong: the label says {label}"

    def __rich_console__(self, console: Console, _: ConsoleOptions) -> Iterator[Text]:
        answer = int(self.probs.argmax())
        bars = [Text()] * 2 + [
            Text(f"  {digit}  {100 * prob:6.2f} % {_bar(console, prob)}", "dim")
            for digit, prob in enumerate(self.probs.tolist())
        ]
        bars[2 + answer].stylize("not dim bold green")
        rows = digit_rows(
            self.image, colour=has_colour(console), ascii_only=is_ascii(console)
        )
        for row, bar in zip(rows, bars + [Text()] * 2, strict=True):
            yield row + bar
        verdict = self.verdict if answer == self.label else self.mistake
        yield Text(verdict.format(answer=answer, label=self.label))


def digit_rows(image: Tensor, *, colour: bool, ascii_only: bool = False) -> list[Text]:
    """An image as rows of text, each of which shows two rows of pixels.

    Shape: (H, W) uint8, H even -> H / 2 rows of W characters.

    >>> import torch
    >>> image = torch.tensor([[255, 255, 0, 0], [255, 0, 255, 0]], dtype=torch.uint8)
    >>> [row.plain for row in digit_rows(image, colour=False)]
    ['█▀▄ ']
    """
    rows = []
    for upper, lower in zip(image[0::2].tolist(), image[1::2].tolist(), strict=True):
        row = Text()
        for above, below in zip(upper, lower, strict=True):
            if colour:
                style = f"rgb({above},{above},{above}) on rgb({below},{below},{below})"
                row.append("▀", style)
            else:
                blocks = " .'#" if ascii_only else " ▄▀█"
                row.append(blocks[2 * (above > 127) + (below > 127)])
        rows.append(row)
    return rows


def has_colour(console: Console) -> bool:
    """Whether shades of grey can be shown."""
    return console.color_system is not None and not console.no_color


def is_ascii(console: Console) -> bool:
    """Whether block characters would not arrive."""
    return not console.encoding.lower().startswith("utf")


def _bar(console: Console, prob: float) -> str:
    return ("#" if is_ascii(console) else "█") * round(BAR * prob)
