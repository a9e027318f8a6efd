"""The judge, by kinds: what was once refused, accepted or named amiss, and messages."""
# ruff: noqa: B905, PLR1722, RET503 - as learners write

import math
import random
import re
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import case, full
from judged import NAMED
from torch import nn

from torchbasics.lessons import prose, textbook
from torchbasics.lessons.exercises import EXERCISES, check, formulas
from torchbasics.lessons.exercises.exercise import Ask
from torchbasics.lessons.exercises.judge import judge
from torchbasics.lessons.exercises.mistakes import REPEATS, own

pytestmark = pytest.mark.slow  # hundreds of answers


def np_softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def network(x):
    with torch.no_grad():
        return textbook.network()(torch.as_tensor(x).double()).softmax(1)


def error_of_one_example(outputs, wanted):
    total = 0.0
    for o, w in zip(outputs, wanted, strict=True):
        total += (o - w) ** 2
    return total / 2


def book_cross_entropy(y, t):
    if y.ndim == 1:
        t, y = t.reshape(1, t.size), y.reshape(1, y.size)
    return -np.sum(np.log(y[np.arange(len(y)), t] + 1e-7)) / len(y)


def cross_entropy_by_one_hot(y, t):
    return -np.sum(np.eye(y.shape[1])[t] * np.log(y + 1e-7)) / len(y)


RIGHT = [
    ("softmax", lambda x: torch.softmax(x, dim=1)),
    ("softmax", nn.Softmax(dim=1)),
    ("softmax", np_softmax),
    ("softmax", lambda x: (np_softmax(np.asarray(x).T.T)).tolist()),
    ("squared_error", error_of_one_example),
    ("squared_error", lambda y, t: math.pow(y - t, 2) / 2),
    ("squared_error", lambda y, t: 0.5 * np.dot(y - t, y - t)),
    ("squared_error", lambda y, t: sum((a - b) ** 2 for a, b in zip(y, t)) / 2),
    ("cross_entropy", book_cross_entropy),
    ("cross_entropy", cross_entropy_by_one_hot),
    ("and", lambda x1, x2: x1 & x2),
    ("or", lambda x1, x2: x1 | x2),
    ("xor", lambda x1, x2: x1 ^ x2),
    ("and", lambda x1, x2: (x1 + x2 > 1.5).float()),
    ("and", lambda x1, x2: (x1 + x2 > 1.5).astype(int)),
    ("or", torch.logical_or),
    ("and", lambda x: x == [1, 1]),
    ("sgd_step", lambda w, g, lr: float(w) - lr * float(g)),
    ("left", lambda f, n: math.prod([f] * n)),
    ("sigmoid", lambda x: np.float32(1) / (1 + np.exp(-np.float32(x)))),
    ("softmax", lambda x: x.bfloat16().softmax(1)),
    ("matmul", lambda a, b: a.astype(np.float16) @ b.astype(np.float16)),
]

WRONG = [
    ("flatten", lambda x: x.reshape(len(x), -1) / x.max()),
    (
        "flatten",
        lambda x: x.reshape(len(x), -1) / x.reshape(len(x), -1).max(1)[:, None],
    ),
    ("sigmoid", lambda x: 1 / (1 + 2.7**-x)),
    ("sigmoid", lambda x: torch.sigmoid(x) + 0.0005),
    ("sigmoid", lambda x: round(1 / (1 + math.exp(-max(x, -700))), 2)),
    ("softmax", lambda x: np_softmax(x).round(2)),
    ("matmul", lambda a, b: (a @ b).round()),
    ("add_bias", lambda x, b: np.round(x + b, 2)),
    ("layer", lambda x, w, b: np.round(x @ w + b, 2)),
    ("squared_error", lambda y, t: round(float(((y - t) ** 2).sum() / 2), 2)),
    ("sgd_step", lambda w, g, lr: np.round(w - lr * g, 2)),
    ("accuracy", lambda x, t: round(float((x.argmax(1) == t).mean()), 2)),
    ("gradient", lambda f, x: np.round([2 * x[0] + x[1], x[0] + 3 * x[1] ** 2], 2)),
    ("update", lambda w, x, t: np.round(w + (t - (w @ x > 0)) * x, 2)),
    ("left", lambda f, n: round(f**n, 2)),
    ("step", lambda x: x > 0.1),
    ("relu", lambda x: x * (x > 0.01)),
    ("relu_slope", lambda x: x >= 0.5),
]


