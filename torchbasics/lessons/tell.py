"""How a lesson is told: its prose, and in their places the parts that it computes."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Sequence
from itertools import chain

from rich.markdown import Markdown

from torchbasics.lessons import LESSONS, find, prose
from torchbasics.lessons.checks import (
    Check,
    Part,
    checks_of,
    checks_table,
    grid,
    shown,
)
from torchbasics.lessons.prose import Language
from torchbasics.terminal import LastingConsole

WIDTH = 88  # longer lines are tiring to read


def a_console() -> LastingConsole:
    """Where lessons are printed: not too wide, no colour but what they ask for."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="plain")  # no letter may stop a lesson
    console = LastingConsole(highlight=False)
    console.width = min(console.width or WIDTH, WIDTH)
    return console


def show_contents(console: LastingConsole, lang: Language) -> None:
    """List the lessons, each with its idea."""
    table = grid("", "", "")
    table.show_header = False
    for name in LESSONS:
        words = prose.read(name, lang).words
        table.add_row(f"[bold]{name}", words["title"], words["summary"])
    console.print(table)


def tell(
    console: LastingConsole, name: str, lang: Language, parts: Sequence[Part] = ()
) -> list[Check]:
    """The lesson: prose, with its parts where it has places for them."""
    lesson = prose.read(name, lang)
    named = {part.__name__: part for part in parts or find(name)}
    checks: list[Check] = []
    for markdown, part in lesson.pieces():
        console.print(Markdown(markdown))
        if part:
            items = list(named[part](lesson.words))
            console.print()
            console.print(shown(items, lesson.words))
            checks += checks_of(items)
    console.print()
    return checks


def recite(console: LastingConsole, name: str, lang: Language) -> list[Check]:
    """Only the lesson's checked numbers, each with its source."""
    words = prose.read(name, lang).words
    checks = checks_of(chain(*(part(words) for part in find(name))))
    console.print(f"[bold]{words['title']}[/]")
    console.print(checks_table(checks, words, sources=True))
    return checks


def conclude(console: LastingConsole, checks: Iterable[Check], lang: Language) -> int:
    """Say how many numbers are right, and name those that are not; 1 if there are."""
    words = prose.read("course", lang).words
    checks = list(checks)
    wrong = [check for check in checks if not check.passed]
    for check in wrong:
        console.print(f"[bold red]✗ {check.name}")
    total = sum(len(check.expected) for check in checks)
    right = total - sum(len(check.expected) for check in wrong)
    console.print(words["conclusion"].format(right=right, total=total), soft_wrap=True)
    return 1 if wrong or console.lost else 0
