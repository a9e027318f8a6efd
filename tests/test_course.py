"""The course as a command: every number right, in two languages, on any terminal."""

import os
import re

import pytest
from helpers import full, only, python
from rich.cells import cell_len

from torchbasics import perceptron
from torchbasics.__main__ import main
from torchbasics.lessons import LESSONS
from torchbasics.lessons import perceptron as lesson

BOTH = pytest.mark.parametrize("lang", full("en", "ko"))
LONG = ("learning", "vanishing", "digits")


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@BOTH
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] * (n in LONG)) for n in LESSONS],
)
def test_each_number_of_a_lesson_is_right(course, name, lang, capsys):
    assert main([name, "--check", "--lang", lang]) == 0
    *_, last = capsys.readouterr().out.splitlines()
    right, total = sorted(map(int, re.findall(r"\d+", last)))
    assert right == total >= 10


@pytest.mark.slow
@BOTH
def test_more_than_120_numbers_are_right_and_random_state_is_left_alone(
    course, lang, capsys
):
    assert main(["--check", "--lang", lang]) == 0
    assert not course.disturbed
    *_, last = capsys.readouterr().out.splitlines()
    right, total = sorted(map(int, re.findall(r"\d+", last)))
    assert right == total >= 120


def test_a_wrong_number_is_named_and_fails(monkeypatch, capsys):
    monkeypatch.setattr(lesson, "NAND", perceptron.Perceptron([-0.5, -0.5], 0.9))
    assert main(["perceptron", "--check", "--lang", "en"]) == 1
    out = capsys.readouterr().out
    assert "✗ NAND: -0.5 x1 - 0.5 x2 + 0.7" in out
    right, total = map(int, re.findall(r"\d+", out.splitlines()[-1]))
    assert right < total
    assert main(["perceptron", "--lang", "en"]) == 1


@BOTH
def test_lessons_run_in_the_order_asked_for_within_80_columns(lang, capsys):
    assert main(["matrices", "perceptron", "--lang", lang]) == 0
    text = capsys.readouterr().out
    assert text.index("3. ") < text.index("1. ")
    assert "\x1b" not in text
    assert max(map(cell_len, text.splitlines())) <= 80


@pytest.mark.slow
def test_all_tells_all_lessons_in_order(course, capsys):
    assert main(["all", "--lang", "en"]) == 0
    text = capsys.readouterr().out
    places = [text.index(f" {number}. ") for number in range(1, len(LESSONS) + 1)]
    assert places == sorted(places)


def test_the_same_lesson_prints_the_same_twice(capsys):
    main(["perceptron", "--lang", "en"])
    once = capsys.readouterr().out
    main(["perceptron", "--lang", "en"])
    assert capsys.readouterr().out == once


def test_an_unknown_lesson_is_refused_with_the_list(capsys):
    assert main(["perceptrons"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: there is no lesson 'perceptrons'")
    assert all(name in error for name in LESSONS)


@pytest.mark.parametrize("argv", [["--lang", "fr"], ["--chek"], ["--lang"]])
def test_what_cannot_be_parsed_exits_with_2(argv, capsys):
    assert main(argv) == 2
    assert capsys.readouterr().err


def test_figures_go_into_a_run_folder_of_their_own(tmp_path, capsys):
    argv = ["matrices", "--check", "--figures", "--runs-dir", str(tmp_path)]
    assert main(argv) == 0
    picture = only(tmp_path.glob("course/matrices-*/*.png"))
    assert picture.name == "matrices.png"
    assert str(picture) in capsys.readouterr().out
    assert main([*argv[:-1], str(picture)]) == 2
    assert "choose another place with --runs-dir" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("encoding", full("ascii", "cp949"))
def test_a_terminal_without_the_letters_still_gets_the_lesson(encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    words = ["-m", "torchbasics", "perceptron", "--lang", "ko"]
    done = python(*words, env=environment, text=False)
    assert done.returncode == 0
    assert not done.stderr
    text = done.stdout.decode(encoding)
    assert "XOR" in text
    assert "| +|" in text  # a tick, where there is one
