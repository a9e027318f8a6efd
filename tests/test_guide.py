"""The way through the course: menu, sections, questions, exercises, words, memory."""

import io
import json
import os
import re
import sys

import pytest
from rich.cells import cell_len

from torchbasics.__main__ import main
from torchbasics.command.errors import command, run
from torchbasics.lessons import LESSONS, exercises, progress, prose
from torchbasics.lessons.exercises import EXERCISES, check, names

BOTH = pytest.mark.parametrize("lang", ["en", "ko"])


def my_or(x1, x2):
    return 1 if x1 + x2 > 0.5 else 0


def my_and(x1, x2):
    return 1 if x1 + x2 >= 1 else 0


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(exercises, "_hints_given", exercises.Counter())
    progress._warn_once.cache_clear()


def told(capsys, *words, status=0):
    """What the course prints, which fits 80 columns."""
    assert main(words) == status
    out = capsys.readouterr().out
    assert max(map(cell_len, out.splitlines()), default=0) <= 80
    return out


@BOTH
def test_the_menu_names_each_lesson_and_what_to_type_next(capsys, lang):
    text = told(capsys, "--lang", lang)
    places = [text.index(f" {name} ") for name in LESSONS]
    assert places == sorted(places)
    said = "" if lang == "en" else " --lang ko"  # the environment is English
    for line in ("perceptron", "perceptron --ask", "exercises perceptron", "all"):
        assert f"  python -m torchbasics {line}{said} " in text
    assert text.count("\n") < 24


def test_the_menu_counts_what_is_solved_and_goes_on_from_there(capsys):
    for name in names("perceptron"):
        progress.record(name)
    progress.record("relu")
    text = told(capsys, "--lang", "en")
    assert re.search(r"perceptron .* 6/6", text)
    assert re.search(r"activations .* 1/6", text)
    assert "python -m torchbasics activations --ask" in text


def test_a_right_answer_is_remembered_and_a_wrong_one_is_not(capsys):
    assert check(my_or, lang="en")
    assert not check(my_and, lang="en")
    assert progress.solved() == {"or"}
    assert check(my_or, lang="en")
    folder = progress.default_folder()
    assert [path.name for path in folder.iterdir()] == ["progress.json"]


