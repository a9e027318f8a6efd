"""The way through the course, in a terminal: menu, exercises, glossary, what next."""

import re
import unicodedata
from collections.abc import Sequence
from difflib import get_close_matches

from rich.markdown import Markdown
from rich.padding import Padding
from rich.text import Text

from torchbasics.command.errors import UserError
from torchbasics.command.terminal import SafeConsole
from torchbasics.lessons import LESSONS, progress, prose
from torchbasics.lessons.checks import Words
from torchbasics.lessons.exercises import names
from torchbasics.lessons.prose import Language, Prose, Task, Term
from torchbasics.lessons.render.terminal import grid

PROGRAM = "python -m torchbasics"


def print_menu(console: SafeConsole, lang: Language) -> None:
    """The lessons, each with its idea, how far one has come, and what to type next."""
    words, solved = prose.read("course", lang).words, progress.solved()
    console.print(Text(words["course"], "bold"))
    contents = grid("", "", "", words["solved"])
    contents.box = None  # all of it fits on 24 lines
    for number, name in enumerate(LESSONS, start=1):
        lesson, of = prose.read(name, lang).words, names(name)
        idea = Text.assemble((lesson["title"], "bold"), "  ", lesson["summary"])
        done = len(solved.intersection(of))
        count = Text(f"{done}/{len(of)}", "green" if done == len(of) else "dim")
        contents.add_row(str(number), Text(name, "bold"), idea, count)
    console.print(contents)
    todo = [name for name in LESSONS if not solved.issuperset(names(name))]
    _print_commands(console, (todo or LESSONS)[0], lang)


def _print_commands(console: SafeConsole, lesson: str, lang: Language) -> None:
    """What one may type now."""
    words = prose.read("course", lang).words
    console.print(Text(f"\n{words['next']}", "bold"))
    commands = {
        lesson: "menu lesson",
        f"{lesson} --ask": "menu ask",
        f"exercises {lesson}": "menu exercises",
        "glossary gradient": "menu glossary",
        "all": "menu all",
    }
    lines = {typed(asked, lang): words[what] for asked, what in commands.items()}
    width = max(map(len, lines))
    for line, what in lines.items():
        told = Text.assemble(f"  {line:<{width}}  ", (what, "dim"))
        console.print(told, no_wrap=True)


def typed(asked: str, lang: Language) -> str:
    """What to type for it to be told in that language, here."""
    said = "" if prose.language() == lang else f" --lang {lang}"
    return f"{PROGRAM} {asked}{said}"


def print_exercises(
    console: SafeConsole, lessons: Sequence[str], lang: Language
) -> None:
    """The exercises of lessons: how each is called, with what, and a first hint."""
    words, tasks = prose.read("course", lang).words, prose.tasks(lang)
    solved = progress.solved()
    for lesson in lessons:
        title = prose.read(lesson, lang).words["title"]
        console.print(Text(words["exercises"].format(lesson=title), "bold"))
        for name in names(lesson):
            _print_task(console, tasks[name], words, done=name in solved)
        console.print()
    console.print(words["how to check"])
    call = tasks[names(lessons[0])[0]].call
    function, _, _ = call.partition("(")
    lines = words["judged"].format(lesson=lessons[0], call=call, function=function)
    console.print(Text("    " + lines.replace(" | ", "\n    ")))


def _print_task(console: SafeConsole, task: Task, words: Words, *, done: bool) -> None:
    mark = "  ✓" if done else ""
    console.print(Text.assemble((f"\n{task.call}", "bold"), (mark, "green")))
    first = words["hint"].format(number=1, total=len(task.hints), hint=task.hints[0])
    for text, style in ((task.text, ""), (task.shapes, "dim"), (first, "dim")):
        console.print(Padding(Text(text, style), (0, 0, 0, 2)))


def print_next(
    console: SafeConsole,
    lesson: str,
    lang: Language,
    *,
    section: int = 0,
    ask: bool = False,
) -> None:
    """What to type after a lesson, or after one of its sections, to go on likewise."""
    words = prose.read("course", lang).words
    sections = prose.read(lesson, lang).sections()
    if not section:
        console.print(f"{words['sections']} {listed(sections)}")
    following = ""
    if 0 < section < len(sections):
        following = f"{lesson} --section {section + 1}"
    elif lesson != LESSONS[-1]:
        following = LESSONS[LESSONS.index(lesson) + 1]
    following += " --ask" if following and ask else ""
    command = typed(following, lang) if following else f"{PROGRAM}.mnist"
    console.print()
    console.print(Text.assemble((words["next"], "bold"), " ", command))


def listed(sections: Sequence[Prose]) -> str:
    r"""The sections of a lesson with their numbers.

    >>> listed(Prose({}, "# 3. Gates\n## XOR\n").sections())
    '1 Gates; 2 XOR'
    """
    headings = (re.sub(r"^\d+\. ", "", section.heading) for section in sections)
    return "; ".join(f"{i} {heading}" for i, heading in enumerate(headings, start=1))


def print_glossary(console: SafeConsole, asked: str, lang: Language) -> None:
    """A word explained, or all. Raises UserError if there is no such word."""
    other: Language = "en" if lang == "ko" else "ko"
    found = explained(asked, lang) or explained(asked, other)
    if not found:
        known = [
            name for term in prose.glossary(lang).values() for name in names_of(term)
        ]
        close = get_close_matches(asked, known, n=1)
        instead = (
            f"; did you mean {close[0]!r}?"
            if close
            else "; without a word it lists all"
        )
        raise UserError(f"the glossary has no {asked!r}{instead}")
    for term in found:
        also = (f"  {', '.join(term.also)}" if term.also else "", "dim")
        console.print(Text.assemble((term.name, "bold"), also))
        console.print(Padding(Markdown(term.text), (0, 0, 1, 2)))


def explained(asked: str, lang: Language) -> list[Term]:
    """The terms of that key or, if there is none, of that name; all for ""."""
    terms = prose.glossary(lang)
    if asked in terms:
        return [terms[asked]]
    wanted = plain(asked)
    return [
        term
        for term in terms.values()
        if not asked or wanted in map(plain, names_of(term))
    ]


def names_of(term: Term) -> tuple[str, ...]:
    """All names of a term."""
    return (term.name, *term.also)


def plain(name: str) -> str:
    """A name as it is compared: without case, hyphens, blanks, and as one types it.

    >>> plain("One-cycle") == plain("one cycle") == plain("one_cycle")
    True
    """
    composed = unicodedata.normalize("NFKC", name)  # macOS takes Korean letters apart
    return re.sub(r"[-_\s]", "", composed).lower()
