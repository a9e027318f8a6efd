"""What the lab leaves behind: curves for TensorBoard, and tables as CSV."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from torchbasics.command.events import Events
from torchbasics.command.files import write_atomic
from torchbasics.lessons.lab.networks import PAIR, SWEPT
from torchbasics.lessons.lab.start import Start
from torchbasics.lessons.lab.training import Snapshot
from torchbasics.lessons.lab.verdict import Histories
from torchbasics.probes import Probes

LAYOUT = {
    "all networks in one chart": {
        "gradient norm, first layer": ["Multiline", ["gradient_norm/hidden1$"]],
        "update : weight, first layer": ["Multiline", ["update_ratio/hidden1$"]],
        "test accuracy": ["Multiline", ["accuracy/test"]],
    }
}


def write(events: Events, snapshot: Snapshot, probes: Probes) -> None:
    """A snapshot of a network as curves and histograms."""
    events.scalar("loss/train", snapshot.loss, snapshot.step)
    events.scalar("accuracy/test", snapshot.accuracy, snapshot.step)
    events.scalar("update_ratio/hidden1", snapshot.update_ratio, snapshot.step)
    for layer, norm in probes.statistics()["gradient_norm"].items():
        events.scalar(f"gradient_norm/{layer}", norm, snapshot.step)
    for layer, values in probes.activations.items():
        events.histogram(f"activations/{layer}", values, snapshot.step)
    for layer, values in probes.gradients().items():
        events.histogram(f"gradients/{layer}", values, snapshot.step)


def write_tables(
    folder: Path,
    starts: Sequence[Start],
    sweep: Mapping[int, Sequence[Start]],
    histories: Histories,
) -> None:
    """What was measured, as CSV: the start, the sweep over depth, the training."""
    sizes = [
        (variant.name, f"hidden{layer}", *map(float, both))
        for variant, start in zip(PAIR, starts, strict=True)
        for layer, both in enumerate(zip(*start, strict=True), start=1)
    ]
    write_csv(folder / "start.csv", ("network", "layer", *Start._fields), sizes)
    lefts = [(depth, *(start.left for start in some)) for depth, some in sweep.items()]
    write_csv(folder / "depth.csv", ("depth", *(v.name for v in SWEPT)), lefts)
    moments = [(v.name, *one) for v, history in histories.items() for one in history]
    write_csv(folder / "training.csv", ("network", *Snapshot._fields), moments)


def write_csv(
    path: Path, headers: Sequence[str], rows: Iterable[Sequence[object]]
) -> None:
    """Put a table at `path` as CSV, whole or not at all. Raises OSError."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([headers, *rows])
    write_atomic(path, text.getvalue().encode())
