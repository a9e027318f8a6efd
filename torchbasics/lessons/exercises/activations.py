"""Exercises of lesson 2: activation functions, their slopes, softmax."""

from typing import Any

import torch
from torch import tensor

from torchbasics.activations import relu, sigmoid, softmax, step
from torchbasics.lessons.exercises.asking import number_by_number
from torchbasics.lessons.exercises.exercise import Exercise, exercise

_POINTS = tensor([-3.0, -0.5, -1e-3, 0.0, 1e-3, 0.5, 0.75, 1.0, 2.0, 10.0, -0.75])
_FAR = tensor([900.0, -1000.0, 0.25])
_CASES = [(_POINTS,), (_FAR,), (tensor([-2.0, 3.0, 5.0]),)]  # any, all, sum differ
_SCORES = [
    (tensor([[0.3, 2.9, 4.0], [1.0, 0.0, -1.0], [0.2, 0.5, 0.2]]),),
    (tensor([[-2.0, 0.5, 0.25], [1.0, 1.0, 3.0]]),),
    (tensor([[1010.0, 1000.0, 990.0], [1.0, 1.0, 3.0]]),),
]
_OTHERS = """
    otherwise: (x > 0) * 1; sigmoid(x); tanh(x); relu(x); softmax(x); softplus(x);
        gelu(x);
    silu(x); elu(x); x / (1 + abs(x)); (x / 4 + 0.5).clip(0, 1);
    (x / 6 + 0.5).clip(0, 1);
    x.clip(0, 1); relu(x) ** 2; x.clip(min=1); x.clip(max=1); exp(x); exp(-x); x;
    x ** 2;
    sigmoid(x) * (1 - sigmoid(x)); 1 - tanh(x) ** 2; sigmoid(x) ** 2; sigmoid(-x);
    sigmoid(x) * (1 + sigmoid(x)); (1 - sigmoid(x)) ** 2; sigmoid(sigmoid(x));
    sigmoid(sigmoid(x)) * (1 - sigmoid(sigmoid(x))); sign(x); abs(x); (x != 0) * 1; -x;
    (x > 0) * 1 + (x <= 0) * x; (x < 0) * x; 1 / x;
    sigmoid(x) * (1 - x); x * sigmoid(x) * (1 - sigmoid(x)); exp(-x) / (1 + exp(-x))"""
_SCALAR: Any = {"if_none_answers": number_by_number, "alone": 1}


EXERCISES: dict[str, Exercise] = {
    "step": exercise(
        step,
        _CASES,
        **_SCALAR,
        wrong="""
            at_least: (x >= 0) * 1
            signs: sign(x); 2 * step(x) - 1
            inverted: (x < 0) * 1; (x <= 0) * 1
            half_at_zero: where(x == 0, 0.5, step(x))
            no_step: x
            sigmoid_for_step: sigmoid(x)
            other_threshold: (x > 0.5) * 1; (x > 1) * 1; (x >= 1) * 1
            """
        + _OTHERS,
    ),
    "sigmoid": exercise(
        sigmoid,
        _CASES,
        **_SCALAR,
        wrong="""
            exponent_sign: sigmoid(-x)
            overflows_below: where(x < -700, x / 0 * 0, sigmoid(x))
            tanh_for_sigmoid: tanh(x)
            minus_for_plus: 1 / (1 - exp(-x))
            no_brackets: 1 + exp(-x)
            other_base: 1 / (1 + 2 ** -x); 1 / (1 + 2.7 ** -x); 1 / (1 + 2.71 ** -x);
                1 / (1 + 2.718 ** -x); 1 / (1 + 2.72 ** -x); 1 / (1 + 3 ** -x);
                1 / (1 + 10 ** -x)
            """
        + _OTHERS,
    ),
    "sigmoid_slope": exercise(
        lambda x: sigmoid(x) * sigmoid(-x),
        _CASES,
        **_SCALAR,
        wrong="""
            slope_of_output: x * (1 - x)
            function_for_slope: sigmoid(x)
            square_for_product: 1 - sigmoid(x) ** 2
            slope_of_tanh: 1 - tanh(x) ** 2
            no_slope: 0 * x
            """
        + _OTHERS,
    ),
    "relu": exercise(
        relu,
        _CASES,
        **_SCALAR,
        wrong="""
            absolute: abs(x)
            smaller: x.clip(max=0)
            slope_for_function: step(x)
            clipped: x.clip(0, 1); relu6(x)
            not_summed_up: relu(x.max())
            leaky: where(x > 0, x, 0.01 * x); where(x > 0, x, 0.1 * x);
                where(x > 0, x, 0.2 * x); where(x > 0, x, 0.3 * x)
            mirrored: relu(-x)
            left_out: x[x > 0]; x[x >= 0]
            """
        + _OTHERS,
    ),
    "relu_slope": exercise(
        step,
        _CASES,
        **_SCALAR,
        kink_smeared=tuple(
            lambda x, h=h, n=n: (relu(x + h) - relu(x - n * h)) / (h + n * h)
            for h in (1.0, 0.5, 0.1, 0.01)
            for n in (0, 1)
        ),
        wrong="""
            slope_at_kink: (x >= 0) * 1
            half_at_kink: where(x == 0, 0.5, step(x))
            function_for_slope: relu(x)
            nan_at_kink: where(x == 0, x / 0, step(x))
            other_threshold: (x > 1) * 1; (x >= 1) * 1
            inverted: (x < 0) * 1; (x <= 0) * 1
            slope_of_absolute: sign(x); 2 * step(x) - 1; 1 - 2 * step(-x)
            leaky: where(x > 0, 1.0, 0.01); where(x > 0, 1.0, 0.1);
                where(x > 0, 1.0, 0.2)
            """
        + _OTHERS,
    ),
    "softmax": exercise(
        softmax,
        _SCORES,
        batched=1,
        words={
            "share": lambda x, dim=1: x / x.sum(dim, keepdim=True),
            "less": lambda x: torch.exp(x - x.amax(1, keepdim=True)),
        },
        wrong="""
            softmax_twice: softmax(softmax(x))
            over_examples: softmax(x, 0); share(exp(x), 0)
            over_everything: exp(x) / exp(x).sum(); less(x) / less(x).sum();
                softmax(x.flatten()).view(x.shape)
            one_maximum: share(exp(x - x.max()))
            log_softmax: log(softmax(x))
            no_exp: share(x)
            not_normalized: exp(x); less(x)
            one_hot: (x == x.amax(1, True)) * 1
            separate_sigmoids: sigmoid(x)
            softmin: softmax(-x)
            other_base: share(2 ** x); share(2.7 ** x); share(2.71 ** x);
                share(10 ** x);
                share(2.718 ** x); share(2.72 ** x); share(3 ** x)
            square_for_exp: share(x ** 2)
            no_keepdim: exp(x) / exp(x).sum(1); less(x) / less(x).sum(1);
                exp(x - x.amax(1)) / exp(x - x.amax(1)).sum(1)
            one_term: exp(x) / exp(x)[:, -1:]
            otherwise: exp(x) / x.sum(1, True); x.argmax(1);
                exp(x) / exp(x).mean(1, True);
                exp(x) / exp(x).amax(1, True); softmax(x) ** 2; 1 - softmax(x);
                sigmoid(x) / sigmoid(x).sum(1, True); x - log(exp(x).sum(1, True));
                x / x.amax(1, True); abs(x) / abs(x).sum(1, True); x / norm(x);
                less(x) / less(x).mean(1, True)""",
    ),
}
