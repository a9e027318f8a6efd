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
THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?")
"""Where a comma parts thousands; elsewhere it is a decimal one."""


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
        typed = unicodedata.normalize("NFKC", reply).strip()
        plain = typed.rstrip("% ").replace("\u2212", "-").replace("\u2044", "/")
        plain = plain.replace(",", "" if THOUSANDS.fullmatch(plain) else ".")
        try:
            said = Fraction(plain) if NUMBER.fullmatch(plain) else None
        except (ValueError, ZeroDivisionError):
            said = None
        if said is None:
            return None
        decimals = re.search(r"\.(\d+)$", plain)
        half_a_unit = Fraction(1, 2 * 10 ** len(decimals[1])) if decimals else 0
        return any(
            abs(said / parts - Fraction(self.answer))
            <= max(Fraction(self.tolerance), Fraction(half_a_unit, parts))
            for parts in ((1, 100) if typed.endswith("%") else (1,))
        )


def question(part: str, words: Words) -> Question | None:
    """What the lesson asks before a part, if it asks anything.

    >>> question("gates", {"ask gates": "NAND of (1,1)? -> 0"})
    Question(text='NAND of (1,1)?', answer='0', tolerance='0')
    """
    text, arrow, answer = words.get(f"ask {part}", "").rpartition(" -> ")
    return Question(text, *answer.split(" +- ")) if arrow else None
