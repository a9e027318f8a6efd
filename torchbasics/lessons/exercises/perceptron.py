"""Exercises of lesson 1: gates, a perceptron, one step of its rule."""

import torch
from torch import Tensor, tensor

from torchbasics.activations import step
from torchbasics.lessons.exercises.asking import ROWS, same
from torchbasics.lessons.exercises.cases import drawn
from torchbasics.lessons.exercises.exercise import Ask, Exercise, Mistake
from torchbasics.lessons.textbook import TRUTH_TABLES
from torchbasics.perceptron import INPUTS, separability

NUDGE = 1e-3


_TABLES = {  # all that a function of two inputs may answer
    **{name: tensor(table) for name, table in TRUTH_TABLES.items()},
    "NOR": tensor((1, 0, 0, 0)),
    "XNOR": tensor((1, 0, 0, 1)),
    "x1 and not x2": tensor((0, 1, 0, 0)),
    "not x1 and x2": tensor((0, 0, 1, 0)),
    "x1 or not x2": tensor((1, 1, 0, 1)),
    "not x1 or x2": tensor((1, 0, 1, 1)),
}
_SINGLE = {f"{no}x{i + 1}": i for i in (0, 1) for no in ("", "not ")}
_FAR = 1e6  # where only weights count, not the bias


def _gate(name: str) -> Exercise:
    """A gate to write. What went wrong is found by asking about other points too."""
    wanted = tensor(TRUTH_TABLES[name], dtype=torch.float64)
    places = tensor([1, 2])  # in the truth table
    right = lambda x: wanted[x.long() @ places]  # noqa: E731
    mistakes = _mistakes(name, wanted)
    return Exercise(name.lower(), right, ROWS, kind="gates", alone=1, asked=mistakes)


def _mistakes(name: str, wanted: Tensor) -> dict[str, Mistake]:
    """What may be wrong with the gate of that name and table, by its heading."""
    return {
        "not_summed": lambda ask, _: ask(INPUTS).shape == INPUTS.shape,
        "signs": lambda ask, _: same((ask(INPUTS) + 1) / 2, wanted),
        "tilde": lambda ask, _: same(ask(INPUTS) + 2, wanted),
        "minus_for_not": lambda ask, _: same(ask(INPUTS) + 1, wanted),
        "sign_lost": lambda ask, _: same(ask(INPUTS).abs(), wanted),
        "no_step": lambda ask, _: not _binary(ask) and same(step(ask(INPUTS)), wanted),
        "sum_only": lambda ask, _: not _binary(ask) and _is_sum(ask),
        "one_input": lambda ask, _: _one_input(ask),
        "one_line": lambda ask, _: (
            name == "XOR" and _needs_one_line(ask) and _other_gate(ask, name)
        ),
        "at_least": lambda ask, _: (
            _wrong_on_the_line(ask, wanted) and bool((ask(INPUTS) >= wanted).all())
        ),
        "on_the_line": lambda ask, _: (
            _wrong_on_the_line(ask, wanted) and bool((ask(INPUTS) <= wanted).all())
        ),
        "inverted": lambda ask, _: same(1 - ask(INPUTS), wanted),
        "bias_sign": lambda ask, _: same(1 - ask(-INPUTS), wanted),
        "no_bias": lambda ask, _: _line_through_zero(ask),
        "weights_sign": lambda ask, _: _is_constant(ask) and same(ask(-INPUTS), wanted),
        "always_0": lambda ask, _: not ask(INPUTS).any() and _weights_suit(ask, wanted),
        "always_1": lambda ask, _: (
            bool((ask(INPUTS) == 1).all()) and _weights_suit(ask, wanted)
        ),
        "xor_always_0": lambda ask, _: name == "XOR" and _always(ask) == "0",
        "xor_always_1": lambda ask, _: name == "XOR" and _always(ask) == "1",
        "always": lambda ask, _: _always(ask),
        "constant": lambda ask, _: _is_constant(ask) and f"{ask(INPUTS)[0]:g}",
        "sigmoid_for_step": lambda ask, _: _is_sigmoid(ask, wanted),
        "other_gate": lambda ask, _: _other_gate(ask, name),
        "column": lambda ask, _: same(ask(INPUTS), wanted[:, None]),
        "not_binary": lambda ask, _: ask(INPUTS).shape == (4,) and not _binary(ask),
    }


def _wrong_on_the_line(ask: Ask, wanted: Tensor) -> bool:
    """Whether all that is wrong lies on the edge of a half plane."""
    return bool((_on_the_line(ask) | (ask(INPUTS) == wanted)).all())


