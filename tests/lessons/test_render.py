"""Lessons in a terminal: each item in its place, and a verdict at the end."""

from typing import NamedTuple

import pytest
import torch
from rich.cells import cell_len
from rich.console import Console

from torchbasics.command.terminal import SafeConsole
from torchbasics.lessons import LESSONS, parts_of, prose
from torchbasics.lessons.checks import (
    Answer,
    Check,
    Images,
    Listing,
    Paragraph,
    Table,
    checks_of,
)
from torchbasics.lessons.render.terminal import (
    checks_table,
    print_checks,
    print_lesson,
    print_summary,
    render,
)

WORDS = prose.read("course", "en").words
RIGHT, WRONG = (
    Check("a", [0.25], [0.25], "book"),
    Check("b", [0.5, 1], [0.75, 1], "book"),
)
IMAGE = torch.zeros(28, 28, dtype=torch.uint8)
IMAGE[0, 0] = 255
PROBS = torch.eye(10)[7]


@pytest.fixture
def console():
    return SafeConsole(width=80, no_color=True)


def printed(*items, console=None):
    console = console or Console(width=80)
    with console.capture() as capture:
        console.print(render(items, WORDS))
    return capture.get()


def test_a_table_shows_both_numbers_and_says_which_is_wrong():
    console = Console(width=80)
    with console.capture() as capture:
        console.print(checks_table([RIGHT, WRONG], WORDS, sources=True))
    text = capture.get()
    assert "✓" in text.splitlines()[3]
    line = ["b", "0.5,", "1", "0.75,", "1", "✗", "wrong", "book"]
    assert text.splitlines()[4].split() == line
    assert "book" not in printed(RIGHT)


def test_what_is_no_check_is_shown_in_its_place():
    first, second = Check("first", [1], [1], ""), Check("second", [2], [2], "")
    words = printed(first, Listing("between"), second).split()
    assert words.index("first") < words.index("between") < words.index("second")
    assert words.count(WORDS["expected"]) == 2


def test_checks_that_follow_each_other_share_a_table():
    assert printed(RIGHT, WRONG).split().count(WORDS["expected"]) == 1


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (Table(("x", "y"), [("[b]1", "2")]), ["x", "y", "[b]1", "2"]),
        (Listing("[b]one   two\n  three"), ["[b]one   two\n  three"]),
        (Paragraph("some [i]words"), ["some [i]words"]),
        (Images(torch.stack([IMAGE, IMAGE])), ["▀" + " " * 31 + "▀"]),
        (Answer(IMAGE, PROBS, 7, "it is {answer}", ""), ["100.00 %", "it is 7\n"]),
        (Answer(IMAGE, PROBS, 1, "", "{answer} for {label}"), ["▀", "7 for 1\n"]),
    ],
)
def test_each_kind_of_item_is_shown_as_it_stands(item, shown):
    text = printed(item, console=Console(width=80, no_color=True))
    for part in shown:
        assert part in text


def test_a_kind_that_nobody_can_show_is_an_error():
    class Film(NamedTuple):
        text: str

    for item in (Film("moving"), "a text", None):
        with pytest.raises(TypeError, match="is no item of a lesson"):
            render([RIGHT, item], WORDS)


@pytest.mark.parametrize(
    ("checks", "status", "said"),
    [
        ([RIGHT], 0, "1 of 1 numbers are as they should be.\n"),
        ([RIGHT, WRONG], 1, "✗ b\n1 of 3 numbers are as they should be.\n"),
    ],
)
def test_the_summary_counts_numbers_and_names_the_wrong(console, checks, status, said):
    with console.capture() as capture:
        assert print_summary(console, checks, "en") == status
    assert capture.get() == said


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_prose_and_parts_take_turns(console, lang):
    """Parts may be given; a part's items stand right after the prose before it."""
    words = prose.read("matrices", lang).words

    def standing_in(part):
        def told(words):
            yield Listing(f"<{part.__name__}>")
            yield Check(part.__name__, [1], [1], words["source"])

        told.__name__ = part.__name__
        return told

    parts = [standing_in(part) for part in parts_of("matrices")]
    with console.capture() as capture:
        checks = print_lesson(console, "matrices", lang, parts)
    text = capture.get()
    assert [check.name for check in checks] == [part.__name__ for part in parts]
    pieces = list(prose.read("matrices", lang).pieces())
    places = [text.index(f"<{part}>") for _, part in pieces if part]
    assert places == sorted(places)
    assert words["title"] in text
    assert max(map(cell_len, text.splitlines())) <= 80


def test_only_the_checks_are_printed_where_only_they_are_asked_for(console):
    with console.capture() as capture:
        checks = print_checks(console, "perceptron", "en")
    every = [
        part(prose.read("perceptron", "en").words) for part in parts_of("perceptron")
    ]
    assert len(checks) == sum(len(checks_of(items)) for items in every)
    assert "textbook ch. 2" in capture.get()
    assert "│" not in capture.get()  # the planes


def test_every_lesson_has_parts_of_its_own():
    assert all(parts_of(name) for name in LESSONS)
