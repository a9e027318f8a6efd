"""Questions before tables: each answer is one of its numbers; guesses are compared."""

import re

import pytest

from torchbasics.lessons import LESSONS, prose
from torchbasics.lessons.checks import Check, Listing, Table
from torchbasics.lessons.questions import Question, question

UNASKED = {("vanishing", "trained")}
"""What depends on the machine, and what only the lab knows."""


def numbers(item):
    """The numbers that an item shows."""
    match item:
        case Check():
            assert item.passed
            return [*item.expected]
        case Table(_, rows):
            text = " ".join(cell for row in rows for cell in row)
        case Listing(text):
            pass
        case _:
            return []
    found = re.findall(r"-?\d[\d,]*\.?\d*(?:e[+-]\d+)?", text)
    return [float(value.replace(",", "")) for value in found]


@pytest.mark.parametrize(
    "lesson",
    [
        pytest.param(
            n, marks=[pytest.mark.slow] * (n in ("learning", "vanishing", "digits"))
        )
        for n in LESSONS
    ],
)
def test_the_answer_to_each_question_is_a_number_of_the_part(course, lesson):
    words = prose.read(lesson, "en").words
    for part in course.parts_of(lesson):
        asked = question(part.__name__, words)
        if (lesson, part.__name__) in UNASKED:
            assert asked is None
            continue
        shown = [value for item in part(words) for value in numbers(item)]
        written = f"{asked.answer} {asked.tolerance}"
        assert any(asked.is_right(f"{value:.10g}") for value in shown), written


@pytest.mark.parametrize("lesson", LESSONS)
def test_both_languages_ask_the_same_numbers(lesson):
    english, korean = (prose.read(lesson, lang).words for lang in ("en", "ko"))
    asked = [key.removeprefix("ask ") for key in english if key.startswith("ask ")]
    assert len(asked) >= 4
    for part in asked:
        one, other = question(part, english), question(part, korean)
        assert one[1:] == other[1:]
        assert one.is_right(one.answer)
        assert one.text != other.text


@pytest.mark.parametrize(
    ("answer", "tolerance", "reply", "right"),
    [
        ("0", "0", "0", True),
        ("0", "0", " 0.0 ", True),
        ("0", "0", "1", False),
        ("0.25", "0", "1/4", True),
        ("0.25", "0", "25 %", True),
        ("0.25", "0", "26 %", False),
        ("0.99995", "0", "99.995\uff05", True),
        ("80.88", "5", "80 %", True),
        ("0.5", "0", "0,5", True),
        ("2.3026", "0", "2,30", True),
        ("1234", "0", "1,234", True),
        ("1.234", "0", "1,234", False),
        ("0.5", "0", "\u00bd", True),
        ("-3", "0", "\uff0d3", True),
        ("1", "0", "1,2,3", None),
        ("1", "0", "1.234,5", None),
        ("0.25", "0", ".25", True),
        ("0.928", "0", "0.93", True),
        ("0.928", "0", "0.94", False),
        ("9721", "150", "9,800", True),
        ("9721", "150", "97", False),
        ("9.54e-7", "1e-7", "1e-6", True),
        ("-3", "0.01", "\u22123", True),
        ("1", "0", "yes", None),
        ("1", "0", "", None),
        ("1", "0", "1/0", None),
        ("1", "0", "nan", None),
        ("1", "0", "inf", None),
        ("1", "0", "1e999999999", None),
        ("1", "0", "1e-999999999", None),
        ("1", "0", "1e99_999", None),
        ("1", "0", "9" * 5000, None),
        ("1", "0", "1_0", False),
        ("1", "0", "\x1b[31m1", None),
        ("1", "0", "\uff11", True),
    ],
)
def test_a_guess_is_as_exact_as_it_is_written(answer, tolerance, reply, right):
    assert Question("?", answer, tolerance).is_right(reply) is right
