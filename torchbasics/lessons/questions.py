"""A question before a table: the learner guesses a number, then sees it computed.

They stand among the labels of a lesson, `ask PART: question -> answer`; the answer is
one number of the part, and `answer +- so much` counts what is near as right.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import NamedTuple

from torchbasics.lessons.checks import Words

NUMBER = re.compile(r"[-+]?[\d./_\s]{1,40}(e[-+]?\d{1,2})?", re.I)
"""What is read as a number: 1e999999999 would be one of a billion digits."""


class Question(NamedTuple):
    """What is asked before a part, and the number that answers it."""

    text: str
    answer: str
    tolerance: str = "0"

    def is_right(self, reply: str) -> bool | None:
        """Whether a reply is the answer; None if it is no number.

        A reply may be a fraction or a percentage, and is as exact as it is written.

        >>> asked = Question("How steep is the sigmoid at 0?", "0.25")
        >>> asked.is_right("1/4"), asked.is_right("25 %"), asked.is_right("0.3")
        (True, True, True)
        """
        said = number(reply)
        if said is None:
            return None
        unit, answer = _half_a_unit(reply), Fraction(self.answer)
        is_percentage = unicodedata.normalize("NFKC", reply).strip().endswith("%")
        return any(
            abs(said / parts - answer) <= max(Fraction(self.tolerance), unit / parts)
            for parts in ((1, 100) if is_percentage else (1,))
        )


def question(part: str, words: Words) -> Question | None:
    """What the lesson asks before a part, if it asks anything.

    >>> question("gates", {"ask gates": "NAND of (1,1)? -> 0"})
    Question(text='NAND of (1,1)?', answer='0', tolerance='0')
    """
    text, arrow, answer = words.get(f"ask {part}", "").rpartition(" -> ")
    if not arrow:
        return None
    answer, _, tolerance = answer.partition(" +- ")
    return Question(text, answer, tolerance or "0")


def number(reply: str) -> Fraction | None:
    """The number that somebody has typed; None if it is none.

    >>> number("9,721"), number("97.5 %"), number("1/4"), number("1e-3"), number("?")
    (Fraction(9721, 1), Fraction(195, 2), Fraction(1, 4), Fraction(1, 1000), None)
    """
    plain = _plain(reply)
    try:
        return Fraction(plain) if NUMBER.fullmatch(plain) else None
    except (ValueError, ZeroDivisionError):
        return None


def _plain(reply: str) -> str:
    """A number as Python spells it; a comma parts thousands, or is a decimal one.

    >>> [_plain(reply) for reply in ("9,721", "0,5", "½", "-3 %")]
    ['9721', '0.5', '1/2', '-3']
    """
    plain = unicodedata.normalize("NFKC", reply).strip().rstrip("% ")
    plain = plain.replace("\u2212", "-").replace("\u2044", "/")
    if re.fullmatch(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", plain):
        return plain.replace(",", "")
    return plain.replace(",", ".")


def _half_a_unit(reply: str) -> Fraction:
    """Half of what the last decimal of a reply counts; 0 for whole numbers."""
    decimals = re.search(r"\.(\d+)$", _plain(reply))
    return Fraction(1, 2 * 10 ** len(decimals[1])) if decimals else Fraction(0)
