"""Every public function, however it is called: it works, or says in a line why not.

What a caller has switched on changes no answer; what a tensor holds, or how, changes
none either, and what cannot be answered is one ValueError or TypeError.
"""

from functools import partial
from importlib import import_module
from itertools import islice, product
from typing import NamedTuple

import pytest
import torch
import torch.nn.functional as F
from helpers import case
from torch import Tensor, nn

import torchbasics
from torchbasics import MLP, rng
from torchbasics.activations import ACTIVATIONS, DERIVATIVES
from torchbasics.initialization import init_variance
from torchbasics.mean_field import mean_squares


class Call(NamedTuple):
    """A public function of tensors, and two that it takes: what numbers, what else."""

    function: object
    x: Tensor
    other: Tensor | None = None


DRAW = rng.generator(0, "face")
X = torch.randn(6, 5, generator=DRAW)
LOGITS = torch.randn(6, 5, generator=DRAW)
LABELS = torch.tensor([0, 1, 2, 3, 4, 0])
POINTS = torch.tensor([[0.0, 1.0], [1.0, 0.0], [3.0, 1.0], [2.0, 3.0]])
SIDES = torch.tensor([0, 0, 1, 1])


DTYPES = torch.float32, torch.float64, torch.float16, torch.bfloat16
NETWORKS = {dtype: MLP(5, [5, 4], 5, "gelu").to(dtype) for dtype in DTYPES}


def network(x):
    """A network of the inputs' dtype, its weights always the same."""
    return NETWORKS.get(getattr(x, "dtype", None), NETWORKS[torch.float32])


def probed(x, labels):
    return torchbasics.probe_copy(network(x), F.cross_entropy, x, labels).gradients()


def watched(x):
    with torchbasics.Probes(model := network(x)) as probes:
        model(x)
    return probes.activations


def product_with_one(x):
    """A matrix product of any tensor: the same numbers, where it is exact."""
    return x.flatten()[:, None] @ torch.ones(1, 1, dtype=x.dtype)


def in_eval_mode(x):
    with torchbasics.eval_mode(model := network(x)):
        return model(x)


def measured(x):
    return torchbasics.central_differences(
        lambda: product_with_one(x).square().sum(), x
    )


def weights_of(x):
    linear = nn.Linear(5, 4, bias=False)
    torchbasics.initialize(linear, "he", "relu", rng.generator(0, "weights"))
    return linear.weight


face = torchbasics
CALLS = {
    "Perceptron": Call(face.Perceptron([0.3, 0.7], -0.9), POINTS),
    "Perceptron.pre_activation": Call(
        face.Perceptron([0.3, 0.7], -0.9).pre_activation, POINTS
    ),
    "Perceptron.margin": Call(face.AND.margin, POINTS),
    "AND": Call(face.AND, POINTS),
    "OR": Call(face.OR, POINTS),
    "NAND": Call(face.NAND, POINTS),
    "NOT": Call(face.NOT, POINTS[:, :1]),
    "Xor": Call(face.Xor(), POINTS),
    "Xor.hidden": Call(face.Xor().hidden, POINTS),
    "perceptron_rule": Call(
        lambda x, y: list(islice(face.perceptron_rule(x, y), 3)), POINTS, SIDES
    ),
    "mistake_bound": Call(
        lambda x, y: face.mistake_bound(x, y, [-3, 1, 1]), POINTS, SIDES
    ),
    "separability": Call(face.separability, POINTS, SIDES),
    **{
        name: Call(getattr(face, name), X) for name in ("step", "softmax", *ACTIVATIONS)
    },
    **{f"DERIVATIVES[{name}]": Call(function, X) for name, function in (
        DERIVATIVES.items()
    )},
    "initialize": Call(weights_of, X),
    "MLP": Call(lambda x: network(x)(x), X),
    "squared_error": Call(face.squared_error, X, LOGITS),
    "cross_entropy": Call(face.cross_entropy, LOGITS, LABELS),
    "cross_entropy_gradient": Call(face.cross_entropy_gradient, LOGITS, LABELS),
    "forward_trace": Call(lambda x: face.forward_trace(network(x), x), X),
    "backward_trace": Call(
        lambda x, asked: face.backward_trace(network(x), x, asked), X, LOGITS
    ),
    "derivative": Call(
        partial(face.derivative, lambda x: product_with_one(x).view_as(x).square()), X
    ),
    "central_differences": Call(measured, X.double()),
    "signal_propagation": Call(
        lambda x: face.signal_propagation(
            x, [7, 8], "tanh", partial(init_variance, "lecun", "tanh")
        ),
        X,
    ),
    "Probes": Call(watched, X),
    "probe_copy": Call(probed, X, LABELS),
    "saturated": Call(partial(face.saturated, nn.Tanh()), X),
    "dead": Call(face.dead, X.relu()),
    "update_ratio": Call(face.update_ratio, X, LOGITS),
    "first_nonfinite": Call(
        lambda x, y: face.first_nonfinite(network(x), F.cross_entropy, x, y), X, LABELS
    ),
    "eval_mode": Call(in_eval_mode, X),
    "evaluate": Call(lambda x, y: face.evaluate(network(x), x, y), X, LABELS),
    "predict_probs": Call(lambda x: face.predict_probs(network(x), x), X),
    "most_confident_errors": Call(
        lambda x, y: face.most_confident_errors(x, y, 3), LOGITS.softmax(1), LABELS
    ),
}  # fmt: skip
NO_TENSORS = {"INPUTS", "ACTIVATIONS", "DERIVATIVES", "init_variance", "__version__"}
NO_TENSORS |= {"critical_sigma_w"}
FOLLOW_AUTOCAST = {"MLP", "Probes"}  # a model does as its caller says
"""What is not called with tensors; where autocast is the caller's own choice."""
ARGUMENTS = [
    (name, place)
    for name, place in product(CALLS.keys() - {"initialize"}, (1, 2))
    if CALLS[name][place] is not None
]
"""Each argument of each that is a tensor; `weights_of` only wants x for its dtype."""