@pytest.mark.parametrize(("exercise", "function"), RIGHT)
def test_right_in_one_sensible_form_is_right(exercise, function):
    judgement = judge(EXERCISES[exercise], function, "en")
    assert judgement.passed, judgement.message


@pytest.mark.parametrize(("exercise", "function"), WRONG)
def test_nearly_right_is_not_right(exercise, function):
    assert not judge(EXERCISES[exercise], function, "en").passed


def thrown(seed):
    dice = random.Random(seed)
    return lambda x1, x2: dice.randint(0, 1)


def test_chance_is_refused_and_told():
    for seed in range(20):
        judgement = judge(EXERCISES["and"], thrown(seed), "en")
        assert judgement.misconception == "random", seed
    assert 4 * REPEATS >= 32  # bits that chance would have to guess


def test_a_rarely_random_gate_is_told_too():
    calls = iter(range(10**6))

    def my_and(x1, x2):
        return x1 * x2 if next(calls) < 10 else 1

    judgement = judge(EXERCISES["and"], my_and, "en")
    assert not judgement.passed


@pytest.mark.parametrize("exercise", full(*EXERCISES, first=14))
def test_what_learners_do_is_named(exercise):
    for number, (of, name, function) in enumerate(NAMED):
        if of == exercise:
            with case(number, name):
                judgement = judge(EXERCISES[exercise], function, "en")
                assert not judgement.passed
                assert judgement.misconception == name, judgement.message
                assert "{" not in judgement.message.rpartition("\n")[2]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_each_exercise_has_three_wrong_answers_of_its_own(exercise):
    assert sum(name == exercise for name, _, _ in NAMED) >= 3


