"""The house: who may import whom, what an import costs, what the READMEs say."""

import ast
import doctest
import io
import re
import subprocess
import sys
import textwrap
import tokenize
from functools import cache
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path

import pytest
from helpers import python
from PIL import Image

import torchbasics
import torchbasics.__main__ as course_command
from torchbasics.mnist import evaluate, explain, playground, predict, report, seeds
from torchbasics.mnist.__main__ import main

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "torchbasics"
FILES = sorted(PACKAGE.rglob("*.py"))
READMES = ["README.md", "README.ko.md"]
COMMAND = re.compile(r"python -m torchbasics(\.[\w.]+|)((?: [^`\n]+)?)")

MATHEMATICS = (
    "activations", "arguments", "device", "evaluation", "initialization", "losses",
    "mean_field", "mlp", "perceptron", "probes", "rng", "trace",
)  # fmt: skip
MAY_IMPORT = {
    "mathematics": {"mathematics"},
    "the face": {"mathematics"},
    "command": {"command"},
    "data": {"mathematics", "command", "data"},
    "mnist": {"mathematics", "command", "data", "mnist"},
    "mnist.training": {"mathematics", "command", "data", "mnist", "mnist.training"},
    "lessons": {"mathematics", "command", "data", "lessons"},
}
"""The wings of the house, and what the files of each may import from it."""

READERS_MAY = {
    f"mnist.training.{name}" for name in ("checkpoint", "distort", "metrics", "state")
}
MAY_TOO = {
    "": {"command.signals"},
    "mnist.__main__": {"mnist.training"},
    "mnist.seeds": {"mnist.training"},
    "mnist.device": {"mnist.training"},
    "mnist.evaluate": READERS_MAY,
    "mnist.measures": READERS_MAY,
    "mnist.report": READERS_MAY,
    "mnist.export": READERS_MAY,
    "mnist.network": READERS_MAY,
    "lessons.digits": {"mnist.network"},
    "lessons.figures.digits": {"mnist.network"},
    "lessons.render.page": {"mnist.subjects", "mnist.playground"},
}
"""Single modules, and the wings or modules that they may import beside."""

STANDARD = set(sys.stdlib_module_names)
TORCH_IN_COMMAND = {"command.events", "command.terminal"}
READS_RUNS = (
    "mnist.evaluate", "mnist.explain", "mnist.network", "mnist.playground",
    "mnist.predict", "mnist.report", "mnist.subjects",
)  # fmt: skip


def module_of(path):
    """The name of a file's module within the package, "" for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def wing(module):
    """The wing in which a module stands."""
    first, _, rest = module.partition(".")
    if module == "":
        return "the face"
    if first in MATHEMATICS:
        return "mathematics"
    if first == "mnist" and rest.partition(".")[0] == "training":
        return "mnist.training"
    return "lessons" if first == "__main__" else first


def imports(parsed, package=""):
    """Every module that a file imports, wherever in it, by its full name.

    `package` is the one that the file lies in, for imports relative to it.
    """
    for node in ast.walk(parsed):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: -node.level + 1 or None]
            base = [*parents, node.module] if node.level else [node.module]
            source = ".".join(filter(None, base))
            for alias in node.names:
                full = f"{source}.{alias.name}"
                yield full if full.removeprefix("torchbasics.") in MODULES else source


@cache
def tree(module):
    """A module as Python's parser has it."""
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@cache
def imported(module):
    """The names of what a module imports, in full."""
    is_package = MODULES[module].name == "__init__.py"
    package = module if is_package else module.rpartition(".")[0]
    return frozenset(imports(tree(module), f"torchbasics.{package}".rstrip(".")))


def from_the_house(module):
    """The modules of the package that a module imports, "" for the package itself."""
    for name in imported(module):
        if name.partition(".")[0] == "torchbasics":
            yield name.removeprefix("torchbasics").removeprefix(".")


def outsiders(module):
    """The packages that a module imports from elsewhere."""
    return {name.partition(".")[0] for name in imported(module)} - {"torchbasics"}


