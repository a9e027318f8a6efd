"""Write a page that says how good a run's network is, and where it is weak.

It is one file, `report.html` in the run's folder, that asks for nothing from elsewhere.
"""

import math
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from torchbasics import data
from torchbasics.activations import softmax
from torchbasics.command import cli, runs
from torchbasics.command.errors import command, run
from torchbasics.command.manifest import Manifest
from torchbasics.command.output import visible
from torchbasics.command.page import picture
from torchbasics.data import TRAINING_IMAGES, ImageDataset
from torchbasics.evaluation import evaluate
from torchbasics.mnist import PROGRAM, measures, network
from torchbasics.mnist.export import WEIGHTS
from torchbasics.mnist.subjects import PageOptions, Subject, write_page
from torchbasics.mnist.training import metrics
from torchbasics.mnist.training.state import plan_steps

FORM = Path(__file__).with_name("pages") / "report.html"
RECIPES = {"pretrained": "lesson", "pretrained-best": "best"}  # of what is shipped
FACTS = (
    "device", "processes", "threads", "versions", "python", "platform", "commit",
    "started", "finished",
)  # fmt: skip
SPLITS = ("train", "validation", "test")
CURVES = [f"{kind}/{split}" for kind in ("loss", "accuracy") for split in SPLITS]
HEALTH = ("gradient_norm", "update_ratio", "activation_std", "saturated", "dead")

MAX_POINTS, MAX_LAYERS, MAX_TILES = 150, 8, 100
LARGE = 2_000_000  # weights, with which each of the 20 changes of digits takes seconds

Json = dict[str, Any]


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Measure, write the page, and say where it is."""
    options = cli.parse_options(PageOptions(), argv, f"{PROGRAM}.report", __doc__)
    subjects = options.find()
    path = options.place(FORM, subjects)
    train, test = (data.load(split, options.data_dir) for split in ("train", "test"))
    report = measured(subjects, train, test)
    write_page(path, FORM, "Report", subjects, report)
    for one in report["runs"]:
        print(f"{one['name']}: {one['summary']}")
    print(f"the report is in {visible(path)}: open it in a browser")
    return 0


def measured(
    subjects: Iterable[Subject], train: ImageDataset, test: ImageDataset
) -> Json:
    """All that the page shows, as JSON can hold it; each digit is in it once."""
    cards = [card(subject, train, test) for subject in subjects]
    digits = torch.tensor(sorted({row[0] for one in cards for row in one["examples"]}))
    return {
        "runs": cards,
        "baselines": measures.baselines(train, test),
        "digits": dict(zip(digits.tolist(), test.labels[digits].tolist(), strict=True)),
        "pictures": picture(test.images[digits].flatten(1).numpy()),
    }


def card(subject: Subject, train: ImageDataset, test: ImageDataset) -> Json:
    """What the page says of one run. Raises UserError where nothing can be said."""
    folder, reader = subject.folder, subject.network
    manifest = runs.read_manifest(folder) if folder else {}
    lines = metrics.read(folder / "metrics.jsonl") if folder else []
    model, config = reader
    logits = subject.logits(test.images)
    evaluation = evaluate(nn.Identity(), logits, test.labels)
    plan = plan_steps(config, TRAINING_IMAGES - config.data.validation)
    finished = folder is None or "finished" in manifest
    linears = model.linears()
    layers = [[*linears][place] for place in spread(len(linears), MAX_LAYERS)]
    health = [f"{kind}/{layer}" for kind in HEALTH for layer in layers]
    first = next(iter(linears.values())).weight.detach()
    some = test.subset(slice(None, None, 20 if config.model.num_weights > LARGE else 5))
    tiles = F.normalize(first[:MAX_TILES], p=math.inf)  # from -1 to 1
    return {
        "name": subject.name,
        "summary": evaluation.summary("test"),
        "architecture": network.architecture(config),
        "unfinished": [] if finished else [subject.step, plan.total_steps],
        "loss": evaluation.loss,
        "interval": measures.wilson(evaluation.num_correct, evaluation.count),
        "confusion": evaluation.confusion.tolist(),
        "examples": measures.examples(softmax(logits), test.labels),
        "calibration": measures.calibration(reader, logits, train, test.labels),
        "curves": series(lines, CURVES),
        "health": series(lines, health),
        "layers": layers,
        "units": len(first),
        "weights": picture((128 + 127 * tiles).round().byte().numpy()),
        "robustness": measures.robustness(reader, some),
        "flat": measures.num_flat(reader, some),
        "changed": len(some.labels),
        "blank": reader.probs(torch.zeros_like(test.images[:1]))[0].tolist(),
        "facts": facts(subject, manifest),
        "again": again(subject, manifest),
        "playground": visible(
            f"{PROGRAM}.playground {shlex.quote(str(folder or subject.name))}"
        ),
    }


def series(lines: Sequence[Json], tags: Iterable[str]) -> dict[str, list[list[float]]]:
    """Epoch and value of each tag that was recorded, evenly if they are many.

    >>> series([{"epoch": 1, "loss/test": 0.51234}, {"epoch": 2}], ["loss/test"])
    {'loss/test': [[1, 0.5123]]}
    """
    found = {}
    for tag in tags:
        kept = [line for line in lines if line.get(tag) is not None]
        kept = [kept[place] for place in spread(len(kept), MAX_POINTS)]
        if kept:
            found[tag] = [[line["epoch"], float(f"{line[tag]:.4g}")] for line in kept]
    return found


def spread(count: int, most: int) -> list[int]:
    """So many of the numbers below `count`, at most: evenly, the first and the last.

    >>> spread(10, 4), spread(2, 4)
    ([0, 3, 6, 9], [0, 1])
    """
    places: list[int] = np.linspace(0, count - 1, min(count, most), dtype=int).tolist()
    return places


def facts(subject: Subject, manifest: Manifest) -> dict[str, str]:
    """What a repetition needs to know: of the manifest, as text."""
    found: Json = {"seed": subject.network.config.seed, "step": subject.step}
    found |= {name: manifest.get(name) for name in FACTS}
    if sha256 := manifest.get("data", {}).get(WEIGHTS):
        found["weights"] = f"read from a {WEIGHTS} with the SHA-256 {sha256}"
    if versions := found["versions"]:
        found["versions"] = ", ".join(f"{name} {versions[name]}" for name in versions)
    return {name: visible(fact) for name, fact in found.items() if fact is not None}


def again(subject: Subject, manifest: Manifest) -> str:
    """What to type to repeat a run.

    No config makes weights that were read; what was trained after that goes on there.
    """
    if subject.folder is None:
        return f"{PROGRAM} --config {RECIPES[subject.name]}"
    if WEIGHTS in manifest.get("data", {}):
        read = f"{PROGRAM}.evaluate --textbook {WEIGHTS} --save"
        return read + (f"\n{PROGRAM} --resume latest" if subject.step else "")
    config = shlex.quote(str(subject.folder / "config.toml"))
    return visible(f"{PROGRAM} --config {config}")


if __name__ == "__main__":
    run(main)
