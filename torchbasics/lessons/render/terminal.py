"""Lessons in a terminal: prose, and in their places the items of each part."""

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain

from rich import box, table
from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.text import Text

from torchbasics.command import terminal
from torchbasics.command.output import visible
from torchbasics.command.terminal import SafeConsole
from torchbasics.lessons import checks, parts_of, prose
from torchbasics.lessons.checks import Check, Item, Part, Words, checks_of, grouped
from torchbasics.lessons.prose import Language
from torchbasics.lessons.questions import question


def print_lesson(
    console: SafeConsole,
    name: str,
    lang: Language,
    parts: Sequence[Part] = (),
    *,
    section: int = 0,
    ask: bool = False,
    pager: bool = True,
) -> list[Check]:
    """The lesson, or one section: prose, with its parts where it has places for them.

    With `ask`, each part is computed once the learner has guessed what it will show,
    and is shown together with what is to be said of the guess.
    """
    lesson = prose.read(name, lang)
    told = lesson.sections()[section - 1] if section else lesson
    named = {part.__name__: part for part in parts or parts_of(name)}
    numbers: list[Check] = []
    paged = partial(terminal.paged, console, wanted=ask and pager)
    for markdown, part in told.pieces():
        with paged():
            console.print(Markdown(markdown))
        if part:
            said = ask_before(console, part, lesson.words) if ask else ""
            with paged(prompt=lesson.words["go on"] if ask else ""):
                console.print(said)
                items = list(named[part](lesson.words))
                console.print(render(items, lesson.words))
            numbers += checks_of(items)
    console.print()
    return numbers


def ask_before(console: SafeConsole, part: str, words: Words) -> str:
    """Ask what a part will show; what is to be said of the learner's number."""
    asked = question(part, words)
    if asked is None:
        return ""
    console.print(Text(f"\n{asked.text}", "bold cyan"))
    reply = terminal.reply("> ")
    verdict = {True: "guessed", False: "not guessed", None: "no guess"}
    said = words[verdict[asked.is_right(reply)]]
    return said.format(reply=visible(reply.strip()), answer=asked.answer)


def print_checks(console: SafeConsole, name: str, lang: Language) -> list[Check]:
    """Only the lesson's checked numbers, each with its source."""
    words = prose.read(name, lang).words
    numbers = checks_of(chain(*(part(words) for part in parts_of(name))))
    console.print(Text(words["title"], "bold"))
    console.print(checks_table(numbers, words, sources=True))
    return numbers


def print_summary(
    console: SafeConsole, numbers: Sequence[Check], lang: Language
) -> int:
    """Say how many numbers are right, and name those that are not; 1 if there are."""
    words = prose.read("course", lang).words
    wrong = [check for check in numbers if not check.passed]
    for check in wrong:
        console.print(Text(f"✗ {check.name}", "bold red"))
    total = sum(len(check.expected) for check in numbers)
    right = total - sum(len(check.expected) for check in wrong)
    if total:
        told = words["conclusion"].format(right=right, total=total)
        console.print(told, soft_wrap=True)
    return 1 if wrong else 0


def render(items: Iterable[Item], words: Words) -> RenderableType:
    """A part as the lesson shows it: checks that follow each other in one table."""
    return Group(
        *(
            checks_table(one, words) if isinstance(one, list) else rendered(one)
            for one in grouped(items)
        )
    )


def rendered(item: Item) -> RenderableType:
    """One item that is no check."""
    match item:
        case checks.Table(headers, rows):
            shown = grid(*headers)
            for row in rows:
                shown.add_row(*map(Text, row))
            return shown
        case checks.Answer():
            return Group(terminal.Answer(item.image, item.probs, item.text), "")
        case checks.Images(images):
            return terminal.SideBySide(images)
        case checks.Listing(text) | checks.Paragraph(text):
            return Text(text)
    raise TypeError(f"{item!r} is no item of a lesson")


def checks_table(
    group: Iterable[Check], words: Words, *, sources: bool = False
) -> table.Table:
    """The checks, a line each: name, the source's numbers, ours, and whether equal."""
    shown = grid("", words["expected"], words["computed"], "")
    if sources:
        shown.add_column(words["source"], overflow="fold")
    for check in group:
        *cells, mark, source = check.cells(words)
        marked = Text(mark, "green" if check.passed else "bold red")
        shown.add_row(*cells, marked, *[source] * sources)
    return shown


def grid(*headers: str) -> table.Table:
    """An empty table in the style of the course."""
    empty = table.Table(box=box.SIMPLE_HEAD, header_style="dim", pad_edge=False)
    for header in headers:
        empty.add_column(header, overflow="fold")
    return empty
