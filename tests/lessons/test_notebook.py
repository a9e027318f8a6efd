"""The course as a notebook: whole, in two languages; its numbers are the lessons'."""

import ast
import os
import re
import sys
import time
from subprocess import run

import nbformat
import pytest
from helpers import check_rows, full, only

from torchbasics.__main__ import main
from torchbasics.lessons import LESSONS, figures, notebook, parts_of, prose
from torchbasics.lessons.checks import checks_of
from torchbasics.lessons.exercises import EXERCISES, check, names
from torchbasics.lessons.render import notebook as render
from torchbasics.lessons.render.html import html_of, rendered

BOTH = pytest.mark.parametrize("lang", ["en", "ko"])
WORDS = prose.read("course", "en").words


@pytest.fixture
def displayed(monkeypatch):
    """What cells would show."""
    shown = []
    monkeypatch.setattr(render, "display", shown.append)
    return shown


def code_of(lesson, lang):
    cells = notebook.lesson_cells(lesson, lang)
    code = [cell.source for cell in cells if cell.kind == "code"]
    for source in code:
        compile(source, lesson, "exec")
    return code


@BOTH
def test_the_notebook_is_valid_and_the_same_each_time(lang):
    made = notebook.notebook(LESSONS, lang)
    nbformat.validate(made)
    assert nbformat.writes(made) == nbformat.writes(notebook.notebook(LESSONS, lang))
    titles = [cell.source for cell in made.cells if re.match(r"# \d", cell.source)]
    assert len(titles) == len(LESSONS)


@pytest.mark.parametrize("lesson", LESSONS)
def test_each_part_figure_and_exercise_has_its_cell(lesson):
    parts = [part.__name__ for part in parts_of(lesson)]
    assert list(notebook.blocks(lesson)) == ["imports", *parts]
    first, *code = code_of(lesson, "en")
    assert first == f'{notebook.blocks(lesson)["imports"]}\n\nlang = "en"'
    text = "\n".join(code)
    assert re.findall(r"^show\(\w+\.(\w+)", text, re.M) == parts
    assert re.findall(r'^show_figure\("([\w-]+)"', text, re.M) == figures.of(lesson)
    gaps = re.findall(r"^def my_(\w+)\(.*\):\n    return \.\.\.$", text, re.M)
    assert gaps == list(names(lesson))


@pytest.mark.parametrize("lesson", LESSONS)
def test_both_languages_have_the_same_cells_but_for_comments(lesson):
    english, korean = (
        [
            re.sub(rf'\s*#.*|,? ?lang ?= ?"{lang}"', "", code)
            for code in code_of(lesson, lang)
        ]
        for lang in ("en", "ko")
    )
    assert english == korean


@pytest.mark.parametrize("lesson", LESSONS)
def test_the_text_of_a_lesson_is_there_whole_and_its_marks_are_gone(lesson):
    cells = notebook.lesson_cells(lesson, "ko")
    text = "\n".join(cell.source for cell in cells if cell.kind == "markdown")
    wanted = prose.read(lesson, "ko").body
    typed = r"^    (>>>|\.\.\.).*\n(    (?!>>>).*\n)*|^\{.*\}\n"
    for paragraph in re.sub(typed, "", wanted, flags=re.M).split("\n\n"):
        assert paragraph.strip("\n") in text
    assert not re.search(r"^\{|>>> ", text, re.M)


@BOTH
def test_a_part_is_shown_as_on_the_page_in_its_own_style(lang, displayed):
    words = prose.read("matrices", lang).words
    (part, *_) = parts_of("matrices")
    render.show(part, lang)
    (shown,) = displayed
    assert render.STYLE.read_text(encoding="utf-8") in shown.data
    head, *rows = check_rows(shown.data)
    assert head[1:3] == [words["expected"], words["computed"]]
    checks = checks_of(part(words))
    assert [row[0] for row in rows] == [one.name for one in checks]


@pytest.mark.slow
def test_a_figure_has_its_title_and_says_why_it_speaks_english(
    monkeypatch, displayed, capsys
):
    monkeypatch.setattr(figures, "hangul_font", lambda: None)
    render.show_figure("matrices", "ko")
    assert "fonts-noto-cjk" in capsys.readouterr().out
    render.show_figure("matrices", "en")
    assert capsys.readouterr().out == ""
    korean, english = displayed
    assert korean.data == english.data
    assert [korean.alt, english.alt] == ["행렬", "Matrices"]


@pytest.mark.parametrize("name", EXERCISES)
def test_an_exercise_that_is_not_yet_written_only_says_so(name, capsys):
    call, *_ = prose.tasks("en")[name]
    space: dict = {}
    exec(f"def {call}:\n    return ...", space)
    function = space[call.partition("(")[0]]
    assert check(function, lang="en") is False
    assert capsys.readouterr().out == f"{WORDS['unwritten']}\n"