@pytest.mark.parametrize(
    ("exercise", "function"),
    [
        ("sigmoid_slope", lambda x: torch.exp(-x) / (1 + torch.exp(-x)) ** 2),
        ("sigmoid_slope", lambda x: torch.exp(x) / (1 + torch.exp(x)) ** 2),
        ("sigmoid_slope", lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
        ("sigmoid", lambda x: np.exp(x) / (1 + np.exp(x))),
        ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
        ("softmax", lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        ("step", lambda x: torch.exp(x) / (torch.exp(x) + 1) > 0.5),
        ("relu", lambda x: torch.log(1 + torch.exp(50 * x)) / 50),
    ],
)
def test_a_formula_is_tried_on_large_numbers_too(exercise, function):
    assert not judge(EXERCISES[exercise], function, "en").passed


def always_but_one(x1, x2):
    if x1 + x2 < 2:
        return 0


@pytest.mark.parametrize(
    ("exercise", "function", "told"),
    [
        ("and", always_but_one, "For 1.0, 1.0 the function returns None, though"),
        ("relu", lambda x: x if x > 0 else None, "For -3.0 the function returns"),
        ("relu", lambda x: None, "returns None: it may print"),
    ],
)
def test_the_input_that_got_no_answer_is_told(exercise, function, told):
    assert told in judge(EXERCISES[exercise], function, "en").message


MISNAMED = [
    ("nand", "no_bias", lambda x1, x2: int(x1 == x2 == 0)),
    ("and", "no_bias", lambda x1, x2: int(not x1 and not x2)),
    ("softmax", "one_example", lambda x: (-x).softmax(-1)),
    ("softmax", "one_example", lambda x: 2**x / (2**x).sum(-1, keepdims=True)),
    ("softmax", "one_example", lambda x: x**2 / (x**2).sum(-1, keepdims=True)),
    ("softmax", "one_example", lambda x: abs(x) / abs(x).sum(-1, keepdims=True)),
    ("update", "at_least", lambda w, x, t: w),
    ("update", "at_least", lambda w, x, t: w + 0 * x),
    ("accuracy", "cut_to_whole", lambda x, t: (x.argmax(1) == t).all()),
    ("xor", "no_bias", lambda x1, x2: int(x1 - x2 > 0)),
    ("xor", "no_bias", lambda x1, x2: int(0.5 * x1 + 0.5 * x2 > 0)),
    ("xor", "at_least", lambda x1, x2: int(x1 + x2 >= 1)),
]


@pytest.mark.parametrize(("exercise", "name", "function"), MISNAMED)
def test_a_name_that_explains_nothing_is_not_given(exercise, name, function):
    judgement = judge(EXERCISES[exercise], function, "en")
    assert not judgement.passed
    assert judgement.misconception != name


COINCIDENCES = [
    ("forward", "scaled", lambda x: 1 - network(x)),
    ("accuracy", "replaced", lambda x, t: np.mean(x.argmax(1) == np.argmax(t))),
    ("accuracy", "whole_only", lambda x, t: 2 - (x.argmax(1) == t).sum()),
    ("accuracy", "all_or_nothing", lambda x, t: (x.max(1) == t).mean()),
    ("cross_entropy", "term_missing", lambda p, t: -np.log(p.max(1)).mean()),
    ("gradient", "right_only_in", lambda f, x: 2 * x),
    ("predict", "right_only_in", lambda x: [np.flatnonzero(r >= r[0])[-1] for r in x]),
    ("predict", "scaled", lambda x: x.shape[1] - 1 - x.argmax(1)),
    ("left", "one_layer_more", lambda f, n: f ** (2 ** (n - 1))),
    ("factor", "replaced", lambda left, n: n ** (1 / left)),
    ("relu_slope", "part_only", lambda x: int((x > 0).all())),
    ("layer", "one_example", lambda x, w, b: (x @ w + b).T),
    ("sigmoid", "otherwise", lambda x: torch.exp(x) / (1 + torch.exp(x))),
]


@pytest.mark.parametrize(("exercise", "name", "function"), COINCIDENCES)
def test_what_is_said_is_true_on_other_inputs_too(exercise, name, function):
    judgement = judge(EXERCISES[exercise], function, "en")
    assert not judgement.passed
    assert judgement.misconception != name, judgement.message


@pytest.mark.parametrize(
    "function",
    [
        lambda y, t: ((y - t) ** 2).sum(0) / 2,
        lambda y, t: ((np.asarray(y) - np.asarray(t)) ** 2).sum(axis=0) / 2,
        lambda y, t: ((np.array(y) - np.array(t)) ** 2).sum(-1) / 2,
        lambda y, t: [((a - b) ** 2).sum() / 2 for a, b in zip(y, t)],
        lambda y, t: np.square(np.subtract(y, t)) / 2,
        lambda y, t: np.sum(np.subtract(y, t) ** 2, axis=0, keepdims=True) / 2,
    ],
)
def test_rows_are_not_tried_where_the_batch_was_answered(function):
    assert not judge(EXERCISES["squared_error"], function, "en").passed


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if EXERCISES[e].fresh])
def test_each_mistake_can_be_looked_for(exercise):
    """No formula stops with anything but numbers or shapes that do not fit."""
    found = EXERCISES[exercise]
    ask = Ask(found, lambda _, *case: found.right(*case).sin() + 0.123, judge)
    for mistake in own(found).values():
        assert not mistake(ask, [*found.cases[:1], *found.fresh])


