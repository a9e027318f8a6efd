"""The course: each lesson tells its idea, shows its numbers, and checks them."""

import sys
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field
from tyro.conf import FlagCreatePairsOff, Positional, arg

from torchbasics.command import cli, runs, settings
from torchbasics.command.errors import UserError, command, run
from torchbasics.command.output import visible
from torchbasics.command.terminal import SafeConsole, make_console
from torchbasics.device import cpu_threads
from torchbasics.lessons import LESSONS, prose
from torchbasics.lessons.checks import Check
from torchbasics.lessons.prose import Language
from torchbasics.lessons.render.terminal import (
    print_checks,
    print_contents,
    print_lesson,
    print_summary,
)


class Options(settings.Settings):
    """Which lessons, in which language, and what of them."""

    lessons: Annotated[Positional[tuple[str, ...]], arg(metavar="[LESSON ...]")] = (
        Field((), description="lessons to run; all, in order, if none is named")
    )
    lang: Literal["auto", "en", "ko"] = Field(
        "auto", description="language, auto: the environment's"
    )
    check: FlagCreatePairsOff[bool] = Field(
        False, description="only check the numbers; exit status 1 if one is wrong"
    )
    figures: FlagCreatePairsOff[bool] = Field(
        False, description="also draw each lesson's figure, as PNG, into a run folder"
    )
    runs_dir: str = Field("runs", description="folder in which to put the figures")


VALUED = ("--runs-dir", "--data-dir", "--config")
"""Options after which a lesson's name is no lesson."""


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Tell the lessons asked for, or all; return 1 if a number is wrong."""
    argv = sys.argv[1:] if argv is None else argv
    named = [
        at
        for at, word in enumerate(argv)
        if word in LESSONS and argv[at - 1] not in VALUED
    ]
    if [argv[at] for at in named] == ["vanishing"] and "--check" not in argv:
        from torchbasics.lessons import vanishing  # noqa: PLC0415 - torch.optim is slow

        return vanishing.main([*argv[: named[0]], *argv[named[0] + 1 :]])
    return run_lessons(parse(argv))


def run_lessons(options: Options) -> int:
    """Tell or check the lessons; the command's exit status."""
    console = make_console()
    lang = prose.language(options.lang)
    if not options.lessons and not options.check:
        print_contents(console, lang)
    names = options.lessons or LESSONS
    checks = [check for name in names for check in run_lesson(name, options, console)]
    if options.figures:
        draw(console, names, lang, options.runs_dir)
    return print_summary(console, checks, lang)


def run_lesson(name: str, options: Options, console: SafeConsole) -> list[Check]:
    """Tell or check a lesson; its numbers. The lab trains where it was asked for."""
    lang = prose.language(options.lang)
    if name == "vanishing" and name in options.lessons and not options.check:
        from torchbasics.lessons import vanishing  # noqa: PLC0415 - torch.optim is slow
        from torchbasics.lessons.lab.networks import LabConfig  # noqa: PLC0415

        lab = LabConfig(lang=lang, runs_dir=options.runs_dir)
        return vanishing.run_lab(lab, name, console, lang)
    with cpu_threads(1):  # small matrices: a second thread only waits
        return (print_checks if options.check else print_lesson)(console, name, lang)


def parse(argv: Sequence[str]) -> Options:
    """The options of a command line. Raises UserError for a lesson there is not."""
    about = f"{__doc__ or ''}\n\nLessons, in order: {', '.join(LESSONS)}."
    options = cli.parse_options(
        Options(), argv, prog="python -m torchbasics", about=about
    )
    for name in options.lessons:
        if name not in LESSONS:
            raise UserError(
                f"there is no lesson {name!r}; there are {', '.join(LESSONS)}"
            )
    return options


def draw(
    console: SafeConsole, names: Sequence[str], lang: Language, runs_dir: str
) -> None:
    """Each lesson's figures as PNG in a new run folder."""
    from torchbasics.lessons import figures  # noqa: PLC0415 - matplotlib is slow

    drawn = [figure for lesson in names for figure in figures.of(lesson)]
    if not drawn:
        return  # a lab draws its own
    if figures.drawable(lang) != lang:
        console.print(prose.read("course", lang).words["no_font"])
    folder = runs.create(runs_dir, "course", names[0] if len(names) == 1 else "lessons")
    for name in drawn:
        path = folder / f"{name}.png"
        figures.draw(name, lang, path)
        console.print(visible(path), soft_wrap=True)


if __name__ == "__main__":
    run(main)