def answer(call, *arguments):
    """What it answers, as tensors one can compare."""
    arguments = arguments or [call.x] + [call.other] * (call.other is not None)
    return numbers(call.function(*arguments))


def numbers(value):
    """All tensors and numbers in an answer."""
    if isinstance(value, Tensor):
        return [value.detach().double()]
    if isinstance(value, bool | int | float):
        return [torch.tensor(value, dtype=torch.float64)]
    if isinstance(value, dict):
        return numbers(list(value.values()))
    if isinstance(value, torchbasics.evaluation.Evaluation):
        return numbers([value.loss, value.confusion])
    if isinstance(value, list | tuple):
        return [number for part in value for number in numbers(part)]
    return []


def test_every_public_name_is_tried():
    assert set(ACTIVATIONS) <= set(torchbasics.__all__)
    tried = {name.partition(".")[0].partition("[")[0] for name in CALLS}
    assert set(torchbasics.__all__) - NO_TENSORS <= tried


@pytest.mark.parametrize(
    "mode",
    [
        partial(torch.autocast, "cpu", torch.bfloat16),
        torch.no_grad,
        torch.inference_mode,
    ],
    ids=["autocast", "no_grad", "inference_mode"],
)
def test_what_a_caller_has_switched_on_changes_no_answer(mode):
    for name in CALLS.keys() - FOLLOW_AUTOCAST:
        call = CALLS[name]
        wanted = answer(call)
        with case(name), mode():
            torch.testing.assert_close(answer(call), wanted, rtol=0, atol=0)


def test_a_model_does_what_its_callers_autocast_says():
    with torch.autocast("cpu", torch.bfloat16):
        assert MLP(5, [4], 3)(X).dtype == torch.bfloat16


def test_means_are_exact_under_autocast_in_either_dtype():
    for dtype in (torch.float32, torch.float64):
        q = torch.tensor([0.5, 2.0], dtype=dtype)
        wanted = mean_squares("tanh", q)
        with torch.autocast("cpu", torch.bfloat16):
            got = mean_squares("tanh", q)
        torch.testing.assert_close(got, wanted, rtol=0, atol=0)


def strided(x):
    """The same numbers, every second of twice as many."""
    return torch.stack([x, torch.zeros_like(x)], dim=-1)[..., 0]


HOW = {
    "not contiguous": strided,
    "transposed": lambda x: x.mT.contiguous().mT if x.ndim == 2 else x,
    "requiring gradients": lambda x: x.clone().requires_grad_(x.is_floating_point()),
    "float64": lambda x: x.double() if x.is_floating_point() else x,
}


@pytest.mark.parametrize("how", HOW)
def test_how_a_tensor_is_held_changes_no_answer(how):
    for name, call in CALLS.items():
        arguments = [HOW[how](x.clone()) for x in call[1:] if x is not None]
        with case(name):
            got, wanted = answer(call, *arguments), answer(call)
            torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)


