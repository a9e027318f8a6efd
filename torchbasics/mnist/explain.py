"""Why does a network read a digit so? Every layer at work on it, with its numbers.

Which units fire and which are saturated, what those that count most look for, where
ink raises or lowers the score of the answer, and how little has to change for another.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from pydantic import Field, model_validator
from rich.console import RenderableType
from torch import Tensor
from tyro.conf import Positional

from torchbasics import data
from torchbasics.command import cli, settings
from torchbasics.command.errors import UserError, as_user_error, command, run, warn
from torchbasics.command.files import require_writable, write_named
from torchbasics.command.output import visible
from torchbasics.command.page import page
from torchbasics.command.terminal import Answer, SafeConsole, SideBySide, plural
from torchbasics.data.image_files import read_image
from torchbasics.data.prepare import find_digits, prepare
from torchbasics.mnist import PROGRAM, network
from torchbasics.mnist.adversarial import Change, smallest_change
from torchbasics.mnist.explanation import Explanation, Layer, as_json, explain
from torchbasics.mnist.subjects import PageName

FORM = Path(__file__).with_name("pages") / "explain.html"
STEPS = 20
SHOWN, HEARD = 3, 4
HEAD = ("layer", "x", "W", "pre-activation", "output", "fire", "saturated")


class Options(settings.Settings):
    """Which network reads which digit."""

    run: Positional[network.RunName] = "pretrained"
    index: int = Field(0, ge=0)
    """which digit of the set, from 0"""
    picture: str = ""
    """a picture of a digit, to read in its place"""
    html: PageName = ""
    """write a page to FILE.html"""
    as_json: cli.AsJson = False
    runs_dir: network.RunsDir = "runs"
    split: Literal["test", "train"] = "test"
    """the set of digits"""
    data_dir: network.DataDir = "auto"

    @model_validator(mode="after")
    def _one_digit(self) -> "Options":
        if self.picture and self.index:
            raise ValueError("--picture stands in the place of --index: give one")
        return self


class Case(NamedTuple):
    """A digit, the network that reads it, and why it reads it so.

    `label` is -1 where nobody said what the digit is meant to be; `path` holds the
    probabilities as it is changed little by little. Shape: image uint8 (28, 28), path
    (STEPS + 1, 10).
    """

    name: str
    image: Tensor
    label: int
    explanation: Explanation
    change: Change | None
    path: Tensor


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Print the explanation, or JSON of it, and write the page that is asked for."""
    options = cli.parse_options(Options(), argv, f"{PROGRAM}.explain", __doc__)
    if options.html:
        require_writable(Path(options.html))
    case = study(options)
    if options.html:
        shown = page(FORM, case.name, case_as_json(case))
        write_named(Path(options.html), shown)
    if options.as_json:
        print(json.dumps(case_as_json(case), allow_nan=False))
        return 0
    console = SafeConsole()
    for piece in pieces(case):
        console.print(piece, soft_wrap=isinstance(piece, str))
    if options.html:
        print(f"the page is {visible(options.html)}")
    return 0


def study(options: Options) -> Case:
    """All there is to say of the digit that is asked for."""
    digit, image, label = find_digit(options)
    reader = network.load(options.run, options.runs_dir)
    transform = reader.config.data.transform
    with as_user_error(ValueError, f"{options.run}: "):
        explanation = explain(reader.model, transform(image[None]))
    change, path = smallest_change(reader, image), torch.empty(0, 10)
    if change:
        shares = torch.linspace(0, 1, STEPS + 1)[:, None, None]
        images = (image + shares * change.difference).round().to(torch.uint8)
        path = reader.probs(images)
    architecture = network.architecture(reader.config)
    name = f"{digit}, read by {visible(options.run)}: {architecture}"
    return Case(name, image, label, explanation, change, path)