def refused(module):
    """What a module imports and may not."""
    too = MAY_TOO.get(module, set())
    allowed = MAY_IMPORT[wing(module)]
    return {
        name
        for name in from_the_house(module)
        if wing(name) not in allowed | too and name not in too
    }


def test_each_module_stands_in_a_wing():
    alone = {m for m in MODULES if "." not in m and MODULES[m].name != "__init__.py"}
    assert alone == {*MATHEMATICS, "__main__"}
    assert {wing(module) for module in MODULES} == set(MAY_IMPORT)
    assert set(MAY_TOO) <= set(MODULES)


@pytest.mark.parametrize(
    ("statement", "module"),
    [
        ("import torchbasics.mnist.seeds as s", "torchbasics.mnist.seeds"),
        ("from torchbasics import mnist", "torchbasics.mnist"),
        ("from torchbasics import MLP", "torchbasics"),
        ("from torchbasics.mnist import network", "torchbasics.mnist.network"),
        ("from torchbasics.mnist.network import load", "torchbasics.mnist.network"),
        ("from ..mnist import network", "torchbasics.mnist.network"),
        ("from .prose import read", "torchbasics.lessons.prose"),
        ("from . import prose", "torchbasics.lessons.prose"),
        ("def f():\n    from torchbasics import mnist", "torchbasics.mnist"),
        ("if True:\n    import torch.nn as nn", "torch.nn"),
    ],
)
def test_every_form_of_an_import_is_seen(statement, module):
    assert list(imports(ast.parse(statement), "torchbasics.lessons")) == [module]


def test_a_module_imports_only_what_its_wing_may():
    assert {module: names for module in MODULES if (names := refused(module))} == {}


def test_the_mathematics_imports_torch_and_itself_and_not_in_a_circle():
    for module in MATHEMATICS:
        assert outsiders(module) <= STANDARD | {"torch"}, module
    graph = {module: set(from_the_house(module)) for module in MATHEMATICS}
    assert len([*TopologicalSorter(graph).static_order()]) == len(MATHEMATICS)


def test_of_the_commands_only_what_shows_tensors_imports_torch():
    users = {m for m in MODULES if wing(m) == "command" and "torch" in outsiders(m)}
    assert users == TORCH_IN_COMMAND


def test_of_the_lessons_only_what_renders_them_imports_rich():
    users = {m for m in MODULES if wing(m) == "lessons" and "rich" in outsiders(m)}
    assert users == {"lessons.render.terminal", "lessons.render.guide"}


def reached(module):
    """All modules that importing one may bring along, in the end."""
    seen, waiting = set(), [module]
    while waiting:
        here = waiting.pop()
        if here in seen or here not in MODULES:
            continue
        seen.add(here)
        waiting += from_the_house(here)
    return seen


def test_what_reads_a_run_never_brings_the_training_along():
    for module in READS_RUNS:
        trains = {m for m in reached(module) if m.startswith("mnist.training")}
        assert trains <= READERS_MAY, module


@pytest.fixture(scope="module")
def loaded():
    """What a process loads: torch; with the library's names; with what reads a run."""
    script = """
        import sys, torch
        print(*sys.modules)
        from torchbasics import *
        print(*sys.modules)
        import torchbasics.mnist.evaluate
        print(*sys.modules)
    """
    done = python("-c", textwrap.dedent(script))
    assert not done.stderr
    return [set(line.split()) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_reading_a_run_loads_no_training_and_no_tensorboard(loaded):
    *_, loaded = loaded
    trains = {name for name in loaded if "mnist.training." in name}
    reads = {f"torchbasics.mnist.training.{name}" for name in ("checkpoint", "state")}
    assert trains == reads
    assert "tensorboard" not in loaded


def test_nothing_but_check_and_names_leaves_the_exercises():
    inside = "torchbasics.lessons.exercises"
    for module in MODULES:
        if module.startswith("lessons.exercises"):
            continue
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.ImportFrom) and node.module == inside:
                taken = {alias.name for alias in node.names}
                assert taken in ({"check"}, {"names"}), module
        users = {name for name in imported(module) if name.startswith(inside)}
        assert users <= {inside}, module


