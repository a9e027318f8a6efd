"""What the course's command line may say, and which of it goes together."""

from collections.abc import Sequence
from itertools import islice
from typing import Annotated, Literal

from tyro.conf import FlagCreatePairsOff, Positional, arg

from torchbasics.command import cli, settings
from torchbasics.command.errors import UserError
from torchbasics.lessons import LESSONS, prose
from torchbasics.lessons.render import guide

WORDS = ("all", "exercises", "glossary")
"""What may be asked for in the place of a lesson."""


class Options(settings.Settings):
    """What to tell, in which language, and how."""

    words: Annotated[Positional[tuple[str, ...]], arg(metavar="[WHAT ...]")] = ()
    """lessons, all, exercises [LESSON], or glossary [TERM]; without, the menu"""
    lang: Literal["auto", "en", "ko"] = "auto"
    """language, auto: the environment's"""
    section: int = 0
    """only this section of the lesson, 0: all"""
    ask: FlagCreatePairsOff[bool] = False
    """ask what each table will show before it is computed"""
    check: FlagCreatePairsOff[bool] = False
    """only check the numbers; exit status 1 if one is wrong"""
    figures: FlagCreatePairsOff[bool] = False
    """also draw each lesson's figure, as PNG, into a run folder"""
    html: str = ""
    """write these lessons as one page: NAME.html"""
    notebook: str = ""
    """write these lessons as a notebook: a file, NAME.ipynb"""
    force: FlagCreatePairsOff[bool] = False
    """replace the page or notebook if it is there already"""
    pager: bool = True
    """show by the page what is long, where a person reads it"""
    runs_dir: str = "runs"
    """folder of figures and of runs, where some are made"""

    @property
    def lessons(self) -> tuple[str, ...]:
        """The lessons that are meant: those named, or all."""
        named = self.words[1:] if self.words[:1] == ("exercises",) else self.words
        return LESSONS if named in ((), ("all",)) else named


def parse(argv: Sequence[str], about: str) -> Options:
    """The options of a command line. Raises UserError for what there is not."""
    about = f"{about}\n\nLessons, in order: {', '.join(LESSONS)}."
    argv = _words_first(argv)
    options = cli.parse_options(Options(), argv, prog=guide.PROGRAM, about=about)
    first = options.words[0] if options.words else ""
    aside = first in ("exercises", "glossary")
    written = options.html or options.notebook
    whole = options.check or written
    if (options.ask or options.section) and (whole or aside or not first):
        raise UserError(
            "--ask and --section want a lesson's name, and no --check, --html or "
            "--notebook"
        )
    if aside and (whole or options.figures):
        raise UserError(f"{first} takes no --check, --html, --notebook or --figures")
    if written and (options.check or options.figures):
        raise UserError("--html and --notebook take no --check and no --figures")
    if options.force and not written:
        raise UserError("--force wants --html or --notebook: nothing else is replaced")
    if first != "glossary":
        _require_lessons(options)
    return options


def _words_first(argv: Sequence[str]) -> list[str]:
    """The words, then the options: tyro wants words side by side."""
    fields = Options.model_fields.items()
    valued = {name for name, field in fields if field.annotation is not bool}
    words, options, rest = list[str](), list[str](), iter(argv)
    for word in rest:
        is_option = word.startswith("-") and word != "-"
        (options if is_option else words).append(word)
        if is_option and word.lstrip("-").replace("-", "_") in valued:
            options += islice(rest, 1)
    return words + options


def _require_lessons(options: Options) -> None:
    """Raise UserError unless each lesson is one, named once, and the section there."""
    named = options.lessons
    for name in named:
        if name not in LESSONS:
            raise UserError(
                f"there is no lesson {name!r}; there are {', '.join(LESSONS)}; all "
                "stands alone for every lesson, exercises and glossary come first"
            )
        if named.count(name) > 1:
            raise UserError(f"{name} is named twice")
    if options.section and len(named) != 1:
        raise UserError("--section wants one lesson's name")
    sections = prose.read(named[0], prose.language(options.lang)).sections()
    if options.section and not 1 <= options.section <= len(sections):
        listed = f"{named[0]} has no section {options.section}; there are "
        raise UserError(listed + guide.listed(sections))