FOREIGN = {
    "no JSON": b"{",
    "other JSON": b'["or"]',
    "other keys": b'{"read": []}',
    "no list": b'{"solved": 1}',
    "a name": b'{"solved": "or"}',
    "names as keys": b'{"solved": {"relu": true}}',
    "no names": b'{"solved": [1, null, {}]}',
    "not UTF-8": b"\xff\xfe\xff",
    "deep": b"[" * 60_000,
    "too long": b" " * 100_000,
    "long number": b"9" * 60_000,
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_damaged_memory_is_as_none(capsys, content):
    folder = progress.default_folder()
    folder.mkdir()
    (folder / progress.FILE).write_bytes(content)
    assert progress.solved() == set()
    assert "0/6" in told(capsys, "--lang", "en")
    progress.record("or")
    assert progress.solved() == {"or"}


def test_a_pipe_or_a_link_in_its_place_is_not_waited_for_or_followed(tmp_path):
    folder, theirs = progress.default_folder(), tmp_path / "theirs"
    folder.mkdir()
    os.mkfifo(folder / progress.FILE)
    assert progress.solved() == set()
    (folder / progress.FILE).unlink()
    theirs.write_text(json.dumps({"solved": ["and"]}))
    (folder / progress.FILE).symlink_to(theirs)
    progress.record("or")
    assert json.loads(theirs.read_text()) == {"solved": ["and"]}


def test_where_nothing_can_be_written_one_warning_says_so(tmp_path, capsys):
    (tmp_path / "data").write_text("no folder")
    assert check(my_or, lang="en")
    assert check(my_or, lang="en")
    out, err = capsys.readouterr()
    assert out.count("Right.") == 2
    assert err.count("warning: cannot remember what you have solved") == 1


def test_each_further_call_gives_the_next_hint_and_at_last_an_answer(capsys):
    task = prose.tasks("en")["and"]
    said = []
    for _ in range(4):
        assert not check(my_and, lang="en", hint=True)
        said.append(capsys.readouterr().out)
    assert f"Hint 1 of 3: {task.hints[0]}\n" in said[0]
    assert f"Hint 2 of 3: {task.hints[1]}\n" in said[1]
    assert said[2].endswith(f"\nAn answer:\n{task.hints[2]}\n")
    assert said[3] == said[2]
    assert not check(my_and, lang="en")
    assert "Hint" not in capsys.readouterr().out
    assert check(my_or, lang="en", hint=True)
    assert capsys.readouterr().out == "Right.\n"


@BOTH
def test_the_exercises_are_listed_with_call_shapes_and_a_first_hint(capsys, lang):
    progress.record("relu")
    text = told(capsys, "exercises", "--lang", lang)
    listed = re.findall(r"^my_(\w+)\(.*?\)(  ✓)?$", text, re.M)
    assert [name for name, _ in listed] == list(EXERCISES)
    assert [name for name, solved in listed if solved] == ["relu"]
    one = " ".join(told(capsys, "exercises", "forward", "--lang", lang).split())
    for name in names("forward"):
        task = prose.tasks(lang)[name]
        assert f"{task.text} {task.shapes}" in one
        assert task.hints[0] in one
        assert task.hints[1] not in one
    assert "my_relu" not in one


@BOTH
def test_the_sections_of_a_lesson_are_the_lesson(capsys, lang):
    sections = prose.read("matrices", lang).sections()
    parts = [part for one in sections for _, part in one.pieces() if part]
    whole = prose.read("matrices", lang)
    assert parts == [part for _, part in whole.pieces() if part]
    text = told(capsys, "matrices", "--section", "4", "--lang", lang)
    assert sections[3].heading in text
    assert sections[2].heading not in text
    assert "A @ B" in text
    said = "" if lang == "en" else " --lang ko"
    assert text.splitlines()[-1].endswith(f"matrices --section 5{said}")
    last = told(capsys, "matrices", "--section", "7", "--lang", lang, "--ask")
    assert last.splitlines()[-1].endswith(f"python -m torchbasics forward --ask{said}")
    assert " 0 " not in last  # numbers of which none is there


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("matrices --section 8", "matrices has no section 8; there are 1 Matrices; 2 "),
        ("matrices --section -1", "matrices has no section -1; there are 1 Matrices"),
        ("matrices forward --section 1", "--section wants one lesson's name"),
        ("all --section 1", "--section wants one lesson's name"),
        ("--section 1", "--ask and --section want a lesson's name, and no --check, "),
        ("--ask", "--ask and --section want a lesson's name, and no --check, --html"),
        ("exercises matrices --section 1", "--ask and --section want a lesson's name"),
        ("matrices --ask --html x.html", "--ask and --section want a lesson's name"),
        ("matrices --check --html x.html", "--html and --notebook take no --check and"),
        ("all --notebook x.ipynb --figures", "--html and --notebook take no --check"),
        ("matrices --html=", "'--html=' names nothing: is a variable of"),
        ("matrices --notebook x.ipynb --html x.pdf", "x.pdf: its name must end in .h"),
        ("glossary --html x.html", "glossary takes no --check, --html, --notebook or "),
        ("exercises --check", "exercises takes no --check, --html, --notebook or "),
        ("matrices --ask --check", "--ask and --section want a lesson's name"),
        ("matrices --force", "--force wants --html or --notebook: nothing else is "),
        ("exercises --force", "--force wants --html or --notebook: nothing else is"),
        ("all matrices", "there is no lesson 'all'; there are perceptron, "),
        ("exercises matrices all", "there is no lesson 'all'; there are perceptron, "),
        ("matrices exercises", "there is no lesson 'exercises'; there are perceptr"),
        ("exercises glossary", "there is no lesson 'glossary'; there are perceptr"),
        ("matrices forward matrices", "matrices is named twice"),
        ("exercises matrix", "there is no lesson 'matrix'; there are perceptron, "),
        ("glossary softmx", "the glossary has no 'softmx'; did you mean 'softmax'?"),
        ("glossary \x1b[2J", "the glossary has no '\\x1b[2J'"),
    ],
)
def test_what_there_is_not_is_one_line_and_exit_status_2(capsys, words, said):
    assert main([*words.split(" "), "--lang", "en"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: {said}")
    assert err.count("\n") == 1


def test_a_guess_is_compared_with_what_is_computed(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n-1\n\x1b[2J\n\n4"))
    text = told(capsys, "perceptron", "--ask", "--lang", "en")
    words = prose.read("perceptron", "en").words
    said = re.findall(r"^(?:> )?(Right: .*|You said .*|It is \d+)\.$", text, re.M)
    first = ["Right: 1", "You said -1; it is 0", "It is 0", "It is 4", "Right: 4"]
    assert said == [*first, "It is 1"]  # the end of input came before the last
    unwrapped = " ".join(text.split())
    places = [
        (unwrapped.index(words[f"ask {part}"].rpartition(" -> ")[0]))
        for part in ("thresholds", "gates", "xor", "learned", "refused", "sixteen")
    ]
    assert places == sorted(places)
    assert text.index("0.5 x1 + 0.5 x2 - 0.7 > 0 ") > text.index("Right: 1.")


@pytest.mark.parametrize("asked", ["one-cycle", "One cycle", "ONECYCLE", "원사이클"])
def test_a_word_is_found_by_any_of_its_names(capsys, asked):
    text = told(capsys, "glossary", *asked.split(), "--lang", "ko")
    assert text.startswith("원사이클")
    assert len(re.findall(r"^\S", text, re.M)) == 1


@BOTH
def test_the_whole_glossary_is_told_where_no_word_is_named(capsys, lang):
    text = told(capsys, "glossary", "--lang", lang)
    assert all(f"{term.name}" in text for term in prose.glossary(lang).values())


def test_a_lesson_ends_with_its_exercises_and_the_next_command(capsys):
    text = told(capsys, "matrices", "--lang", "en")
    end = text[text.index("Exercises of Matrices") :]
    assert "my_matmul(a, b)" in end
    assert "7 Now you" in end
    assert end.splitlines()[-1] == "Next: python -m torchbasics forward"


def test_called_without_arguments_a_command_reads_no_command_line(monkeypatch, capsys):
    """In a notebook `sys.argv` is the kernel's."""
    kernel = ["ipykernel_launcher.py", "-f", "kernel.json"]
    monkeypatch.setattr(sys, "argv", kernel)
    seen = []

    @command
    def ours(argv=None):
        seen.append(list(argv))
        return 0

    assert ours() == 0
    assert main() == 0
    assert "python -m torchbasics perceptron" in capsys.readouterr().out
    monkeypatch.setattr("gc.freeze", lambda: None)
    monkeypatch.setattr("torchbasics.command.signals.handle", lambda handler: {})
    with pytest.raises(SystemExit):
        run(ours)
    assert seen == [[], kernel[1:]]


@pytest.mark.parametrize(
    "asked", ["에폭", "\u110b\u1166\u1111\u1169\u11a8", "batch_size", "Batch-size"]
)
def test_a_word_is_found_as_one_types_it_whatever_the_language(capsys, asked):
    korean = not asked.isascii()
    text = told(capsys, "glossary", asked, "--lang", "en")
    assert text.startswith("에폭" if korean else "mini-batch")


@pytest.mark.parametrize(
    "words",
    [
        "glossary {} epoch",
        "{} glossary epoch",
        "glossary epoch {}",
    ],
)
@pytest.mark.parametrize("option", ["--lang ko", "--lang=ko", "--lang ko --no-pager"])
def test_words_and_options_may_stand_between_each_other(capsys, words, option):
    assert told(capsys, *words.format(option).split()).startswith("에폭")


def test_what_is_asked_for_beside_an_option_too_many_is_not_blamed(capsys):
    assert main(["glossary", "--force", "gradient", "--lang", "en"]) == 2
    said = "error: --force wants --html or --notebook: nothing else is replaced\n"
    assert capsys.readouterr().err == said
    assert main(["exercises", "--lang", "ko", "nothing"]) == 2
    assert "there is no lesson 'nothing'" in capsys.readouterr().err