def test_nothing_that_runs_code_from_a_file_is_called():
    banned = {"eval", "exec", "torch.load", "yaml.load", "np.load", "numpy.load"}
    for module in MODULES:
        calls = (node for node in ast.walk(tree(module)) if isinstance(node, ast.Call))
        assert not {ast.unparse(call.func) for call in calls} & banned, module


def test_no_pickle_is_opened_but_the_textbooks_and_that_only_described():
    obeying = {
        "pickle",
        "_pickle",
        "marshal",
        "shelve",
        "dill",
        "joblib",
        "cloudpickle",
    }
    for module in MODULES:
        assert not outsiders(module) & obeying, module
    users = {module for module in MODULES if "pickletools" in outsiders(module)}
    assert users == {"mnist.textbook_weights"}


SHAPE = re.compile(r"\([\w*.]+(, ?[\w*.]+)*,?\)")


def test_every_function_of_tensors_states_their_shapes():
    nodes = ((module, node) for module in MODULES for node in ast.walk(tree(module)))
    silent = {
        (module, node.name)
        for module, node in nodes
        if isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and "Tensor" in ast.unparse(node.args)
        and not SHAPE.search(ast.get_docstring(node) or "")
    }
    assert not silent


OLD_NAMES = (  # with a hyphen, so that they are not found here
    "take-_up", "carry-_out", "how-_to_go_on", "where-_to_look", "add-_figures",
    "refuse-_changes", "wants-_scores", "wants-_checkpoint", "hits-_before", "Keep-er",
    "limit-_norms", "refuse-_nonfinite", "share-_noise", "read-_digits",
    "Resume-Words", "Lasting-Console", "wanted-_tensor", "mis-read", "re-cite",
    "con-clude", "a-_console", "is-_before_end_of_epoch",
)  # fmt: skip


@pytest.mark.slow
def test_no_old_name_is_left():
    for path in [*FILES, *sorted((ROOT / "tests").rglob("*.py"))]:
        text = path.read_text(encoding="utf-8")
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        words = {token.string.strip("\"'") for token in tokens}
        assert not words & {name.replace("-", "") for name in OLD_NAMES}, path


def test_importing_the_library_loads_neither_torch_nor_numpy_nor_rich():
    script = "import sys, torchbasics; print(torchbasics.__version__, *sys.modules)"
    done = python("-c", script)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "torchbasics" in loaded
    assert not loaded & {"torch", "numpy", "rich", "pydantic"}
    assert not done.stderr


@pytest.mark.slow
def test_all_names_of_the_library_load_no_more_than_torch(loaded):
    before, after, _ = loaded
    more = {name.partition(".")[0] for name in after - before}
    assert more - STANDARD == {"torchbasics"}


def defined_in(module):
    """The names that a module defines itself, at its top."""
    for node in tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


NAMES = [name for name in torchbasics.__all__ if name != "__version__"]
HOMES = {name: module for module in torchbasics.MODULES for name in defined_in(module)}


def test_a_name_of_the_library_is_the_object_of_its_home():
    for name in NAMES:
        home = import_module(f"torchbasics.{HOMES[name]}")
        assert getattr(torchbasics, name) is getattr(home, name), name


def test_the_names_of_the_library_stand_in_reading_order():
    places = [torchbasics.MODULES.index(HOMES[name]) for name in NAMES]
    assert places == sorted(places)
    assert len(set(NAMES)) == len(NAMES)
    assert set(torchbasics.MODULES) == {HOMES[name] for name in NAMES}


def test_type_checkers_are_told_the_same_names():
    told = {
        alias.name: node.module.removeprefix("torchbasics.")
        for node in ast.walk(tree(""))
        if isinstance(node, ast.ImportFrom)
        and node.module.removeprefix("torchbasics.") in torchbasics.MODULES
        for alias in node.names
    }
    assert told == {name: HOMES[name] for name in NAMES}


def test_a_name_that_the_library_does_not_have_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'MPL'"):
        _ = torchbasics.MPL
    assert set(NAMES) <= set(dir(torchbasics))


