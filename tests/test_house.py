"""The house: who may import whom, what an import costs, what the READMEs say."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import torchbasics.__main__ as course
from torchbasics.mnist import evaluate, seeds
from torchbasics.mnist.__main__ import main

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "torchbasics"
FILES = sorted(PACKAGE.rglob("*.py"))
READMES = ["README.md", "README.ko.md"]
COMMAND = re.compile(r"python -m torchbasics(\.[\w.]+|)((?: [^`\n]+)?)")


def imported(path):
    """The torchbasics modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_the_library_never_imports_the_application():
    for path in FILES:
        shows_it = path == PACKAGE / "lessons" / "digits.py"
        if "mnist" not in path.relative_to(PACKAGE).parts[0] and not shows_it:
            for name in imported(path):
                assert not name.startswith("torchbasics.mnist"), path


def test_the_library_never_imports_the_course():
    for path in PACKAGE.glob("*.py"):
        if path.name != "__main__.py":
            for name in imported(path):
                assert not name.startswith("torchbasics.lessons"), path


def test_what_reads_a_run_never_imports_the_training():
    names = set(imported(PACKAGE / "mnist" / "evaluate.py"))
    assert not {name for name in names if name.startswith("torchbasics.mnist.train")}


def test_nothing_that_runs_code_from_a_file_is_called():
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                assert called not in {"eval", "exec", "torch.load", "pickle.load"}, path


def test_importing_the_library_imports_no_more_than_torch():
    script = "import torch, sys; before = set(sys.modules); import torchbasics; "
    script += "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    outside = set(done.stdout.split()) - set(sys.stdlib_module_names)
    assert outside == {"torchbasics"}
    assert not done.stderr


@pytest.mark.parametrize("readme", READMES)
def test_the_readme_has_a_line_for_each_file(readme):
    text = (ROOT / readme).read_text(encoding="utf-8")
    for path in FILES:
        if path.name != "__init__.py":
            assert f"](torchbasics/{path.relative_to(PACKAGE).as_posix()})" in text
    for link in re.findall(r"\]\(([\w./]+)\)", text):
        assert (ROOT / link).exists(), link


def test_both_readmes_give_the_same_commands():
    english, korean = (
        re.findall(r"^    (\S.*)$", (ROOT / name).read_text(encoding="utf-8"), re.M)
        for name in READMES
    )
    assert english == korean


def test_every_command_of_the_readme_works(tmp_path, capsys):
    commands = COMMAND.findall((ROOT / READMES[0]).read_text(encoding="utf-8"))
    assert len(commands) > 5
    for module, words in commands:
        argv = words.split()
        if module == "":
            if argv[:1] == ["vanishing"]:
                argv += ["--print-config"]
            elif "--figures" in argv:
                argv += ["--runs-dir", str(tmp_path)]
            assert course.main(argv) == 0
        elif module == ".mnist.evaluate":
            assert evaluate.main(argv) == 0
        elif module == ".mnist.seeds":
            assert seeds.main([*argv, "--print-config"]) == 0
        elif "--resume" not in argv:
            assert main([*argv, "--print-config"]) == 0
    capsys.readouterr()