def _is_sigmoid(ask: Ask, wanted: Tensor) -> bool:
    sums = ask(INPUTS).logit()
    is_line = same(sums[0] + sums[3], sums[1] + sums[2])
    return is_line and same((sums > 0).double(), wanted)


def _weights_suit(ask: Ask, wanted: Tensor) -> bool:
    """Whether another bias would mend it: both weights have the gate's sign."""
    far = ask(_FAR * INPUTS)
    turns = bool(far[3] != ask(-_FAR * INPUTS)[3])
    return turns and same(far[1:3], wanted[3].expand(2))


def _other_gate(ask: Ask, name: str) -> str:
    others = (key for key in _TABLES if key != name)
    return next((key for key in others if same(ask(INPUTS), _TABLES[key])), "")


def _is_constant(ask: Ask) -> bool:
    return len(ask(INPUTS).unique()) == 1


def _always(ask: Ask) -> str:
    """The one answer that comes out here and far away."""
    answers = ask(torch.cat([_FAR * sign * INPUTS for sign in (1, -1)] + [INPUTS]))
    return f"{answers[0]:g}" if len(answers.unique()) == 1 else ""


def _is_sum(ask: Ask) -> bool:
    """Whether inputs are weighed and added, here and elsewhere, and no more."""
    bias, *ends = ask(INPUTS[:3])
    places = torch.cat([INPUTS, tensor([[3.0, -2.0], [-1.5, 0.25], [0.5, 7.0]])])
    sums = places.double() @ (torch.stack(ends) - bias)
    return bool(sums.any()) and same(ask(places), sums + bias)


def _one_input(ask: Ask) -> str:
    """The input that alone decides, here and elsewhere, with `not` if it turns it."""
    answers = ask(INPUTS)
    for how, i in _SINGLE.items():
        told = 1 - INPUTS[:, i] if "not" in how else INPUTS[:, i]
        moved = INPUTS.clone()
        moved[:, 1 - i] = 1 - moved[:, 1 - i]
        if same(answers, told) and same(ask(moved), told):
            return how
    return ""


def _on_the_line(ask: Ask) -> Tensor:
    """Which inputs lie on the edge of a half plane.

    There one of two opposite nudges changes the answer, and never both do.
    """
    here = ask(INPUTS)
    edges = torch.zeros(len(INPUTS), dtype=torch.bool)
    spikes = edges.clone()
    for nudge in NUDGE * torch.eye(2):
        changes = [ask(INPUTS + sign * nudge) != here for sign in (1, -1)]
        edges |= changes[0] ^ changes[1]
        spikes |= changes[0] & changes[1]
    return edges & ~spikes


def _line_through_zero(ask: Ask) -> bool:
    """Whether only directions count, and some weights alone give these answers."""
    both = torch.cat([INPUTS, -INPUTS])
    sums = both @ torch.cartesian_prod(*[torch.arange(-2.0, 3)] * 2).T
    answers = ask(both)
    lines = (step(sums), (sums >= 0).float())
    return same(answers, ask(NUDGE * both)) and any(
        same(answers, line) for line in torch.cat(lines, 1).T if 0 < line[1:].sum() < 7
    )


def _needs_one_line(ask: Ask) -> bool:
    return _binary(ask) and separability(INPUTS, ask(INPUTS).int()).separable


def _binary(ask: Ask) -> bool:
    return set(ask(INPUTS).tolist()) <= {0, 1}


def _perceptron(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return step(x @ weight + bias)


def _update(weight: Tensor, x: Tensor, target: Tensor) -> Tensor:
    return weight + (target - step(weight @ x)) * x


def _one_by_one(w: Tensor, x: Tensor, t: Tensor) -> Tensor:
    """Each weight changed before the perceptron is asked anew for the next."""
    w = w.clone()
    for i in range(len(w)):
        w[i] += (t - step(w @ x)) * x[i]
    return w


EXERCISES = (
    *map(_gate, ("AND", "OR", "NAND", "XOR")),
    Exercise(
        "perceptron",
        _perceptron,
        batched=1,
        fresh=drawn("normal N D", "normal D", "normal", N=4, D=2),
    ),
    Exercise(
        "update",
        _update,
        fresh=[
            (sign * weight, x.index_fill(0, tensor(0), 1), tensor(wanted).double())
            for weight, x in drawn("normal 3", "normal 3")
            for wanted in (0.0, 1.0)
            for sign in (1, -1)
        ],
        words={"update": _update, "one_by_one": _one_by_one},
        values={"answer": lambda weight, x, _: step(weight @ x)},
    ),
)