def test_the_command_writes_the_lessons_and_replaces_nothing_unasked(tmp_path, capsys):
    path = tmp_path / "course.ipynb"
    argv = ["matrices", "vanishing", "--lang", "ko", "--notebook", str(path)]
    assert main(argv) == 0
    assert str(path) in capsys.readouterr().out
    text = path.read_text(encoding="utf-8")
    assert "# 3. 행렬" in text
    assert "# 6. " in text
    assert "# 7. " not in text
    assert main(argv) == 2
    assert "--force replaces it" in capsys.readouterr().err
    path.write_text("mine")
    assert main([*argv, "--force"]) == 0
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("place", ["~/\U0001f600 runs", "a\"b'", "\udcff\x1b"])
def test_its_cells_name_the_folder_of_runs_as_it_is_called(place):
    cells = notebook.notebook(["vanishing"], "en", place).cells
    (code,) = (cell.source for cell in cells if "runs_dir=" in cell.source)
    call = next(node for node in ast.walk(ast.parse(code)) if named(node, "LabConfig"))
    said = {word.arg: word.value for word in call.keywords}
    assert ast.literal_eval(said["runs_dir"]) == place
    assert code.isascii()


def named(node, function):
    """Whether a piece of code is a call of that function."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) == function


@pytest.mark.parametrize("package", notebook.NEEDED)
def test_where_a_package_is_missing_the_command_says_how_to_get_it(
    monkeypatch, tmp_path, capsys, package
):
    monkeypatch.setitem(sys.modules, package, None)  # it cannot be imported
    assert main(["--notebook", str(tmp_path / "course.ipynb")]) == 2
    assert "pip install 'torchbasics[notebook]'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


RUN = """
import sys, nbformat
from nbclient import NotebookClient
path, folder = sys.argv[1:]
made = nbformat.read(path, 4)
NotebookClient(made, timeout=600, kernel_name="python3").execute(cwd=folder)
nbformat.write(made, path)
"""
ALONE = [
    "unshare",
    "--map-root-user",
    "-n",
    "sh",
    "-c",
    'ip link set lo up; "$@"',
    "sh",
]
"""A command before another that cuts its network, but for the way to itself."""


def executed(lessons, lang, folder, before=()):
    """A notebook that ran from top to bottom in a fresh kernel, in its own folders."""
    path = folder / "course.ipynb"
    notebook.write(path, lessons, lang)
    apart = ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "XDG_CACHE_HOME", "TMPDIR")
    environment = os.environ | {name: str(folder / name) for name in apart}
    environment.pop("TORCHBASICS_DATA", None)
    (folder / "TMPDIR").mkdir()
    command = [*before, sys.executable, "-c", RUN, str(path), str(folder)]
    done = run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    made = nbformat.read(path, 4)
    outputs = [one for cell in made.cells for one in cell.get("outputs", ())]
    assert not [one.text for one in outputs if one.get("name") == "stderr"]  # warnings
    return made


def shown_by(cell):
    """The HTML that a cell shows."""
    data = (output.get("data", {}) for output in cell.outputs)
    return "".join(one["text/html"] for one in data if "text/html" in one)


@pytest.mark.slow
@pytest.mark.parametrize("lang", full("ko", "en"))
def test_a_lesson_runs_from_a_fresh_kernel_and_shows_its_numbers(
    computed, lang, tmp_path
):
    words = prose.read("matrices", lang).words
    labels = {**words, **prose.read("page", lang).words}
    cells = executed(["matrices"], lang, tmp_path).cells
    for part in computed.parts_of("matrices"):
        call = f"show(matrices.{part.__name__}, lang)"
        cell = only(cell for cell in cells if call in cell.source)
        wanted = html_of(*rendered(part(words), labels))
        assert wanted in shown_by(cell)
    pictures = [cell for cell in cells if "show_figure(" in cell.source]
    assert all("image/png" in cell.outputs[0].data for cell in pictures)
    gap = only(cell for cell in cells if cell.source.startswith("def my_add_bias"))
    assert gap.outputs[0].text == f"{words['unwritten']}\n"


@pytest.mark.full
@BOTH
def test_the_course_runs_without_a_network_and_every_number_agrees(
    computed, lang, tmp_path
):
    if run([*ALONE, "true"], check=False).returncode:
        pytest.skip("needs unshare, to cut the network")
    cells = executed(LESSONS, lang, tmp_path, before=ALONE).cells
    shown = (shown_by(cell) for cell in cells if cell.cell_type == "code")
    told = (check_rows(html) for html in shown if 'class="torchbasics' in html)
    rows = [row for table in told for row in table if re.match("[✓✗]", row[3])]
    checks = [
        one
        for lesson in LESSONS
        for part in computed.parts_of(lesson)
        for one in checks_of(part(prose.read(lesson, lang).words))
    ]
    assert len(rows) == len(checks) > 120
    for row, one in zip(rows, checks, strict=True):
        assert row[:2] == [one.name, one.text(one.expected)]
        assert row[3] == "✓"
    assert "iframe" in cells[-1].outputs[-1].data["text/html"]
    infos = tmp_path / "TMPDIR" / ".tensorboard-info"
    assert infos.is_dir()
    for _ in range(100):
        if not list(infos.glob("pid-*")):
            return
        time.sleep(0.1)
    pytest.fail("TensorBoard outlives the notebook")