def find_digit(options: Options) -> tuple[str, Tensor, int]:
    """The digit's name, image and label."""
    if options.picture:
        path = Path(options.picture)
        picture = read_image(path)
        count = len(find_digits(picture))
        if not count:
            raise UserError(f"{path} shows no digit: it is blank")
        if count > 1:
            warn(f"{path} shows {count} digits: they are read as one")
        return visible(path.name), prepare(picture), -1
    index, (images, labels) = options.index, data.load(options.split, options.data_dir)
    if index >= len(labels):
        last = len(labels) - 1
        raise UserError(f"index = {index}: the {options.split} set ends at {last}")
    return f"{options.split} digit {index}", images[index], int(labels[index])


def pieces(case: Case) -> Iterator[RenderableType]:
    """The explanation in 80 columns, piece by piece."""
    name, image, label, explanation, change, path = case
    first, *others = explanation.layers
    answer, probs = explanation.answer, explanation.probs
    said = "" if label < 0 else f", and the label says {label}"
    yield f"{name}\n"
    yield Answer(image, probs, f"the network reads {answer}{said}\n")
    yield table(explanation.layers)
    gap, rounding = f"{explanation.gap:.1g}", f"{explanation.rounding:.1g}"
    yield f"x W + b differs from nn.Linear's (its weight is W.T) by {gap},"
    yield f"its scores from the network's in float32 by {rounding}\n"
    yield f"What counts most for {answer}, by output x slope of its score"
    units = first.strongest(2)
    weights = [first.looks_for(unit).view(28, 28) for unit in units]
    yield SideBySide(weights, [f"weights of {counted(first, unit)}" for unit in units])
    yield "\nunit           counts   adds most to its pre-activation: unit, how much"
    for layer in others:
        yield from (layer_line(layer, unit) for unit in layer.strongest(SHOWN))
    yield f"\nWhere ink raises (+, orange) and lowers (-, blue) the score of {answer}"
    yield SideBySide([image, explanation.saliency.view(28, 28)])
    if change is None:
        yield "\nNo change of the pixels was found that changes the answer"
        return
    yield f"\nThe smallest change found that makes it a {change.answer}"
    yield SideBySide([change.after, change.difference.float()])
    yield (
        f"{plural(change.num_changed, 'pixel')} by at most {change.linf} of 255 grey "
        f"levels, L2 norm {change.l2:.0f}"
    )
    now, before = (f"{100 * path[-1, one]:.2f} %" for one in (change.answer, answer))
    yield f"now {change.answer} has {now}, and {answer} {before}"


def table(layers: Sequence[Layer]) -> str:
    """A line for each layer: shapes, between what its numbers are, its units."""
    rows: list[Sequence[str]] = [HEAD]
    for layer in layers:
        _, x, weight, _, sums, outputs, *_ = layer.trace
        shapes = (str(tuple(tensor.shape)) for tensor in (x, weight))
        ends = ("..".join(map(_rounded, some.aminmax())) for some in (sums, outputs))
        counts = (str(int(some.sum())) for some in (layer.fires, layer.saturated))
        rows.append((layer.trace.name, *shapes, *ends, *counts))
    widths = [2 + max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def _rounded(number: Tensor) -> str:
    """With 2 digits, 0 without a sign."""
    return f"{round(float(number), 2) + 0:.2f}"


def layer_line(layer: Layer, unit: int) -> str:
    """A unit, and which inputs add most to its pre-activation."""
    adds = layer.hears(unit)
    most = adds.abs().argsort(descending=True)[:HEARD].tolist()
    return f"{counted(layer, unit)}   {', '.join(f'{i} {adds[i]:+.2f}' for i in most)}"


def counted(layer: Layer, unit: int) -> str:
    """A unit, and what it counts."""
    return f"{f'{layer.trace.name} {unit}':<14} {layer.counts[unit]:+6.2f}"


def case_as_json(case: Case) -> dict[str, Any]:
    """The same for a program, or for the page."""
    name, image, label, explanation, change, path = case
    found = change and {
        **{"answer": change.answer, "after": change.after.tolist()},
        **{"l2": change.l2, "linf": change.linf, "num_changed": change.num_changed},
        "path": path.tolist(),
    }
    about = {"name": name, "label": label, "image": image.tolist(), "change": found}
    return about | as_json(explanation)


if __name__ == "__main__":
    run(main)
