"""The words of the course: Markdown in two languages, with places for numbers.

A lesson's file begins with labels, `key: text` a line, between two lines of `---`.
A line `{part}` in its body stands for that part of the lesson's module, a line
`{figure: name}` for a figure, where figures can be shown.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

Language = Literal["en", "ko"]

TEXT = Path(__file__).parent / "text"


class Prose(NamedTuple):
    """A lesson's labels, and its body in Markdown."""

    words: dict[str, str]
    body: str

    def pieces(self, *, figures: bool = False) -> Iterator[tuple[str, str]]:
        r"""Markdown and, after it, the name of a part ("" at the end).

        Where `figures` can be shown, these have places as well.

        >>> prose = Prose({}, "Look:\n\n{gates}\n\n{figure: planes}\n\nYes.")
        >>> list(prose.pieces())
        [('Look:', 'gates'), ('Yes.', '')]
        >>> list(prose.pieces(figures=True))[1]
        ('', 'figure: planes')
        """
        figure = r"^\{figure: .*\}\n+"
        body = self.body if figures else re.sub(figure, "", self.body, flags=re.M)
        split = re.split(r"^\{((?:figure: )?[\w-]+)\}$", body, flags=re.M)
        names = [*split[1::2], ""]
        for markdown, name in zip(split[0::2], names, strict=True):
            yield markdown.strip(), name

    def sections(self) -> list["Prose"]:
        r"""The body cut before each `## heading`: the lesson's sections, from 1 on.

        >>> [s.heading for s in Prose({}, "# 1. Gates\n...\n## XOR\n...").sections()]
        ['1. Gates', 'XOR']
        """
        bodies = re.split(r"^(?=## )", self.body.strip(), flags=re.M)
        return [Prose(self.words, body) for body in bodies]

    @property
    def heading(self) -> str:
        """The first line, if it is a heading, without its marks."""
        return self.body.strip().partition("\n")[0].lstrip("# ")


def read(lesson: str, lang: Language) -> Prose:
    """A lesson's prose, with the labels that all lessons share."""
    words, body = _split(lesson, lang)
    shared, _ = _split("course", lang)
    return Prose({**shared, **words}, body)


class Term(NamedTuple):
    """A word of the field: its name, what it is, in Markdown, and its other names."""

    name: str
    text: str
    also: tuple[str, ...]


class Task(NamedTuple):
    """An exercise in words: how it is called, with what, and hints, the vaguest first.

    The last hint is the answer, as code.
    """

    call: str
    shapes: str
    text: str
    hints: tuple[str, ...]


def sections(name: str, lang: Language) -> dict[str, str]:
    """The paragraphs of a file under their headings, `## key`."""
    return {key: " ".join(text.split()) for key, text in _under(name, lang).items()}


def glossary(lang: Language) -> dict[str, Term]:
    """The words of the course, by keys that both languages share.

    >>> glossary("en")["sgd"].also
    ('stochastic gradient descent',)
    """
    terms = {}
    for key, block in _under("glossary", lang).items():
        names, _, text = block.partition("\n")
        name, *also = names.split("; ")
        terms[key] = Term(name, " ".join(text.split()), tuple(also))
    return terms


def tasks(lang: Language) -> dict[str, Task]:
    """The exercises of all lessons, by name.

    >>> tasks("en")["or"].call
    'my_or(x1, x2)'
    """
    answers, found = _under("answers", ""), {}
    for name, block in _under("exercises", lang).items():
        head, *hints = re.split(r"^- ", block, flags=re.M)
        call, shapes, text = head.strip().split("\n", 2)
        said = (" ".join(hint.split()) for hint in hints)
        steps = (*said, answers[name].strip())
        found[name] = Task(call, shapes, " ".join(text.split()), steps)
    return found


def replies(lang: Language) -> dict[str, list[str]]:
    """By lesson, the answers to the questions at its end, in their order.

    >>> replies("en")["matrices"][0][:8]
    '(5, 50).'
    """
    return {
        lesson: [
            " ".join(one.split()) for one in re.split(r"^- ", block, flags=re.M)[1:]
        ]
        for lesson, block in _under("replies", lang).items()
    }


def language(choice: str = "auto") -> Language:
    """The language asked for; `auto` is Korean where the environment's locale is.

    >>> language("ko")
    'ko'
    """
    if choice == "auto":
        names = ("LC_ALL", "LC_MESSAGES", "LANG")
        choice = next(filter(None, map(os.environ.get, names)), "en")
    return "ko" if re.match(r"ko\b|ko_", choice) else "en"


def _split(name: str, lang: Language) -> tuple[dict[str, str], str]:
    """The labels at the head of a file, and what follows them."""
    _, head, body = _text(name, lang).split("---\n", 2)
    lines = (line.partition(": ") for line in head.splitlines())
    return {key: text for key, _, text in lines}, body


def _under(name: str, lang: Language | Literal[""]) -> dict[str, str]:
    """What stands in a file under each of its headings, `## key`."""
    split = re.split(r"^## (\S+)\n", _text(name, lang), flags=re.M)
    return dict(zip(split[1::2], split[2::2], strict=True))


def _text(name: str, lang: Language | Literal[""]) -> str:
    return (TEXT / lang / f"{name}.md").read_text(encoding="utf-8")
