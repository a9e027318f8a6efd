"""What several test files do: find a run, read what it left, fill its disk."""

import errno
import json
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from html.parser import HTMLParser

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from torchbasics.command import runs
from torchbasics.data import ImageDataset
from torchbasics.lessons import parts_of
from torchbasics.mnist import __main__ as program
from torchbasics.mnist.config import Config


def only(paths):
    """The one path there is."""
    (path,) = paths
    return path


def only_run(folder):
    """The only run anywhere below a folder."""
    return only(folder.glob("**/manifest.json")).parent


def metrics(run):
    """The lines of a run's metrics.jsonl."""
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def learned(run):
    """The same without what a clock says, so that two runs can be compared."""
    return [
        {tag: value for tag, value in line.items() if "time" not in tag}
        for line in metrics(run)
    ]


def facts(step, config=None, **more):
    """A checkpoint's metadata."""
    table = (config or Config()).model_dump(mode="json")
    counts = {"step": step, "epoch_hits": 0, "threads": 1, "torch": "2.10"}
    return {"config": table} | counts | more


def manifest(**more):
    """A manifest as a run writes it, but for what is said otherwise."""
    return runs.new_manifest("mnist", "lesson", 0) | more


def metrics_line(step, speed=1000, **more):
    """A line of metrics.jsonl, but for what is said otherwise."""
    line = {"epoch": step, "step": step, "lr": 0.1, "loss/train": 0.5}
    return json.dumps(line | {"accuracy/train": 0.5, "time/images_per_s": speed} | more)


def events_of(folder):
    """All that TensorBoard would read in a folder."""
    return EventAccumulator(str(folder), size_guidance={"histograms": 0}).Reload()


def points(folder):
    """The tag and step of each number, histogram and picture that TensorBoard shows."""
    events = events_of(folder)
    for read in (events.Scalars, events.Histograms, events.Images):
        for tag in events.Tags()[read.__name__.lower()]:
            yield from ((tag, point.step) for point in read(tag))


def no_space(*args, **options):
    """What a function of a full disk is replaced with."""
    raise OSError(errno.ENOSPC, "No space left on device")


def train_on(splits, patch):
    """Let `python -m torchbasics.mnist`, in process, take these digits for MNIST."""

    def load_splits(config, device):
        (images, labels), held = splits.train, config.data.validation
        kept = len(labels) - held
        return splits._replace(
            train=ImageDataset(images[:kept], labels[:kept]),
            validation=ImageDataset(images[kept:], labels[kept:]) if held else None,
        )

    patch.setattr(program, "load_splits", load_splits)


def python(*words, **options):
    """A Python process that has ended, and what it printed."""
    command = [sys.executable, *map(str, words)]
    options = {"capture_output": True, "text": True} | options
    return subprocess.run(command, check=False, **options)


def wait_for(place, pattern, process=None):
    """Wait until there is such a file, or the process, if there is one, has ended."""
    while process is None or process.poll() is None:
        with suppress(FileNotFoundError):  # a folder was renamed meanwhile
            if list(place.glob(pattern)):
                return
        time.sleep(0.01)


def full(*values, first=1):
    """A test's parameters, all but the first marked `full`."""
    return [
        pytest.param(
            *(value if isinstance(value, tuple) else (value,)),
            marks=[pytest.mark.full] * (number >= first),
        )
        for number, value in enumerate(values)
    ]


@contextmanager
def case(*what):
    """One of many that a test goes through: what fails in it names it."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"in the case of {', '.join(map(str, what))}") from error


class Course:
    """The lessons' parts, each computed once in each language, then only told.

    `disturbed` names those parts that moved the global random state or left gradients
    switched off.
    """

    def __init__(self):
        self.items = {}
        self.disturbed = []

    def parts_of(self, lesson):
        """What stands in for `lessons.parts_of`."""
        return tuple(self._told(lesson, part) for part in parts_of(lesson))

    def _told(self, lesson, part):
        def told(words):
            key = lesson, part.__name__, words["title"]
            if key not in self.items:
                self.items[key] = self._computed(part, words)
            return self.items[key]

        told.__name__ = part.__name__
        return told

    def _computed(self, part, words):
        before = torch.random.get_rng_state()
        items = list(part(words))
        alike = torch.equal(torch.random.get_rng_state(), before)
        if not (alike and torch.is_grad_enabled()):
            self.disturbed.append(part.__name__)
        return items


class Cells(HTMLParser):
    """Reads the tables of checks in HTML: a list of texts a row."""

    def __init__(self):
        super().__init__()
        self.rows, self.inside = [], False

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self.inside = dict(attributes).get("class") == "checks"
        elif self.inside and tag == "tr":
            self.rows.append([])
        elif self.inside and tag in ("th", "td"):
            self.rows[-1].append("")

    def handle_data(self, text):
        if self.inside and self.rows and self.rows[-1]:
            self.rows[-1][-1] += text

    def handle_endtag(self, tag):
        self.inside = self.inside and tag != "table"


def check_rows(html):
    """The rows of all tables of checks in HTML, their heads among them."""
    parser = Cells()
    parser.feed(html)
    return parser.rows
