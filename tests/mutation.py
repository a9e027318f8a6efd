"""Alter the library, one place at a time, and count how often that is noticed.

    python tests/mutation.py [MODULE ...] [--every N] [--no-checks | --no-tests]

Each constant, sign, operator, comparison, condition and call of a module is altered in
turn; with `--every N` one in N of them, drawn by `--seed`. Such a mutant is caught if
it cannot be imported, if the course's checks (`python -m torchbasics --check`), the
module's tests or its doctests fail, asked in this order, or if it must be killed: for
taking 10 s and five times what the module itself takes of the processor, or for
crashing.

Mutants exist only in memory, over a copy of the checkout made at the start, so that
nobody's editing is in the way. Each has a process forked from this one, which has
imported everything but the package. Survivors are printed as they are found, and what
became of each mutant goes to a file, line by line. Exit status 1 if less than 95 % of
those that differ from the original are caught, 2 if a module fails as it is.
"""

from __future__ import annotations

import argparse
import ast
import doctest
import importlib
import os
import random
import resource
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from importlib.machinery import SourceFileLoader
from itertools import chain, dropwhile, takewhile
from pathlib import Path
from typing import NamedTuple

import hypothesis
import pytest
import torch

ROOT = Path(__file__).parent.parent
LESSONS = {
    "perceptron": ["perceptron"],
    "activations": ["activations", "forward"],
    "trace": ["forward"],
    "losses": [],
    "mlp": ["forward"],
    "initialization": [],
    "mean_field": [],
    "arguments": [],
    "evaluation": [],
    "probes": [],
    "lessons.small_networks": [],
}
"""The modules to alter, and the lessons whose checks each has to pass."""

TESTS = {"lessons.small_networks": ["tests/lessons/test_learning.py"]}
"""Tests of a module beside tests/**/test_<module>.py."""

OF_ALL = Path("tests/test_arguments.py")
"""Tests of a kind over every module: what each function refuses or takes."""

LAST = "there are two dimensions, so the last is 1"
TOLERANCE = "a bound between what rounding does and what a mistake does"
ANY = "the result does not depend on it"
EQUIVALENT = {
    "if x.ndim != 2 or features not in (None, x.shape[-1]):": LAST,
    "if logits.ndim != 2 or labels.shape != logits.shape[:-1]:": LAST,
    "if not 0 <= labels.min() <= labels.max() < logits.shape[-1]:": LAST,
    "return torch.stack([NAND(x), OR(x)], dim=-1)": LAST,
    "return (x * self.weight.to(x.dtype)).sum(-1) + self.bias.to(x.dtype)": LAST,
    "if not torch.equal(rows, rows.round()) or rows.norm(dim=-1).max() > MOST:": LAST,
    "return float(rows.square().sum(-1).max() / gamma ** 2)": LAST,
    "rows.new_ones(len(x), 1), rows], dim=-1), targets.long())": LAST,
    "if not torch.equal(rows.round(), rows) or rows.norm(dim=1).max() > MOST:":
    "they are equal or not",
    "shifted = logits - logits.amax(-1, keepdim=True)": LAST,
    "log_probs = shifted - shifted.exp().sum(-1, keepdim=True).log()": LAST,
    "gradient = softmax(logits.detach(), dim=-1)": LAST,
    "confidence, answers = probs.max(-1)": LAST,
    "for fan_in, fan_out in pairwise([x.shape[-1], *widths]):": LAST,
    "CHUNK = 2001": ANY,
    "grid = torch.logspace(math.log10(low), math.log10(high), 41, **EXACT)": ANY,
    "th, classes = (require.labels(labels, logits), logits.shape[-1])": LAST,
    "= torch.bincount(classes * truth + logits.argmax(-1), minlength=classes ** 2)":
    LAST,
    "largest = x.amax(dim, keepdim=True) if x.numel() else 0": "its gradients cancel",
    "low, high = (1e-06, 1001.0)": "there the means can be trusted, too",
    "_dot(times, column) for column in zip(*exact, strict=True)))": "a . b = b . a",
    "wrong = ((logits >= 0) != (TARGETS > 0)).any(dim=2)": "no score is exactly 0",
    "model = MLP(1, [10], 1, 'tanh', generator=rng.generator(1, 'sine'))": ANY,
    "place = 1": "the networks number their layers",
    "self.generator = keyed_generator(1, 'dropout', self.place, device=device)": ANY,
    "return inputs - noise": "the noise is symmetric",
    "(inputs, random_int16) < self.num_dropped - INT16_VALUES // -2":
    "65,536 more, and int16 wraps round",
    "times = [n * s for n, s in zip(signs, self.multipliers, strict=True)]":
    "n s = s n",
    "times = [n / s for n, s in zip(self.multipliers, signs, strict=True)]":
    "s is 1 or -1",
    "_agree(name, layers[-1].outputs, module(inputs))": "they agree or not",
    "if not torch.allclose(many, times * slope, 0.00101, tiny, equal_nan=True):":
    TOLERANCE,
    "if not 1.01e-10 * abs(value) < h < math.inf:": TOLERANCE,
    "if (_chi(activation, grid).diff() <= -1e-06).any():": TOLERANCE,
    "if (root > math.sqrt(1001)).any():": "there both rules have all digits",
    "torch.where((largest > 0) & (largest < math.inf), largest, 2.0)":
    "0 / 2 = 0 / 1, and so with infinity",
    "return _size(after - before) / (_size(before) or 1.01e-300)":
    "as near to 0",
}  # fmt: skip
"""Altered lines that nothing can tell from the original, and why."""

