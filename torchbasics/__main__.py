"""The course: each lesson tells its idea, shows its numbers, and checks them."""

from collections.abc import Sequence
from pathlib import Path

from torchbasics.command import runs
from torchbasics.command.errors import command, run
from torchbasics.command.files import free_place
from torchbasics.command.output import visible
from torchbasics.command.terminal import SafeConsole, make_console, paged
from torchbasics.device import cpu_threads
from torchbasics.lessons import LESSONS, prose
from torchbasics.lessons.checks import Check
from torchbasics.lessons.options import WORDS, Options, parse
from torchbasics.lessons.prose import Language
from torchbasics.lessons.render import guide, terminal

VALUED = ("--runs-dir", "--data-dir", "--config")
"""Options after which a lesson's name is no lesson."""
NO_LAB = ("--check", "--section", "--ask", "--html", "--notebook")
"""Options with which the vanishing lesson is told as any other: the lab trains not."""


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Tell the lessons asked for, or the menu; return 1 if a number is wrong."""
    argv = argv or []
    named = [
        at
        for at, word in enumerate(argv)
        if word in LESSONS and argv[at - 1].replace("_", "-") not in VALUED
    ]
    others = {word.partition("=")[0] for word in argv} & {*NO_LAB, *WORDS}
    if [argv[at] for at in named] == ["vanishing"] and not others:
        from torchbasics.lessons import vanishing  # noqa: PLC0415 - torch.optim is slow

        return vanishing.main([*argv[: named[0]], *argv[named[0] + 1 :]])
    options = parse(argv, __doc__ or "")
    return run_course(make_console(), options, prose.language(options.lang))


def run_course(console: SafeConsole, options: Options, lang: Language) -> int:
    """Tell what was asked for; the command's exit status."""
    first, *rest = options.words or ("",)
    if options.html or options.notebook:
        return write_files(console, options, lang)
    if not (first or options.check or options.figures):
        guide.print_menu(console, lang)
    elif first in ("glossary", "exercises"):
        with paged(console, wanted=options.pager):
            if first == "glossary":
                guide.print_glossary(console, " ".join(rest), lang)
            else:
                guide.print_exercises(console, options.lessons, lang)
    else:
        return run_lessons(console, options, lang)
    return 0


def write_files(console: SafeConsole, options: Options, lang: Language) -> int:
    """Write the lessons as a notebook, a page, or both: all, or nothing is begun."""
    wanted = {".ipynb": options.notebook, ".html": options.html}
    checks = list[Check]()
    if options.notebook:
        from torchbasics.lessons import notebook  # noqa: PLC0415 - matplotlib is slow

        notebook.require_packages()
    places = {
        suffix: free_place(name, suffix, force=options.force)
        for suffix, name in wanted.items()
        if name
    }
    if options.notebook:
        notebook.write(places[".ipynb"], options.lessons, lang, options.runs_dir)
        say_where(console, "notebook", places[".ipynb"], lang)
    if options.html:
        from torchbasics.lessons import figures  # noqa: PLC0415 - matplotlib is slow
        from torchbasics.lessons.render import page  # noqa: PLC0415 - and the network

        checks = page.write(places[".html"], options.lessons, lang)
        if figures.drawable(lang) != lang:
            console.print(prose.read("course", lang).words["no_font"])
        say_where(console, "page", places[".html"], lang)
    return terminal.print_summary(console, checks, lang)


def say_where(console: SafeConsole, text: str, path: Path, lang: Language) -> None:
    """Say where a file is, in the words of that text."""
    where = prose.read(text, lang).words["where"].format(path=visible(path))
    console.print(where, soft_wrap=True)


def run_lessons(console: SafeConsole, options: Options, lang: Language) -> int:
    """Tell or check the lessons; the command's exit status."""
    checks = list[Check]()
    for name in options.lessons:
        checks += run_lesson(console, name, options, lang)
    if options.figures:
        draw(console, options.lessons, lang, options.runs_dir)
    status = terminal.print_summary(console, checks, lang)
    if not options.check:
        last, section, ask = options.lessons[-1], options.section, options.ask
        guide.print_next(console, last, lang, section=section, ask=ask)
    return status


def run_lesson(
    console: SafeConsole, name: str, options: Options, lang: Language
) -> list[Check]:
    """Tell or check a lesson; its numbers. The lab trains where it was asked for."""
    section, ask, pager = options.section, options.ask, options.pager
    in_part = options.check or ask or section
    if name == "vanishing" and name in options.words and not in_part:
        from torchbasics.lessons import vanishing  # noqa: PLC0415 - torch.optim is slow
        from torchbasics.lessons.lab.networks import LabConfig  # noqa: PLC0415

        return vanishing.run_lab(LabConfig(lang=lang, runs_dir=options.runs_dir))
    with cpu_threads(1):  # small matrices: a second thread only waits
        if options.check:
            return terminal.print_checks(console, name, lang)
        with paged(console, wanted=pager and not ask):
            checks = terminal.print_lesson(
                console, name, lang, section=section, ask=ask, pager=pager
            )
    if not section:
        guide.print_exercises(console, [name], lang)
    return checks


def draw(
    console: SafeConsole, names: Sequence[str], lang: Language, runs_dir: str
) -> None:
    """Each lesson's figures as PNG in a new run folder."""
    from torchbasics.lessons import figures  # noqa: PLC0415 - matplotlib is slow

    if figures.drawable(lang) != lang:
        console.print(prose.read("course", lang).words["no_font"])
    folder = runs.create(runs_dir, "course", names[0] if len(names) == 1 else "lessons")
    for name in (figure for lesson in names for figure in figures.of(lesson)):
        path = folder / f"{name}.png"
        figures.draw(name, lang, path)
        console.print(visible(path), soft_wrap=True)


if __name__ == "__main__":
    run(main)
