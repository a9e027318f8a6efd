"""What the lab leaves behind: curves for TensorBoard, tables as CSV, a figure."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from torchbasics.command.events import Events
from torchbasics.command.files import write_csv
from torchbasics.lessons.lab.networks import SWEPT, Start, Swept
from torchbasics.lessons.lab.training import Snapshot
from torchbasics.lessons.prose import Language
from torchbasics.probes import Probes


def write(
    events: Events, snapshot: Snapshot, norms: dict[str, float], probes: Probes
) -> None:
    """A snapshot of a network as curves and histograms."""
    events.scalar("loss/train", snapshot.loss, snapshot.step)
    events.scalar("accuracy/test", snapshot.accuracy, snapshot.step)
    events.scalar("update_ratio/hidden1", snapshot.update_ratio, snapshot.step)
    for layer, norm in norms.items():
        events.scalar(f"gradient_norm/{layer}", norm, snapshot.step)
    for layer, values in probes.activations.items():
        events.histogram(f"activations/{layer}", values, snapshot.step)
    for layer, values in probes.gradients().items():
        events.histogram(f"gradients/{layer}", values, snapshot.step)


def write_tables(
    folder: Path,
    starts: Mapping[str, Start],
    sweep: Sequence[Swept],
    histories: Mapping[str, Sequence[Snapshot]],
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
    moments = [(key, *one) for key, history in histories.items() for one in history]
    write_csv(folder / "training.csv", ("network", *Snapshot._fields), moments)


def draw(path: Path, lang: Language, *results: Any) -> None:
    """The lab's figure, in the reader's language where a font has its letters."""
    from torchbasics.lessons import figures  # noqa: PLC0415 - matplotlib is slow
    from torchbasics.lessons.figures import deep  # noqa: PLC0415 - matplotlib is slow

    figures.save(partial(deep.vanishing, *results), "vanishing", lang, path)