def rows(readme):
    """The links into the package of each table row of a README that has some."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    lines = re.findall(r"^\|.*$", text, re.M)
    links = (re.findall(r"\]\(torchbasics/([\w./]+)\)", line) for line in lines)
    return [found for found in links if found]


@pytest.mark.parametrize("readme", READMES)
def test_the_readme_has_a_line_for_each_file(readme):
    """Of the lessons, figures and exercises have one together for a folder each."""
    table = rows(readme)
    for module, path in MODULES.items():
        if path.name == "__init__.py":
            continue
        name = path.relative_to(PACKAGE).as_posix()
        folder = re.match(r"lessons/(figures|exercises)(?=/)", name)
        found = [row for row in table if (folder[0] if folder else name) in row]
        assert len(found) == 1, name
        together = {one.partition("/")[0] for one in found[0]}
        if wing(module) not in ("lessons", "mnist", "mnist.training"):
            assert found == [[name]]
        assert len(together) == 1 or "lessons" in together, found


@pytest.mark.parametrize("readme", READMES)
def test_what_the_readme_links_to_is_there(readme):
    text = (ROOT / readme).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([\w./]+)\)", text):
        assert (ROOT / link).exists(), link


def to_type(readme):
    """What is to be typed, without what an example prints and in which language."""
    parts = doctest.DocTestParser().parse((ROOT / readme).read_text(encoding="utf-8"))
    for part in parts:
        if isinstance(part, doctest.Example):
            yield part.source.replace(', lang="ko"', "")
        else:
            yield from re.findall(r"^    (\S.*)$", part, re.M)


def test_both_readmes_give_the_same_commands():
    english, korean = map(list, map(to_type, READMES))
    assert english == korean
    assert len(english) > 20


@pytest.mark.parametrize("readme", READMES)
def test_a_readmes_example_prints_what_it_shows(readme, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    path = str(ROOT / readme)
    ran = doctest.testfile(path, module_relative=False, encoding="utf-8")
    assert ran == (0, 3)


def shortened(argv, folder):
    """A command of the course, without what takes minutes, or writes elsewhere."""
    if argv[:1] == ["vanishing"]:
        return [*argv, "--print-config"]
    if "--html" in argv:
        return ["matrices", *argv]
    return [*argv, "--runs-dir", str(folder)] if "--figures" in argv else argv


@pytest.mark.slow
def test_every_command_of_the_readme_works(
    tmp_path, monkeypatch, capsys, course, mnist
):
    commands = COMMAND.findall((ROOT / READMES[0]).read_text(encoding="utf-8"))
    assert len(commands) > 5
    monkeypatch.chdir(tmp_path)
    Image.fromarray(mnist[1].images[0].numpy()).save("seven.png")
    readers = {
        ".mnist.evaluate": evaluate.main,
        ".mnist.explain": explain.main,
        ".mnist.predict": predict.main,
    }
    for module, words in commands:
        argv = words.split()
        if module == "":
            assert course_command.main(shortened(argv, tmp_path)) == 0
        elif module in readers:
            assert readers[module](argv) == 0
        elif module == ".mnist.report":
            assert report.main(["pretrained", "--out", str(tmp_path / "x.html")]) == 0
        elif module == ".mnist.playground":
            assert playground.main(["--out", str(tmp_path / "y.html")]) == 0
        elif module == ".mnist.seeds":
            assert seeds.main([*argv, "--print-config"]) == 0
        elif "--resume" not in argv:
            assert main([*argv, "--print-config"]) == 0
    capsys.readouterr()


TOP_LEVEL = {
    *("README.md", "README.ko.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"),
    *("pyproject.toml", "Dockerfile", "configs", "runs", "tests", "torchbasics"),
}


def test_the_top_level_holds_nothing_that_was_left_there():
    command = ["git", "-C", str(ROOT), "ls-tree", "--name-only", "HEAD"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("needs the git checkout")
    found = {name for name in listed.stdout.split("\n") if name[:1] not in ("", ".")}
    assert found == TOP_LEVEL