@pytest.mark.parametrize("lesson", formulas.WRONG)
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_what_is_told_uses_no_name_that_learners_lack(lesson, lang):
    sentences, tasks = prose.sections("mistakes", lang), prose.tasks(lang)
    call = tasks[lesson].call if lesson in tasks else "(x)"
    known = {
        *formulas._WORDS,
        *re.findall(r"\w+", call.partition("(")[2]),
        "True",
        "False",
        "None",
    }
    known |= {"dim", "keepdim", "unbiased", "min", "max", "descending", "answer"}
    known |= {"decimals", "a"}  # a: put in for it is the name of an argument
    known |= {"W1", "W2", "W3", "b1", "b2", "b3"}
    for heading, text in formulas.by_heading(formulas.WRONG[lesson]).items():
        explained = set(
            re.findall(r"(?<![A-Za-z])[ipr](?![A-Za-z])", sentences[heading])
        )
        told = formulas.formulas([], text) if "{how}" in sentences[heading] else ()
        for how in told:
            assert set(re.findall(r"(?<![.\w])[A-Za-z_]\w*", how)) <= known | explained


@pytest.mark.parametrize("exercise", ["shrink", "squared_error", "cross_entropy"])
def test_an_answer_that_nothing_explains_is_judged_soon(exercise):
    found = EXERCISES[exercise]
    before = time.process_time()
    judgement = judge(found, lambda *case: found.right(*case).sin() + 0.123, "en")
    assert judgement.misconception == ""
    assert time.process_time() - before < 3


def test_an_exercise_may_be_named_as_it_is_listed(capsys):
    assert check(min, "my_and", lang="en")
    assert capsys.readouterr().out == "Right.\n"


MESSAGES = [
    ("and", lambda x1, x2: int(x1 + x2 >= 1)),
    ("and", lambda x: (x.sum() >= 1).float()),
    ("or", lambda x: float(np.dot(x, [1, 1]) - 2 > 0)),
    ("sigmoid", lambda x: 1 / (1 + 2.7**-x)),
    ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
    ("relu", lambda x: x - x.min()),
    ("step", lambda x: 1 if x >= 0 else 0),
    ("softmax", lambda x: np.exp(x) / np.exp(x).sum()),
    ("matmul", lambda a, b: [[0.0] * len(b[0])] * len(a)),
    ("layer", lambda x, w, b: torch.tensor(x) @ torch.tensor(w)),
    ("forward", lambda x: torch.softmax(x, 1)),
    ("update", lambda w, x, t: w - x),
    ("gradient", lambda f, x: f(x)),
    ("gradient", lambda f, x: [f(x), 0.0]),
    ("descend", lambda gradient, x, lr, steps: x - lr * np.asarray(gradient(x))),
    ("descend", lambda gradient, x, lr, steps: [v + lr for v in x]),
    ("sgd_step", lambda w, g, lr: [a - b for a, b in zip(w, g)]),
    ("squared_error", lambda y, t: sum(abs(a - b) for a, b in zip(y, t)) / 2),
    ("cross_entropy", lambda p, t: p[0, t[0]]),
    ("left", lambda f, n: f * n),
    ("factor", lambda left, n: left / n),
    ("shrink", lambda w, s: np.linalg.norm(w)),
    ("flatten", lambda x: x.reshape(len(x), -1) / 256),
    ("flatten", lambda x: [[p / 256 for r in i for p in r] for i in x]),
    ("flatten", lambda x: x.astype(int).reshape(len(x), -1) // 255),
    ("predict", lambda x: np.argmin(x, axis=1)),
    ("accuracy", lambda x, t: np.mean(x.argmax(1) != t)),
    ("relu", lambda x: 1 / 0),
    ("relu", lambda x: "no"),
    ("relu", lambda x: None),
    ("relu", lambda x: x[:2]),
]


@pytest.mark.parametrize(("exercise", "function"), full(*MESSAGES, first=16))
def test_a_message_can_be_typed_and_says_what_then_comes(exercise, function):
    """What a sentence says of a call is what that call gives."""
    first = judge(EXERCISES[exercise], function, "en").message.splitlines()[0]
    sentence = (
        r"For (.*?)(?:,? the| the)? (answer(?:\[(.*?)\])? is|answer has|function)"
    )
    given, _, place = re.match(
        sentence, first.replace(", answer[", " answer[")
    ).groups()
    names = {"torch": torch, "np": np, "function": function}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            answer = eval(f"function({given})", names)
        except Exception as caught:
            answer = caught
    if isinstance(answer, Exception):
        assert f"stopped with {type(answer).__name__}: {answer}." in first
    elif answer is None or isinstance(answer, str):
        assert f"returns {answer!r}" in first
    elif "has shape" in first:
        assert f"shape {tuple(np.shape(answer))}" in first
    else:
        answer = torch.as_tensor(np.asarray(answer), dtype=torch.float64)
        for i in map(int, filter(None, (place or "").split(", "))):
            answer = answer[i]
        told = re.search(r" is (.*?); wanted", first)[1]
        if ".." in told:
            assert f"{float(answer.min()):.4g}"[:5] in told
        else:
            assert np.allclose(eval(told), answer, rtol=1e-3), (first, answer)


def test_an_overflow_that_raised_is_told_as_raised():
    message = judge(
        EXERCISES["sigmoid"], lambda x: 1 / (1 + math.exp(-x)), "en"
    ).message
    assert "For -1000.0 the function stopped with OverflowError: math range" in message
    assert "nan;" not in message


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda x: sys.exit(), "SystemExit"),
        (lambda x: sys.exit("bye"), "SystemExit: bye"),
        (lambda x: exit(), "SystemExit"),
        (lambda x: quit(3), "SystemExit: 3"),
        (lambda x: x.clamp(min=0) if x.ndim and len(x) > 1 else sys.exit(), ""),
        (lambda x: input("x? "), "EOFError"),
    ],
)
def test_nothing_in_a_function_ends_the_interpreter(function, told, monkeypatch):
    before = sys.stdin
    for name in ("and", "matmul"):
        judge(EXERCISES[name], function, "en")
    judgement = judge(EXERCISES["relu"], function, "en")
    assert told in judgement.message
    assert sys.stdin is before
    assert not before.closed


