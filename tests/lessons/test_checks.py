"""Checked numbers: what passes, what fails, and how many digits are shown."""

import math

import pytest
import torch

from torchbasics.lessons.checks import Check, Listing, checks_of


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
    assert Check("x", [value], [value], "", tolerance).text([value]) == text


def test_only_checks_are_checked_numbers():
    first, second = Check("first", [1], [1], ""), Check("second", [2], [2], "")
    assert checks_of([first, Listing("between"), second]) == [first, second]
