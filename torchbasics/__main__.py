"""The course: each lesson tells its idea, shows its numbers, and checks them."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from itertools import chain
from typing import Annotated, Literal

import torch
from pydantic import Field
from rich.markdown import Markdown
from tyro.conf import FlagCreatePairsOff, Positional, arg

from torchbasics import runs, settings
from torchbasics.errors import UserError, command
from torchbasics.lessons import LESSONS, find, prose
from torchbasics.lessons.checks import Check, checks_of, checks_table, grid, shown
from torchbasics.lessons.prose import Language
from torchbasics.terminal import LastingConsole

WIDTH = 88  # longer lines are tiring to read


class Options(settings.Settings):
    """Which lessons, in which language, and what of them."""

    lessons: Annotated[Positional[tuple[str, ...]], arg(metavar="[LESSON ...]")] = (
        Field((), description="lessons to run; all, in order, if none is named")
    )
    lang: Literal["auto", "en", "ko"] = Field(
        "auto", description="language, auto: the environment's"
    )
    check: FlagCreatePairsOff[bool] = Field(
        False, description="only check the numbers; exit status 1 if one is wrong"
    )
    figures: FlagCreatePairsOff[bool] = Field(
        False, description="also draw each lesson's figure, as PNG, into a run folder"
    )
    runs_dir: str = Field("runs", description="folder in which to put the figures")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Tell the lessons asked for, or all; return 1 if a number is wrong."""
    about = f"{__doc__}\n\nLessons, in order: {', '.join(LESSONS)}."
    options = settings.parse_options(
        Options(), argv, prog="python -m torchbasics", about=about
    )
    for name in options.lessons:
        if name not in LESSONS:
            raise UserError(
                f"there is no lesson {name!r}; there is {', '.join(LESSONS)}"
            )
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # no letter may stop a lesson
    torch.set_num_threads(1)  # small matrices: a second thread only waits
    console = LastingConsole(highlight=False)
    console.width = min(console.width, WIDTH)
    lang = prose.language(options.lang)
    if not options.lessons and not options.check:
        show_contents(console, lang)
    show = recite if options.check else tell
    names = options.lessons or LESSONS
    checks = [check for name in names for check in show(console, name, lang)]
    if options.figures:
        draw(console, names, lang, options.runs_dir)
    return conclude(console, checks, lang)


def show_contents(console: LastingConsole, lang: Language) -> None:
    """List the lessons, each with its idea."""
    table = grid("", "", "")
    table.show_header = False
    for name in LESSONS:
        words = prose.read(name, lang).words
        table.add_row(f"[bold]{name}", words["title"], words["summary"])
    console.print(table)


def tell(console: LastingConsole, name: str, lang: Language) -> list[Check]:
    """The lesson: prose, with its parts where it has places for them."""
    lesson = prose.read(name, lang)
    parts = {part.__name__: list(part(lesson.words)) for part in find(name)}
    for markdown, part in lesson.pieces():
        console.print(Markdown(markdown))
        if part:
            console.print()
            console.print(shown(parts[part], lesson.words))
    console.print()
    return checks_of(chain(*parts.values()))


def recite(console: LastingConsole, name: str, lang: Language) -> list[Check]:
    """Only the lesson's checked numbers, each with its source."""
    words = prose.read(name, lang).words
    checks = checks_of(item for part in find(name) for item in part(words))
    console.print(f"[bold]{words['title']}[/]")
    console.print(checks_table(checks, words, sources=True))
    return checks


def draw(
    console: LastingConsole, names: Sequence[str], lang: Language, runs_dir: str
) -> None:
    """Each lesson's figure as a PNG in a new run folder."""
    from torchbasics.lessons import figures  # noqa: PLC0415 - matplotlib is slow

    if figures.drawable(lang) != lang:
        console.print(prose.read("course", lang).words["no_font"])
    folder = runs.create(runs_dir, "course", names[0] if len(names) == 1 else "lessons")
    for name in names:
        path = folder / f"{name}.png"
        figures.draw(name, lang, path)
        console.print(str(path), soft_wrap=True)


def conclude(console: LastingConsole, checks: Sequence[Check], lang: Language) -> int:
    """Say how many numbers are right, and name those that are not."""
    words = prose.read("course", lang).words
    total = sum(len(check.expected) for check in checks)
    wrong = [check for check in checks if not check.passed]
    for check in wrong:
        console.print(f"[bold red]✗ {check.name}")
    right = total - sum(len(check.expected) for check in wrong)
    console.print(words["conclusion"].format(right=right, total=total), soft_wrap=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