def test_ctrl_c_still_interrupts():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        judge(EXERCISES["relu"], interrupted, "en")


@pytest.mark.parametrize("lang", ["kr", "korean", "EN", "", "de"])
def test_a_language_that_is_not_there_is_refused(lang):
    with pytest.raises(
        ValueError, match=f"no language '{lang}'; there are auto, en, ko"
    ):
        check(lambda x1, x2: 1, "and", lang=lang)


def test_the_languages_that_are_there_are_taken(capsys):
    for lang in ("auto", "en", "ko"):
        assert check(min, "and", lang=lang)
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize(
    ("returned", "english", "korean"),
    [
        (torch.tensor(1 + 2j), "returns (1+2j); wanted are real", "답은 실수여야"),
        (torch.empty(3, device="meta"), "device='meta'", "답은 실수여야"),
        ([[1, 2], [3]], "differ in length or shape", "서로 다릅니다"),
    ],
)
def test_what_is_no_real_number_is_told_in_each_language(returned, english, korean):
    for lang, told in (("en", english), ("ko", korean)):
        judgement = judge(EXERCISES["relu"], lambda x: returned, lang)
        assert told in judgement.message
    words = re.findall("[A-Za-z]+", judgement.message)
    assert set(words) <= {"torch", "tensor", "j", "device", "meta", "size"}


def test_no_label_of_the_judge_is_left_over():
    source = Path(judge.__code__.co_filename).read_text(encoding="utf-8")
    folder = Path(judge.__code__.co_filename).parent
    asking = "".join(
        (folder / name).read_text("utf-8") for name in ("asking.py", "exercise.py")
    )
    for lang in ("en", "ko"):
        words = prose.read("course", lang).words
        assert "differs" not in words
        for key in ("raises", "shape"):
            assert "{given}" in words[key]
            assert f'"{key}"' in source
        for key in ("none", "none_here", "changes_argument", "not_numbers", "ragged"):
            assert "{given}" in words[key]
            assert f'"{key}"' in asking