ONCE = "matplotlib.figure", "numpy", "pydantic", "rich.markdown", "torchvision", "tyro"
FATES = ("survived", "import", "checks", "tests", "doctests", "killed")

OPERATORS = {
    **{"Add": "Sub", "Sub": "Add", "Mult": "Div", "Div": "Mult", "Pow": "Mult"},
    **{"Mod": "FloorDiv", "FloorDiv": "Mod", "And": "Or", "Or": "And"},
    **{"Gt": "GtE Lt", "GtE": "Gt Lt", "Lt": "LtE Gt", "LtE": "Lt Gt", "Eq": "NotEq"},
    **{"NotEq": "Eq", "In": "NotIn", "NotIn": "In", "Is": "IsNot", "IsNot": "Is"},
}
NAMES = {
    **{"max": "min", "min": "max", "amax": "amin", "amin": "amax", "argmax": "argmin"},
    **{"argmin": "argmax", "any": "all", "all": "any", "exp": "expm1", "expm1": "exp"},
    **{"log": "log1p", "log1p": "log", "sum": "mean", "mean": "sum", "norm": "sum"},
    **{"zeros": "ones", "ones": "zeros", "square": "abs", "sin": "cos", "cos": "sin"},
    **{"floor": "ceil", "ceil": "floor", "normal_": "uniform_", "uniform_": "normal_"},
}
DROPPED = {"abs", "clone", "detach", "double", "exp", "float", "log", "round", "sqrt"}
DEFAULTS = {"auto": "default", "sigmoid": "relu"}
"""What takes the place of operators, functions, calls f(x) and x.f(), and strings."""


class Mutant(NamedTuple):
    """A module with one place altered: where, how its line reads, what to run."""

    module: str
    line: int
    before: str
    after: str
    code: object

    def __str__(self) -> str:
        return f"{self.module}:{self.line}  {self.before}  ->  {self.after}"


def mutants_of(module: str, source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = ast.parse(source)
    lines = ast.unparse(tree).splitlines()
    mutants, seen = [], {"\n".join(lines)}
    for line, owner, field, new in alterations(tree):
        old = getattr(owner, field)
        setattr(owner, field, new)
        text = ast.unparse(ast.fix_missing_locations(tree))
        if text not in seen:
            seen.add(text)
            both = next(dropwhile(alike, zip(lines, text.splitlines(), strict=False)))
            start = len([*takewhile(alike, zip(*both, strict=False))]) - 60
            before, after = (words[max(0, start) :][:100].strip() for words in both)
            code = compile(tree, path_of(module), "exec")
            mutants.append(Mutant(module, line, before, after, code))
        setattr(owner, field, old)
    return sorted(mutants, key=lambda mutant: mutant.line)


def alike(pair) -> bool:
    """Whether the two are equal."""
    return pair[0] == pair[1]


def alterations(owner, line=0):
    """(line, owner, field, its new value) for each alteration below a node."""
    for field, value in ast.iter_fields(owner):
        nodes = value if isinstance(value, list) else [value]
        for index, node in enumerate(nodes):
            if field in {"annotation", "returns"} or not isinstance(node, ast.AST):
                continue
            if isinstance(node, ast.JoinedStr | ast.Assert):
                continue
            here = getattr(node, "lineno", line)
            for rule in (statements, operators, constants, expressions, calls):
                for new in rule(node, owner, field):
                    rest = [*nodes[:index], *([new] * bool(new)), *nodes[index + 1 :]]
                    yield here, owner, field, rest if isinstance(value, list) else new
            yield from alterations(node, here)


def statements(node, owner, field):
    """Nothing is returned; a call or an assignment is not made; no decorator."""
    match node:
        case ast.Return(value=ast.expr()):
            yield ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call()):
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield ast.Pass()
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            if name in {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}:
                yield ast.Pass()
    if field == "decorator_list":
        yield ast.parse("lambda function: function", mode="eval").body


