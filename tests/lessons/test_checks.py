"""Checked numbers: what passes, what fails, and how many digits are shown."""

import math

import pytest
import torch
from rich.console import Console

from torchbasics.lessons import prose
from torchbasics.lessons.checks import Check, checks_table, shown

WORDS = prose.read("course", "en").words


def table_of(*checks, **options):
    console = Console(width=80)
    with console.capture() as capture:
        console.print(checks_table(checks, WORDS, **options))
    return capture.get()


@pytest.mark.parametrize(
    ("expected", "computed", "passed"),
    [
        ([1.0], [1.0 + 9e-7], True),
        ([1.0], [1.0 + 2e-6], False),
        ([1.0, 2.0], [1.0], False),
        ([1.0], [1.0, 1.0], False),
        ([], [1.0], False),
        ([math.nan], [math.nan], True),
        ([math.nan], [1.0], False),
        ([1.0], [math.nan], False),
        ([1.0], [math.inf], False),
        ([0.0, 1.0], torch.tensor([False, True]), True),
        ([0.5], torch.tensor([[0.5]]), True),
    ],
)
def test_numbers_pass_if_each_is_there_and_near(expected, computed, passed):
    assert Check("name", expected, computed, "source").passed is passed


def test_the_tolerance_is_the_checks_own():
    assert Check("pi", [3.14], [math.pi], "", 5e-3).passed
    assert not Check("pi", [3.14], [math.pi], "", 5e-4).passed


def test_a_table_shows_both_numbers_and_says_which_is_wrong():
    right, wrong = Check("a", [0.25], [0.25], "book"), Check("b", [0.5], [0.75], "book")
    text = table_of(right, wrong, sources=True)
    assert "✓" in text.splitlines()[3]
    assert text.splitlines()[4].split() == ["b", "0.5", "0.75", "✗", "wrong", "book"]
    assert "book" not in table_of(right)


@pytest.mark.parametrize(
    ("value", "tolerance", "text"),
    [
        (-0.19999999999999996, 1e-6, "-0.2"),
        (0.04312916, 2e-8, "0.04312916"),
        (4.5397869e-5, 5e-14, "4.53978690e-05"),
        (26.0, 1e-6, "26"),
        (100.0, 1e-6, "100"),
        (-1e-9, 1e-6, "-1e-09"),
        (math.nan, 1e-6, "nan"),
    ],
)
def test_as_many_digits_are_shown_as_the_tolerance_lets_one_trust(
    value, tolerance, text
):
    assert table_of(Check("x", [value], [value], "", tolerance)).split()[-2] == text


def test_what_is_no_check_is_shown_in_its_place():
    console = Console(width=80)
    items = [Check("first", [1], [1], ""), "between", Check("second", [2], [2], "")]
    with console.capture() as capture:
        console.print(shown(items, WORDS))
    words = capture.get().split()
    assert words.index("first") < words.index("between") < words.index("second")