def refused(error):
    """Whether this is what one wants to read: a line that says what was wanted."""
    text = str(error)
    return "\n" not in text.strip() and any(
        words in text for words in ("wanted", "must be", "do not separate")
    )


def works_or_is_refused(call, *arguments):
    """The answer, or None if it was refused in a line."""
    try:
        return answer(call, *arguments)
    except (ValueError, TypeError) as error:
        if not refused(error):
            raise
        return None


NAMES_AN_EXAMPLE = {"first_nonfinite", "most_confident_errors"}


@pytest.mark.parametrize(
    ("dtype", "near"), [(torch.float16, 0.03), (torch.bfloat16, 0.2)]
)
def test_half_precision_is_near_or_refused(dtype, near):
    for name, call in CALLS.items():
        given = [x for x in call[1:] if x is not None]
        halves = [x.to(dtype) if x.is_floating_point() else x for x in given]
        with case(name):
            got = works_or_is_refused(call, *halves)
            if got is not None and name not in NAMES_AN_EXAMPLE:
                torch.testing.assert_close(got, answer(call), rtol=near, atol=near)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
def test_whole_numbers_are_as_fractions_or_refused(dtype):
    for name, call in CALLS.items():
        whole = call.x.abs().to(dtype)
        rest = [] if call.other is None else [call.other]
        with case(name):
            got = works_or_is_refused(call, whole, *rest)
            if got is not None and name != "step":
                wanted = answer(call, whole.float(), *rest)
                torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-6)


def refuses(name, place, change):
    """Whether it refuses in a line what a change makes of one of its arguments."""
    arguments = [x for x in CALLS[name][1:] if x is not None]
    arguments[place - 1] = change(arguments[place - 1])
    try:
        CALLS[name].function(*arguments)
    except Exception as error:
        return isinstance(error, TypeError | ValueError) and refused(error)
    return False


WRONG = {
    "a list": lambda x: x.tolist(),
    "a tuple": lambda x: tuple(x.tolist()),
    "a number": lambda x: 1.0,
    "None": lambda x: None,
    "NumPy's": lambda x: x.numpy(),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_tensor_is_refused_in_a_line(what):
    assert [one for one in ARGUMENTS if not refuses(*one, WRONG[what])] == []


@pytest.mark.parametrize("change", [torch.Tensor.cfloat, torch.Tensor.to_sparse])
def test_what_is_complex_or_sparse_is_refused_in_a_line(change):
    assert [one for one in ARGUMENTS if not refuses(*one, change)] == []


@pytest.mark.parametrize("add", [2**24 + 1, 2**40 + 1])
def test_whole_numbers_that_float32_rounds_are_exact_or_refused(add):
    for name, call in CALLS.items():
        whole = call.x.abs().long() + add
        rest = [] if call.other is None else [call.other]
        with case(name):
            got = works_or_is_refused(call, whole, *rest)
            if got is not None and name not in {"step", "identity"}:
                wanted = answer(call, whole.double(), *rest)
                torch.testing.assert_close(got, wanted, rtol=1e-6, atol=0)


SHAPES = {
    "no examples": lambda x: x[:0],
    "one example by itself": lambda x: x[0],
    "one number": lambda x: x.flatten()[0],
    "a batch of batches": lambda x: x[None],
    "one feature more": lambda x: torch.cat([x, x[..., :1]], dim=-1),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_another_shape_has_finite_answers_or_is_refused(shape):
    change = SHAPES[shape]
    for name, call in CALLS.items():
        rest = [] if call.other is None else [change(call.other)]
        for others in (rest, call[2:3]):
            given = [x for x in (change(call.x), *others) if x is not None]
            with case(name):
                got = works_or_is_refused(call, *given)
                assert all(bool(number.isfinite().all()) for number in got or [])


def test_nothing_called_changes_what_it_was_given():
    for name, call in CALLS.items():
        before = [x.clone() for x in call[1:] if x is not None]
        answer(call)
        after = [x for x in call[1:] if x is not None]
        assert all(map(torch.equal, before, after)), name


@pytest.mark.parametrize("name", [*torchbasics.MODULES, "arguments", "device", "rng"])
def test_a_module_of_the_mathematics_is_an_attribute_of_the_face(name):
    """Asked directly, as an import has made an attribute of it by now."""
    module = import_module(f"torchbasics.{name}")
    assert torchbasics.__getattr__(name) is module
