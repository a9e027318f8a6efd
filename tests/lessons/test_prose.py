"""The words: two languages with the same keys, places and commands."""

import re
import sys
from doctest import DocTestParser
from inspect import getmembers, isroutine, signature

import pytest
import torch

from torchbasics.lessons import LESSONS, parts_of, prose
from torchbasics.lessons.checks import Check, Listing, Table
from torchbasics.lessons.exercises import EXERCISES
from torchbasics.lessons.exercises.judge import judge
from torchbasics.lessons.exercises.mistakes import DERIVED, VAGUE, own

FILES = sorted(path.stem for path in (prose.TEXT / "en").glob("*.md"))

UNLABELLED = {"mistakes", "glossary", "exercises", "replies"}


def body(name, lang):
    return (prose.TEXT / lang / f"{name}.md").read_text(encoding="utf-8")


def test_each_file_exists_in_both_languages():
    assert set(LESSONS) | {"course", "mistakes"} <= set(FILES)
    assert sorted(path.stem for path in (prose.TEXT / "ko").glob("*.md")) == FILES


@pytest.mark.parametrize("name", sorted(set(FILES) - UNLABELLED))
def test_both_languages_have_the_same_labels_with_the_same_places(name):
    english, korean = (prose.read(name, lang).words for lang in ("en", "ko"))
    assert english.keys() == korean.keys()
    for key, text in english.items():
        assert text
        assert korean[key]
        places = [sorted(re.findall(r"\{\w+\}", t)) for t in (text, korean[key])]
        assert places[0] == places[1], key


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_no_label_and_no_heading_is_there_twice_of_which_one_would_win(name, lang):
    text = body(name, lang)
    head = text.split("---\n", 2)[1] if text.startswith("---\n") else ""
    labels = [line.partition(": ")[0] for line in head.splitlines()]
    keys = labels + re.findall(r"^## (\S+)$", text, re.M) * (not head)
    assert sorted(keys) == sorted(set(keys))


@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_no_label_of_a_lesson_hides_one_that_all_lessons_share(lesson, lang):
    """A failed check says `wrong`, and it does so in the lesson of wrong readings."""
    shared = prose.read("course", lang).words
    assert shared.items() <= prose.read(lesson, lang).words.items()


@pytest.mark.parametrize("lesson", LESSONS)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_a_lesson_has_a_place_for_each_of_its_parts(lesson, lang):
    pieces = list(prose.read(lesson, lang).pieces())
    places = [part for _, part in pieces if part]
    assert places == [part.__name__ for part in parts_of(lesson)]
    first = parts_of(lesson)[0]
    home = getattr(first, "__self__", sys.modules[first.__module__])
    routines = [(n, f) for n, f in getmembers(home, isroutine) if n[0] != "_"]
    parts = [n for n, f in routines if [*signature(f).parameters] == ["words"]]
    assert sorted(parts) == sorted(places)


def snippets(lesson, lang):
    """What a reader is asked to type, without comments and the language."""
    sources = [e.source for e in DocTestParser().get_examples(body(lesson, lang))]
    assert sources
    return [re.sub(r"\s*#.*|, lang=\"ko\"", "", source) for source in sources]


@pytest.mark.parametrize("lesson", LESSONS)
def test_both_languages_show_the_same_code_but_for_comments(lesson):
    assert snippets(lesson, "en") == snippets(lesson, "ko")


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_code_works_as_it_is_typed(lesson, capsys):
    names: dict = {}
    for source in snippets(lesson, "ko"):
        exec(compile(source, lesson, "single"), names)
    assert capsys.readouterr().out
    assert re.search(r"^    \.\.\.$", body(lesson, "en"), re.M)  # ends each def


@pytest.mark.parametrize("lang", ["en", "ko"])
@pytest.mark.parametrize("name", FILES)
def test_code_fits_80_columns(name, lang):
    for line in body(name, lang).splitlines():
        if line.startswith("    "):
            assert len(line) - 4 + len(re.findall("[가-힣]", line)) <= 78, line


SLOW = {"xor", "folded", "curve"}
SHOWN = [
    (lesson, part)
    for lesson in LESSONS
    if lesson not in ("vanishing", "digits")
    for part in parts_of(lesson)
    if part.__name__ not in SLOW
]
CODE = {
    "NAND", "None", "step", "sigmoid", "tanh", "relu", "leaky", "gelu", "identity",
    "softmax", "scores", "large", "torch", "numpy", "ndim", "shape", "hidden",
    "logits", "weight", "bias", "Linear", "autograd", "optim",
}  # fmt: skip


def said(item):
    """The words of a part's item, as a lesson shows it, but for PyTorch's own error."""
    match item:
        case Check(name=name):
            return name
        case Table(headers, rows):
            return " ".join([*headers, *(cell for row in rows for cell in row)])
        case Listing(text):
            return re.sub(r"^ *torch: .*$", "", text, flags=re.M)
    return ""


@pytest.mark.slow
@pytest.mark.parametrize(("lesson", "part"), SHOWN)
def test_no_english_is_left_among_korean_numbers(lesson, part):
    words = prose.read(lesson, "ko").words
    for item in part(words):
        english = set(re.findall(r"[A-Za-z]{4,}", said(item)))
        assert english <= CODE, said(item)


def test_each_mistake_is_explained_and_no_other():
    known = {
        name
        for exercise in EXERCISES.values()
        for name in (*own(exercise), *DERIVED, *VAGUE)
    }
    for lang in ("en", "ko"):
        explained = prose.sections("mistakes", lang)
        assert explained.keys() == known
        assert all(len(text) > 8 for text in explained.values())


def test_each_exercise_has_its_call_its_task_and_hints_in_both_languages():
    english, korean = (prose.tasks(lang) for lang in ("en", "ko"))
    assert list(english) == list(korean) == list(EXERCISES)
    for name, task in english.items():
        other = korean[name]
        assert (task.call, task.hints[-1]) == (other.call, other.hints[-1])
        assert task.hints[-1].startswith(f"def {task.call}:")
        assert len(task.hints) == len(other.hints) >= 3
        for said in (task, other):
            assert all((said.shapes, said.text, *said.hints)), name
        assert not re.search("[가-힣]", str(task))
        assert all(re.search("[가-힣]", hint) for hint in other.hints[:-1])


def test_the_last_hint_of_each_exercise_is_right():
    for name, task in prose.tasks("en").items():
        names = {"torch": torch}
        exec(task.hints[-1], names)
        assert judge(EXERCISES[name], names[f"my_{name}"], "en").passed, name


def test_the_glossary_explains_the_same_words_in_both_languages():
    english, korean = (prose.glossary(lang) for lang in ("en", "ko"))
    assert list(english) == list(korean)
    assert len(english) >= 60
    for terms in (english, korean):
        names = [term.name.lower() for term in terms.values()]
        assert len(set(names)) == len(names)
        for key, term in terms.items():
            assert len(term.text) > 20, key
            assert all(term.also), key
    assert {
        key for key, term in korean.items() if not re.search("[가-힣]", term.text)
    } == set()


@pytest.mark.parametrize(
    ("environment", "lang"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "ko_KR.UTF-8"}, "ko"),
        ({"LC_ALL": "", "LC_MESSAGES": "ko_KR", "LANG": "C"}, "ko"),
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_language_is_the_environments(monkeypatch, environment, lang):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert prose.language("auto") == lang
    assert prose.language("en") == "en"
