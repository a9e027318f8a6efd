"""The networks that a page shows, and where the page goes."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator
from torch import Tensor
from tyro.conf import Positional

from torchbasics.command.errors import UserError
from torchbasics.command.files import misnamed, require_writable, write_named
from torchbasics.command.output import visible
from torchbasics.command.page import page
from torchbasics.command.settings import Settings
from torchbasics.mnist import network
from torchbasics.mnist.network import SHIPPED, DataDir, Network, RunName, RunsDir


def _page_name(name: str) -> str:
    if name and (said := misnamed(name, ".html")):
        raise ValueError(said)
    return name


PageName = Annotated[str, AfterValidator(_page_name)]


class Subject(NamedTuple):
    """A network that a page shows: its name there, and its run's folder, if any."""

    name: str
    folder: Path | None
    network: Network
    step: int

    def logits(self, images: Tensor) -> Tensor:
        """Its scores. UserError unless finite. Shape: (N, 28, 28) -> (N, 10)."""
        logits = self.network.logits(images)
        if not logits.isfinite().all():
            raise UserError(f"{self.name}: what it makes of the digits is not finite")
        return logits


class PageOptions(Settings):
    """Which runs a page shows, and where it goes."""

    run: Positional[RunName] = "latest"
    beside: Positional[str] = ""
    """another, to stand beside it"""
    out: PageName = ""
    """file to write; else one in RUN's folder"""
    runs_dir: RunsDir = "runs"
    data_dir: DataDir = "auto"

    def find(self) -> list[Subject]:
        """The runs that are named."""
        names = filter(None, (self.run, self.beside))
        return [find(name, self.runs_dir) for name in names]

    def place(self, form: Path, subjects: Sequence[Subject]) -> Path:
        """Where the page of that form goes: that of two runs in no place of one's."""
        names, folder = [subject.name for subject in subjects], subjects[0].folder
        parts = [] if folder and len(names) == 1 else names
        parts = [form.stem, *(re.sub(r"[^\w.-]+", "-", part)[:80] for part in parts)]
        path = Path(self.out or (folder or Path()) / f"{'-'.join(parts)}.html")
        require_writable(path)
        return path


def write_page(
    path: Path,
    form: Path,
    title: str,
    subjects: Sequence[Subject],
    shown: dict[str, Any],
) -> None:
    """Put a page about these networks there."""
    names = " beside ".join(subject.name for subject in subjects)
    write_named(path, page(form, f"{title}: {names}", shown))


def find(run: str, runs_dir: str = "runs") -> Subject:
    """What `network.load` finds, as the subject of a page."""
    path, checkpoint = network.find_checkpoint(run, runs_dir)
    found, step = network.from_checkpoint(path, checkpoint), checkpoint.metadata["step"]
    if run in SHIPPED:
        return Subject(run, None, found, step)
    folder = path.parent.parent
    return Subject(visible(folder.resolve().name), folder, found, step)
