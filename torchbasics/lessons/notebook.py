"""The course as a notebook: its text, cells that call the library, and exercises.

The code stands in `text/cells`, a block for each part of a lesson. A block of doctest
in a lesson's text is a cell, too.
"""

import re
from collections.abc import Iterator, Sequence
from doctest import DocTestParser, Example
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from torchbasics.command.errors import UserError
from torchbasics.command.files import write_named
from torchbasics.lessons import LESSONS, figures, prose
from torchbasics.lessons.exercises import names
from torchbasics.lessons.prose import Language

if TYPE_CHECKING:
    from nbformat import NotebookNode

NEEDED = ("nbformat", "nbclient", "ipykernel")
RUNS_DIR = "runs"  # as the cells have it
METADATA = {
    "kernelspec": {"name": "python3", "display_name": "Python 3"},
    "language_info": {"name": "python"},
}


def require_packages() -> None:
    """Raise UserError where a package is missing that only notebooks need."""
    if not all(map(find_spec, NEEDED)):
        raise UserError(
            "--notebook needs more packages: pip install 'torchbasics[notebook]'"
        )


def write(
    path: Path, lessons: Sequence[str], lang: Language, runs_dir: str = RUNS_DIR
) -> None:
    """Put the notebook at `path`, whole or not at all. Raises UserError."""
    import nbformat  # noqa: PLC0415 - not everybody has it

    write_named(path, nbformat.writes(notebook(lessons, lang, runs_dir)).encode())


def notebook(
    lessons: Sequence[str], lang: Language, runs_dir: str = RUNS_DIR
) -> "NotebookNode":
    """Lessons as a notebook, its cells not yet run; their runs go into that folder."""
    import nbformat  # noqa: PLC0415 - not everybody has it

    v4: Any = nbformat.v4
    make = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell}
    place = f'"{runs_dir}"' if runs_dir == RUNS_DIR else ascii(runs_dir)
    cells = [
        make[cell.kind](
            cell.source.replace(f'"{RUNS_DIR}"', place), id=f"cell-{number}"
        )
        for number, cell in enumerate(course(lessons, lang), start=1)
    ]
    made: NotebookNode = v4.new_notebook(cells=cells, metadata=METADATA)
    return made


class Cell(NamedTuple):
    """A cell of the notebook. Its kind is what nbformat calls it."""

    kind: Literal["markdown", "code"]
    source: str


def course(lessons: Sequence[str], lang: Language) -> Iterator[Cell]:
    """How to use the notebook, the lessons, and after the last a training."""
    around, code = prose.read("notebook", lang), blocks("notebook")
    for markdown, name in around.pieces():
        if markdown:
            yield Cell("markdown", markdown)
        if name == "lessons":
            for lesson in lessons:
                yield from lesson_cells(lesson, lang)
            if LESSONS[-1] not in lessons:
                return
        elif name:
            yield Cell("code", code[name])


def lesson_cells(lesson: str, lang: Language) -> Iterator[Cell]:
    """The cells of a lesson. They need none of another lesson's to be run before.

    Its imports come after its first words.
    """
    opening, *cells = told(lesson, lang)
    yield opening
    yield Cell("code", f'{blocks(lesson)["imports"]}\n\nlang = "{lang}"')
    yield from cells
    yield from exercises(lesson, lang)


def told(lesson: str, lang: Language) -> Iterator[Cell]:
    """The text of a lesson; for each part the code that computes it; its figures.

    Of the figures those that move are left to the page.
    """
    code = blocks(lesson)
    code |= {
        f"figure: {name}": f'show_figure("{name}", lang)' for name in figures.FIGURES
    }
    for markdown, name in prose.read(lesson, lang).pieces(figures=True):
        for section in re.split(r"^(?=#+ )", markdown, flags=re.M):
            yield from typed(section)
        if name and (name in code or not name.startswith("figure: ")):
            yield Cell("code", code[name])


def typed(markdown: str) -> Iterator[Cell]:
    r"""A text, in which what is to be typed after >>> is a cell of its own.

    >>> list(typed("Add:\n\n    >>> 1 + 1\n    2\n"))
    [Cell(kind='markdown', source='Add:'), Cell(kind='code', source='1 + 1')]
    """
    pieces = [piece for piece in DocTestParser().parse(markdown) if piece]
    for kind, group in groupby(pieces, type):
        texts = (one.source if isinstance(one, Example) else one for one in group)
        if source := "".join(texts).strip():
            yield Cell("code" if kind is Example else "markdown", source)


def exercises(lesson: str, lang: Language) -> Iterator[Cell]:
    """What the reader is to write: the task, and a function with a gap in it."""
    words = prose.read("notebook", lang).words
    yield Cell("markdown", f"## {words['exercises']}\n\n{words['how']}")
    tasks = prose.tasks(lang)
    for name in names(lesson):
        task = tasks[name]
        function, _, _ = task.call.partition("(")
        yield Cell("markdown", f"**`{task.call}`**: {task.text}\n\n*{task.shapes}*")
        call = f"{lesson}.check({function}, lang=lang)"
        yield Cell("code", f"def {task.call}:\n    return ...\n\n\n{call}")


def blocks(name: str) -> dict[str, str]:
    """The blocks of code in a file, each under the word after its language."""
    text = (prose.TEXT / "cells" / f"{name}.md").read_text(encoding="utf-8")
    found = re.findall(r"^```python (\w+)\n(.*?)\n```$", text, flags=re.M | re.S)
    return dict(found)