def operators(node, owner, field):
    """Another operator, another order, no sign, the opposite condition."""
    for name in OPERATORS.get(type(node).__name__, "").split():
        yield getattr(ast, name)()
    match node:
        case ast.UnaryOp(op=ast.USub() | ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(left=left, op=ast.MatMult(), right=right):
            yield ast.BinOp(right, node.op, left)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Compare(ops=[ast.Eq | ast.NotEq | ast.In | ast.NotIn]):
            pass  # its opposite is already one of the other operators
        case _ if field in {"test", "ifs"} and not isinstance(owner, ast.IfExp):
            yield ast.UnaryOp(ast.Not(), node)


def constants(node, owner, field):
    """Another number, the opposite truth value, another default."""
    match node:
        case ast.Constant(value=bool(value)) if getattr(owner, "arg", "") != "strict":
            yield ast.Constant(not value)
        case ast.Constant(value=int(n) | float(n)) if not isinstance(n, bool):
            yield ast.Constant(n + 1)
            if n % 1:
                yield ast.Constant(1.01 * n)
            even = isinstance(getattr(owner, "op", None), ast.Pow)  # (-2) ** 16
            if n and not even and not isinstance(owner, ast.UnaryOp):
                yield ast.UnaryOp(ast.USub(), node)
        case ast.Constant(value=str(word)) if field in {"defaults", "kw_defaults"}:
            yield from [ast.Constant(DEFAULTS[word])] if word in DEFAULTS else []


def expressions(node, owner, field):
    """Not transposed; neighbours of a dict exchanged; one less in a set."""
    match node:
        case ast.Attribute(attr="T", value=value):
            yield value
        case ast.Dict(keys=keys, values=values):
            for i in range(len(values) - 1):
                swapped = [*values[:i], values[i + 1], values[i], *values[i + 2 :]]
                yield ast.Dict(keys, swapped)
        case ast.Set(elts=elements):
            for i in range(len(elements)):
                yield ast.Set(elements[:i] + elements[i + 1 :])


def calls(node, owner, field):
    """Another function, none at all, its last two arguments exchanged, one less."""
    if isinstance(node, ast.keyword) and not isinstance(node.value, ast.Constant):
        yield None
    if not isinstance(node, ast.Call):
        return
    function, arguments, load = node.func, node.args, ast.Load()
    method = isinstance(function, ast.Attribute)
    name = function.attr if method else getattr(function, "id", "")
    if method and name in NAMES:
        other = ast.Attribute(function.value, NAMES[name], load)
        yield ast.Call(other, arguments, node.keywords)
    if name in {"max", "min", "any", "all"} and not method:
        yield ast.Call(ast.Name(NAMES[name], load), arguments, node.keywords)
    if method and name in DROPPED and len(arguments) < 2:
        yield arguments[0] if arguments else function.value
    if len(arguments) > 1 and name != "isinstance":
        *first, a, b = arguments
        yield ast.Call(function, [*first, b, a], node.keywords)


def path_of(module) -> str:
    """The file of a module in the copy."""
    return str(Path("torchbasics", *module.split(".")).with_suffix(".py").resolve())


def tests_of(module) -> list[str]:
    """The test files of a module."""
    *folders, name = module.split(".")
    files = [Path("tests", *folders, f"test_{name}.py"), *TESTS.get(module, []), OF_ALL]
    return [str(path) for path in files if Path(path).exists()]


def passes(step, module, asked) -> bool:
    """Whether a module passes one step of its trial."""
    mutant = importlib.import_module(f"torchbasics.{module}")
    match step:
        case "checks" if asked.checks and LESSONS.get(module):
            program = importlib.import_module("torchbasics.__main__")
            return program.main(["--check", "--lang", "en", *LESSONS[module]]) == 0
        case "tests" if asked.tests and (files := tests_of(module)):
            options = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain"]
            options += ["-m", "full or not full"]
            return pytest.main([*options, *files]) == 0
        case "doctests" if asked.tests:
            return not doctest.testmod(mutant).failed
    return True


def attempt(step, module, asked) -> int:
    """Exit status of one step, in a process of its own: PyTorch warns only once."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if passes(step, module, asked) else 1)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def trial(module, code, asked) -> str:
    """What becomes of a module with this code; in a process of its own."""
    get_code = SourceFileLoader.get_code
    SourceFileLoader.get_code = lambda loader, name: (
        code if name == f"torchbasics.{module}" else get_code(loader, name)
    )
    torch.set_num_threads(1)
    steady = {"derandomize": True, "deadline": None, "database": None}
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile("mutation", **steady, phases=phases)
    hypothesis.settings.load_profile("mutation")
    for step in FATES[1:-1]:
        status = attempt(step, module, asked)
        if status:
            return "killed" if status < 0 else step
    return "survived"


def start(module, code, asked, log, seconds=resource.RLIM_INFINITY) -> int:
    """A process that ends with what became of the module, as an index of FATES."""
    child = os.fork()
    if child == 0:
        output = os.open(log, os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        os._exit(FATES.index(trial(module, code, asked)))
    return child


def end() -> tuple[int, str, float]:
    """The next process to end: its number, its fate, its seconds of processor time."""
    child, status, usage = os.wait4(-1, 0)
    fate = FATES[os.waitstatus_to_exitcode(status)]
    return child, fate, usage.ru_utime + usage.ru_stime


def examine(module, asked, record) -> list[tuple[Mutant, str]]:
    """Each mutant of a module, and its fate."""
    source = Path(path_of(module)).read_text(encoding="utf-8")
    log = Path(f"{module}.log").resolve()
    start(module, compile(source, path_of(module), "exec"), asked, log)
    _, fate, seconds = end()
    if fate != "survived":
        print(f"{log.read_text()}\n{module} fails as it is: {fate}", file=sys.stderr)
        raise SystemExit(2)
    limit = round(10 + 5 * seconds)
    mutants = mutants_of(module, source)
    chance = random.Random(f"{asked.seed} {module}")
    waiting = chance.sample(mutants, -(-len(mutants) // asked.every))
    total, running, fates = len(waiting), {}, []
    while waiting or running:
        while waiting and len(running) < asked.jobs:
            mutant = waiting.pop()
            child = start(module, mutant.code, asked, os.devnull, limit)
            running[child] = mutant
        child, fate, taken = end()
        mutant = running.pop(child)
        fates.append((mutant, fate))
        print(f"{fate:9}{taken:5.1f} s  {mutant}", file=record, flush=True)
        if fate == "survived":
            reason = equivalence(mutant)
            print(f"{mutant}  # {reason}" if reason else mutant, flush=True)
        print(f"{module} {len(fates)}/{total}", end="\r", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return fates


def equivalence(mutant: Mutant) -> str:
    """Why nothing can tell it from the original; empty if something can."""
    found = (why for end, why in EQUIVALENT.items() if mutant.after.endswith(end))
    return next(found, "")


def score(name, fates) -> float:
    """Print how many were caught and by what; return the share of the unlike ones."""
    counts = Counter(fate for _, fate in fates)
    survivors = [mutant for mutant, fate in fates if fate == "survived"]
    equivalent = sum(bool(equivalence(one)) for one in survivors)
    caught, unlike = len(fates) - len(survivors), len(fates) - equivalent
    share = caught / max(1, unlike)
    by = ", ".join(f"{fate} {counts[fate]}" for fate in FATES[1:])
    print(f"{name}: caught {caught} of {unlike} ({100 * share:.1f} %); {by}", end="")
    print(f"; {equivalent} more are equivalent")
    return share


def main() -> int:
    """Try all mutants of the modules asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("modules", nargs="*", default=list(LESSONS), metavar="MODULE")
    parser.add_argument("--no-checks", dest="checks", action="store_false")
    parser.add_argument("--no-tests", dest="tests", action="store_false")
    parser.add_argument("--every", type=int, default=1, metavar="N")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--record", default=Path(tempfile.gettempdir(), "mutation.txt"))
    asked = parser.parse_args()
    for name in ONCE:
        importlib.import_module(name)
    fates = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        Path(asked.record).open("w", encoding="utf-8") as record,
    ):
        for name in ("torchbasics", "tests", "configs"):
            shutil.copytree(ROOT / name, Path(folder, name))
        for path in (*ROOT.glob("*.md"), ROOT / "pyproject.toml"):
            shutil.copy(path, folder)
        os.chdir(folder)
        sys.path[0] = folder
        print(f"what becomes of each mutant: {record.name}", file=sys.stderr)
        for module in asked.modules:
            fates[module] = examine(module, asked, record)
    for module, its_fates in fates.items():
        score(module, its_fates)
    return 0 if score("all", list(chain(*fates.values()))) >= 0.95 else 1


if __name__ == "__main__":
    sys.exit(main())
