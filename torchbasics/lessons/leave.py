"""What the lab leaves behind: curves for TensorBoard, tables as CSV, a figure."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torchbasics.events import Events
from torchbasics.lessons.deep import SWEPT, Moment, Start, Swept
from torchbasics.lessons.prose import Language
from torchbasics.probes import Probes


def write(
    events: Events, moment: Moment, norms: dict[str, float], probes: Probes
) -> None:
    """A look into a network as curves and histograms."""
    events.scalar("loss/train", moment.loss, moment.step)
    events.scalar("accuracy/test", moment.accuracy, moment.step)
    events.scalar("update_ratio/hidden1", moment.update_ratio, moment.step)
    for layer, norm in norms.items():
        events.scalar(f"gradient_norm/{layer}", norm, moment.step)
    for layer, values in probes.activations.items():
        events.histogram(f"activations/{layer}", values, moment.step)
    for layer, values in probes.gradients().items():
        events.histogram(f"gradients/{layer}", values, moment.step)


def write_tables(
    folder: Path,
    starts: Mapping[str, Start],
    sweep: Sequence[Swept],
    histories: Mapping[str, Sequence[Moment]],
) -> None:
    """What was measured, as CSV: the start, the sweep over depth, the training."""
    sizes = [
        (name, f"hidden{layer}", *map(float, both))
        for name, start in starts.items()
        for layer, both in enumerate(zip(*start, strict=True), start=1)
    ]
    write_csv(folder / "start.csv", ("network", "layer", *Start._fields), sizes)
    lefts = [(s.depth, *(start.left for start in s.starts)) for s in sweep]
    write_csv(folder / "depth.csv", ("depth", *map(str, SWEPT)), lefts)
    moments = [
        (key, *moment) for key, history in histories.items() for moment in history
    ]
    write_csv(folder / "training.csv", ("network", *Moment._fields), moments)


def draw(path: Path, lang: Language, *results: Any) -> None:
    """The lab's figure, in the reader's language where a font has its letters."""
    from torchbasics.lessons import figures  # noqa: PLC0415 - matplotlib is slow
    from torchbasics.lessons.figures import deep  # noqa: PLC0415 - matplotlib is slow

    figures.save(partial(deep.vanishing, *results), "vanishing", lang, path)


def write_csv(
    path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """A table with its head."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([head, *rows])
