"""The judge: mistakes as learners make them are named, right answers are accepted."""

import math
import random
from fractions import Fraction
from functools import partial
from importlib import import_module

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import case, full
from judged import NAMED
from torch import nn

from torchbasics.lessons import LESSONS, textbook
from torchbasics.lessons.exercises import BY_LESSON, EXERCISES, check
from torchbasics.lessons.exercises.judge import judge
from torchbasics.lessons.exercises.mistakes import DERIVED, VAGUE, own
from torchbasics.perceptron import INPUTS, Perceptron

W1 = np.array([[0.1, 0.3, 0.5], [0.2, 0.4, 0.6]])
W2 = np.array([[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]])
W3 = np.array([[0.1, 0.3], [0.2, 0.4]])
B1, B2, B3 = np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.2]), np.array([0.1, 0.2])


def np_sigmoid(x):
    return 1 / (1 + np.exp(-x))


def np_softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def network(x, hidden=np_sigmoid, last=np_softmax, bias=1.0):
    z = hidden(np.asarray(x) @ W1 + bias * B1)
    z = hidden(z @ W2 + bias * B2)
    return last(z @ W3 + bias * B3)


def fires(total):
    return 1 if total > 0 else 0


def matmul_of_rows_with_rows(a, b):
    return [[sum(p * q for p, q in zip(r, s, strict=True)) for s in b] for r in a]


def of_right(probs, labels):
    return np.array([p[int(label)] for p, label in zip(probs, labels, strict=True)])


def np_cross_entropy_of_one_hot(probs, labels):
    one_hot = np.eye(3)[labels]
    return -np.sum(one_hot * np.log(probs)) / len(probs)


def slopes_by_measuring(f, x, h=1e-4, divisor=2.0):
    slopes = []
    for i in range(len(x)):
        kept = float(x[i])
        x[i] = kept + h
        above = f(x)
        x[i] = kept - h
        below = f(x)
        x[i] = kept
        slopes.append((above - below) / (divisor * h))
    return slopes


def descend(gradient, x, lr, steps):
    x = np.asarray(x)
    for _ in range(steps):
        x = x - lr * np.asarray(gradient(x))
    return x


def descend_without_zeroing(gradient, x, lr, steps):
    grad = np.zeros(2)
    for _ in range(steps):
        grad += gradient(x)
        x = x - lr * grad
    return x


def descend_by_the_first_gradient(gradient, x, lr, steps):
    slopes = gradient(x)
    for _ in range(steps):
        x = x - lr * slopes
    return x


def rms(values):
    return np.sqrt(np.mean(np.square(values)))


def matmul_of_squares(a, b):
    n = range(len(a))
    return [[sum(a[i][k] * b[k][j] for k in n) for j in n] for i in n]


def loop_matmul(a, b, result=None, adds=True):
    result = np.zeros((len(a), len(b[0]))).tolist() if result is None else result
    for i in range(len(a)):
        for j in range(len(b[0])):
            for k in range(len(b)):
                result[i][j] = adds * result[i][j] + a[i][k] * b[k][j]
    return np.array(result)


def aliased_add_bias(x, b):
    result = [[0] * len(b)] * len(x)
    for i in range(len(x)):
        for j in range(len(b)):
            result[i][j] = x[i][j] + b[j]
    return result


def error_with_plain_assignment(y, t):
    for row, right in zip(y, t, strict=True):
        for a, b in zip(row, right, strict=True):
            total = (a - b) ** 2
    return total / 2


MISTAKES = [
    ("update", "adds_target", lambda w, x, t: w + t * x),
    ("update", "only_adds", lambda w, x, t: w + x if (w @ x > 0) != t else w),
    ("update", "change_only", lambda w, x, t: (t - (w @ x > 0) * 1) * x),
    ("update", "other_rate", lambda w, x, t: w + 0.1 * (t - (w @ x > 0) * 1) * x),
    ("sigmoid", "no_brackets", lambda x: 1 / 1 + np.exp(-x)),
    ("relu", "leaky", F.leaky_relu),
    ("matmul", "square_only", matmul_of_squares),
    ("forward", "over_everything",
     lambda x: network(x, last=lambda a: np.exp(a) / np.exp(a).sum())),
    ("forward", "one_sigmoid_missing",
     lambda x: np_softmax((np_sigmoid(x @ W1 + B1) @ W2 + B2) @ W3 + B3)),
    ("forward", "inferred_weights", lambda x: textbook.network("source")(x.double())
     .softmax(1)),
    ("perceptron", "one_example", lambda x, w, b: fires(np.sum(x * w) + b)),
    ("layer", "one_example",
     lambda x, w, b: [x[0] * w[0][0] + x[1] * w[1][0] + b[0],
                      x[0] * w[0][1] + x[1] * w[1][1] + b[1]]),
    ("softmax", "over_everything", lambda x: np.exp(x) / np.sum(np.exp(x))),
    ("predict", "one_example", lambda x: sorted(range(4), key=lambda c: x[c])[-1]),
    ("left", "times_layers", lambda f, n: f * n),
    ("left", "shared_by_layers", lambda f, n: f / n),
    ("left", "lost_for_left", lambda f, n: 1 - f**n),
    ("left", "one_layer_less", lambda f, n: math.prod([f] * (int(n) - 1))),
    ("left", "factor_from_layers", lambda f, n: f ** (1 / n)),
    ("factor", "shared_by_layers", lambda left, n: left / n),
    ("factor", "factor_from_layers", lambda left, n: left**n),
    ("factor", "root_of_two", lambda left, n: math.sqrt(left)),
    ("shrink", "no_root", lambda w, s: np.sum(w**2) * np.mean(s**2)),
    ("shrink", "slopes_only", lambda w, s: rms(s)),
    ("shrink", "weights_only", lambda w, s: np.linalg.norm(w)),
    ("shrink", "no_fan_in", lambda w, s: rms(w) * rms(s)),
    ("shrink", "mean_for_square", lambda w, s: np.linalg.norm(w) * np.mean(s)),
    ("squared_error", "no_half", lambda y, t: np.sum((y - t) ** 2)),
    ("squared_error", "mean_for_half", F.mse_loss),
    ("squared_error", "no_square", lambda y, t: 0.5 * np.sum(y - t)),
    ("squared_error", "absolute_error", lambda y, t: 0.5 * np.abs(y - t).sum()),
    ("squared_error", "not_added_up", lambda y, t: 0.5 * (y - t) ** 2),
    ("squared_error", "root", lambda y, t: np.sqrt(np.sum((y - t) ** 2))),
    ("cross_entropy", "sum_for_mean", lambda p, t: -np.log(of_right(p, t)).sum()),
    ("cross_entropy", "no_minus", lambda p, t: np.log(of_right(p, t)).mean()),
    ("cross_entropy", "not_averaged", lambda p, t: -np.log(of_right(p, t))),
    ("cross_entropy", "log_of_zero", np_cross_entropy_of_one_hot),
    ("cross_entropy", "labels_as_numbers",
     lambda p, t: -(t[:, None] * p.log()).sum() / len(p)),
    ("cross_entropy", "mean_over_classes",
     lambda p, t: -(np.eye(3)[t] * np.log(p + 1e-7)).mean()),
    ("cross_entropy", "other_log", lambda p, t: -np.log2(of_right(p, t)).mean()),
    ("cross_entropy", "log_10", lambda p, t: -np.log10(of_right(p, t)).mean()),
    ("cross_entropy", "no_log", lambda p, t: (1 - of_right(p, t)).mean()),
    ("cross_entropy", "softmax_of_probs", nn.CrossEntropyLoss()),
    ("gradient", "too_small", lambda f, x: slopes_by_measuring(f, x, h=1e-50)),
    ("gradient", "too_large", lambda f, x: slopes_by_measuring(f, x, h=1.0)),
    ("gradient", "half_step", lambda f, x: slopes_by_measuring(f, x, divisor=1.0)),
    ("gradient", "all_at_once",
     lambda f, x: (f(x + 1e-4) - f(x - 1e-4)) / 2e-4 * np.ones(2)),
    ("gradient", "along_all", lambda f, x: (f(x + 1e-4) - f(x - 1e-4)) / 2e-4),
    ("gradient", "downhill", lambda f, x: [-s for s in slopes_by_measuring(f, x)]),
    ("gradient", "value_for_slope", lambda f, x: f(x)),
    ("sgd_step", "uphill", lambda w, g, lr: w + lr * g),
    ("sgd_step", "no_lr", lambda w, g, lr: w - g),
    ("sgd_step", "divided_by_lr", lambda w, g, lr: w - g / lr),
    ("sgd_step", "change_only", lambda w, g, lr: -lr * g),
    ("sgd_step", "lr_for_both", lambda w, g, lr: lr * (w - g)),
    ("sgd_step", "times_weight", lambda w, g, lr: w * (1 - lr * g)),
    ("descend", "not_zeroed", descend_without_zeroing),
    ("descend", "gradient_of_start", descend_by_the_first_gradient),
    ("descend", "one_step_only", lambda g, x, lr, n: x - lr * g(x)),
    ("descend", "too_few", lambda g, x, lr, n: descend(g, x, lr, n - 1)),
    ("descend", "too_many", lambda g, x, lr, n: descend(g, x, lr, n + 1)),
    ("descend", "uphill", lambda g, x, lr, n: descend(g, x, -lr, n)),
    ("descend", "no_lr", lambda g, x, lr, n: descend(g, x, 1, n)),
    ("descend", "never_moved", lambda g, x, lr, n: x),
    ("flatten", "not_scaled", lambda x: x.reshape(len(x), 784)),
    ("flatten", "one_long_row", lambda x: x.reshape(-1) / 255),
    ("flatten", "columns_first", lambda x: x.transpose(0, 2, 1).reshape(-1, 784) / 255),
    ("flatten", "not_flat", lambda x: x / 255),
    ("flatten", "whole_numbers", lambda x: x.reshape(len(x), 784) // 255),
    ("flatten", "inverted_pixels", lambda x: 1 - x.reshape(len(x), -1) / 255),
    ("predict", "best_score", lambda x: x.max(1).values),
    ("predict", "over_examples_argmax", lambda x: np.argmax(x, axis=0)),
    ("predict", "one_answer", np.argmax),
    ("predict", "probabilities", lambda x: x.softmax(1)),
    ("predict", "smallest", lambda x: np.argmin(x, axis=1)),
    ("predict", "counted_from_1", lambda x: [list(r).index(max(r)) + 1 for r in x]),
    ("accuracy", "count_for_share", lambda x, t: (x.argmax(1) == t).sum()),
    ("accuracy", "in_percent", lambda x, t: 100 * np.mean(x.argmax(1) == t)),
    ("accuracy", "error_for_accuracy", lambda x, t: np.mean(x.argmax(1) != t)),
    ("accuracy", "unfinished", lambda x, t: x.argmax(1) == t),
    ("accuracy", "mean_probability",
     lambda x, t: x.softmax(1).gather(1, t[:, None]).mean()),
    ("and", "at_least", lambda x1, x2: int(x1 + x2 >= 1)),
    ("or", "at_least", lambda x1, x2: int(x1 + x2 >= 0)),
    ("nand", "at_least", lambda x1, x2: int(-x1 - x2 + 2 >= 0)),
    ("and", "on_the_line", lambda x1, x2: fires(x1 + x2 - 2)),
    ("or", "on_the_line", lambda x1, x2: fires(x1 + x2 - 1)),
    ("and", "no_bias", lambda x1, x2: fires(0.5 * x1 + 0.5 * x2)),
    ("and", "bias_sign", lambda x1, x2: fires(0.5 * x1 + 0.5 * x2 + 0.7)),
    ("nand", "bias_sign", lambda x1, x2: fires(-0.5 * x1 - 0.5 * x2 - 0.7)),
    ("and", "inverted", lambda x1, x2: 0 if x1 + x2 > 1.5 else 1),
    ("and", "not_summed", lambda x: (np.array([0.5, 0.5]) * x - 0.7 > 0).astype(int)),
    ("and", "not_summed", lambda x: (x * torch.tensor([0.5, 0.5])) > 0.7),
    ("or", "no_step", lambda x1, x2: 0.5 * x1 + 0.5 * x2 - 0.2),
    ("and", "signs", lambda x1, x2: 1 if x1 + x2 > 1.5 else -1),
    ("xor", "one_line", lambda x1, x2: fires(x1 + x2 - 0.5)),
    ("xor", "inverted", lambda x1, x2: int(x1 == x2)),
    ("nand", "other_gate", lambda x1, x2: fires(x1 + x2 - 0.5)),
    ("and", "other_gate", lambda x1, x2: fires(x1 + x2 - 0.5)),
    ("and", "always_0", lambda x1, x2: fires(x1 + x2 - 5)),
    ("or", "always_1", lambda x1, x2: fires(x1 + x2 + 5)),
    ("and", "one_input", lambda x1, x2: x1),
    ("perceptron", "at_least", lambda x, w, b: (x @ w + b >= 0) * 1),
    ("perceptron", "no_bias", lambda x, w, b: (x @ w > 0) * 1),
    ("perceptron", "bias_sign", lambda x, w, b: (x @ w > b) * 1),
    ("perceptron", "no_step", lambda x, w, b: x @ w + b),
    ("perceptron", "signs", lambda x, w, b: np.where(x @ w + b > 0, 1, -1)),
    ("perceptron", "inverted", lambda x, w, b: (x @ w + b <= 0) * 1),
    ("perceptron", "not_summed", lambda x, w, b: (x * w + b > 0) * 1),
    ("update", "away", lambda w, x, t: w - (t - (w @ x > 0) * 1) * x),
    ("update", "always_moves", lambda w, x, t: w + x if t else w - x),
    ("update", "no_input", lambda w, x, t: w + (t - (w @ x > 0) * 1)),
    ("update", "sum_for_answer", lambda w, x, t: w + (t - w @ x) * x),
    ("update", "at_least", lambda w, x, t: w + (t - (w @ x >= 0) * 1) * x),
    ("update", "always_moves", lambda w, x, t: w + (1 if t else -1) * x),
    ("step", "at_least", lambda x: (x >= 0).float()),
    ("step", "signs", torch.sign),
    ("step", "no_step", lambda x: x),
    ("step", "inverted", lambda x: 1 if x < 0 else 0),
    ("sigmoid", "exponent_sign", lambda x: 1 / (1 + np.exp(x))),
    ("sigmoid", "overflows", lambda x: np.exp(x) / (1 + np.exp(x))),
    ("sigmoid", "overflows_below", lambda x: 1 / (1 + math.exp(-x))),
    ("sigmoid", "tanh_for_sigmoid", np.tanh),
    ("sigmoid", "minus_for_plus", lambda x: 1 / (1 - np.exp(-x))),
    ("sigmoid_slope", "slope_of_output", lambda x: x * (1 - x)),
    ("sigmoid_slope", "function_for_slope", np_sigmoid),
    ("sigmoid_slope", "square_for_product", lambda x: 1 - np_sigmoid(x) ** 2),
    ("sigmoid_slope", "scaled", lambda x: np_sigmoid(x) * (np_sigmoid(x) - 1)),
    ("relu", "absolute", abs),
    ("relu", "smaller", lambda x: np.minimum(x, 0)),
    ("relu", "slope_for_function", lambda x: (x > 0) * 1),
    ("relu", "clipped", lambda x: min(max(x, 0), 1)),
    ("relu", "not_summed_up", lambda x: max(0, *x)),
    ("relu_slope", "slope_at_kink", lambda x: 1 if x >= 0 else 0),
    ("relu_slope", "half_at_kink", lambda x: np.heaviside(x, 0.5)),
    ("relu_slope", "function_for_slope", torch.relu),
    ("relu_slope", "slope_of_absolute", np.sign),
    ("softmax", "overflows", lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    ("softmax", "softmax_twice", lambda x: x.softmax(-1).softmax(-1)),
    ("softmax", "over_examples", lambda x: x.softmax(0)),
    ("softmax", "over_everything", lambda x: np_softmax(x, axis=None)),
    ("softmax", "log_softmax", lambda x: x.log_softmax(-1)),
    ("softmax", "no_exp", lambda x: x / x.sum(-1, keepdims=True)),
    ("softmax", "not_normalized", lambda x: np.exp(x - x.max(-1, keepdims=True))),
    ("softmax", "one_hot", lambda x: F.one_hot(x.argmax(-1), 3)),
    ("softmax", "separate_sigmoids", torch.sigmoid),
    ("matmul", "number_by_number", lambda a, b: a * b),
    ("matmul", "swapped", lambda a, b: b @ a),
    ("matmul", "rows_with_rows", matmul_of_rows_with_rows),
    ("matmul", "columns_with_columns", lambda a, b: a.T @ b),
    ("matmul", "transposed_result", lambda a, b: b.T @ a.T),
    ("matmul", "one_sum", lambda a, b: (a * b).sum()),
    ("matmul", "one_sum_per_row", lambda a, b: (a * b).sum(1)),
    ("add_bias", "bias_per_example", lambda x, b: x + b.reshape(-1, 1)),
    ("add_bias", "right_only_in", lambda x, b: np.vstack([x[0] + b, x[1:]])),
    ("add_bias", "number_by_number", lambda x, b: x * b),
    ("add_bias", "bias_sign", lambda x, b: x - b),
    ("add_bias", "lists_joined", lambda x, b: [*list(x), b]),
    ("layer", "transposed_weight", F.linear),
    ("layer", "no_bias", lambda x, w, b: x @ w),
    ("layer", "bias_sign", lambda x, w, b: x @ w - b),
    ("layer", "bias_per_example", lambda x, w, b: x @ w + b[:, None]),
    ("layer", "number_by_number", lambda x, w, b: x * w + b),
    ("layer", "activated", lambda x, w, b: np_sigmoid(x @ w + b)),
    ("layer", "swapped", lambda x, w, b: w @ x + b),
    ("forward", "no_softmax", lambda x: network(x, last=lambda a: a)),
    ("forward", "softmax_twice", lambda x: np_softmax(network(x))),
    ("forward", "sigmoid_for_softmax", lambda x: network(x, last=np_sigmoid)),
    ("forward", "activated_output",
     lambda x: network(x, last=lambda a: np_softmax(np_sigmoid(a)))),
    ("forward", "linear_hidden", lambda x: network(x, hidden=lambda a: a)),
    ("forward", "relu_for_sigmoid", lambda x: network(x, hidden=lambda a: a * (a > 0))),
    ("forward", "softmax_hidden", lambda x: network(x, hidden=np_softmax)),
    ("forward", "no_bias", lambda x: network(x, bias=0.0)),
    ("forward", "over_examples",
     lambda x: network(x, last=lambda a: np_softmax(a, axis=0))),
    ("forward", "log_softmax", lambda x: np.log(network(x))),
    ("forward", "bias_sign", lambda x: network(x, bias=-1.0)),
    ("forward", "over_everything",
     lambda x: network(x, last=lambda a: np.exp(a) / np.sum(np.exp(a)))),
    ("forward", "transposed_weight",
     lambda x: np_softmax(np_sigmoid(np_sigmoid(x @ W1 + B1) @ W2 + B2) @ W3.T + B3)),
    ("or", "other_gate", lambda x1, x2: int(x1 != x2)),
    ("xor", "one_line", lambda x1, x2: x1 or x2),
    ("nand", "one_input", lambda x1, x2: not x1),
    ("and", "one_input", lambda x1, x2: x1 == 1),
    ("xor", "inverted", lambda a, b: a == b),
    ("xor", "one_line", lambda a, b: int(a * b > 0)),
    ("nand", "no_bias", lambda x1, x2: fires(-0.5 * x1 - 0.5 * x2)),
    ("and", "column", lambda x: x.sum(1, keepdim=True) > 1.5),
    ("perceptron", "column", lambda x, w, b: x @ w[:, None] + b > 0),
    ("predict", "column", lambda x: x.topk(1).indices),
    ("perceptron", "signs", lambda x, w, b: np.sign(x @ w + b)),
    ("perceptron", "inverted", lambda x, w, b: (x @ w + b < 0) * 1),
    ("step", "signs", lambda x: np.where(x > 0, 1, -1)),
    ("step", "inverted", lambda x: x <= 0),
    ("step", "half_at_zero", lambda x: np.heaviside(x, 0.5)),
    ("step", "sigmoid_for_step", torch.sigmoid),
    ("sigmoid", "exponent_sign", lambda x: 1 / (1 + math.exp(x))),
    ("sigmoid", "overflows", lambda x: math.exp(x) / (1 + math.exp(x))),
    ("relu", "clipped", F.relu6),
    ("relu", "not_summed_up", lambda x: np.max(np.append(x, 0))),
    ("relu_slope", "slope_of_absolute", lambda x: np.where(x > 0, 1, -1)),
    ("relu_slope", "slope_of_absolute", lambda x: -1 if x < 0 else 1),
    ("softmax", "not_normalized", np.exp),
    ("softmax", "over_examples", lambda x: np.exp(x) / np.exp(x).sum(0)),
    ("softmax", "over_everything", lambda x: np.exp(x) / np.sum(np.exp(x))),
    ("layer", "activated", lambda x, w, b: torch.relu(x @ w + b)),
    ("layer", "activated", lambda x, w, b: np.tanh(x @ w + b)),
    ("layer", "activated", lambda x, w, b: x @ w + b > 0),
    ("squared_error", "for_each_example", lambda y, t: ((y - t) ** 2).sum(1) / 2),
    ("flatten", "divided_by_256", lambda x: x.reshape(len(x), 784) / 256),
    ("predict", "unfinished", lambda x: F.one_hot(x.argmax(1), 4)),
    ("predict", "one_hot_answer", lambda x: F.one_hot(x.argmax(1), x.shape[1])),
    ("accuracy", "all_or_nothing", lambda x, t: (x.argmax(1) == t).sum() // len(t)),
    ("accuracy", "scores_with_labels", lambda x, t: (x.max(1)[0] == t).float().mean()),
    ("left", "one_layer_more", lambda f, n: f ** (n + 1)),
    ("factor", "one_layer_less", lambda left, n: left ** (1 / (n - 1))),
    ("shrink", "fan_in_of_slopes",
     lambda w, s: np.sqrt(len(s) * np.mean(w**2) * np.mean(s**2))),
    ("shrink", "summed_slopes", lambda w, s: np.linalg.norm(w) * np.linalg.norm(s)),
    ("shrink", "variance_for_square",
     lambda w, s: np.sqrt(np.sum(w**2) * np.var(s))),
    ("and", "random", lambda x1, x2: np.random.default_rng().integers(2)),
    ("left", "random", lambda f, n: f**n * (1 + random.random())),
    ("squared_error", "caret", lambda y, t: ((y - t) ^ 2).sum() / 2),
    ("left", "caret", lambda f, n: f ^ n),
    ("squared_error", "caret",
     lambda y, t: sum((a - b) ^ 2 for a, b in zip(y, t, strict=True))),
    ("softmax", "rounded", lambda x: np_softmax(x).round(2)),
    ("step", "other_threshold", lambda x: x > 0.5),
    ("sigmoid", "other_base", lambda x: 1 / (1 + 10**-x)),
    ("sigmoid", "other_base", lambda x: 1 / (1 + 2.7**-x)),
    ("softmax", "other_base", lambda x: 2**x / (2**x).sum(-1, keepdims=True)),
    ("sigmoid", "only_0_and_1", lambda x: (x > 0) * 1),
    ("relu_slope", "constant", np.ones_like),
    ("gradient", "too_large", lambda f, x: [
        f([x[0] + 1, x[1]]) - f(x), f([x[0], x[1] + 1]) - f(x)]),
    ("accuracy", "scores_with_labels", lambda x, t: np.mean(x.max(1) == t)),
    ("sigmoid", "tanh_for_sigmoid",
     lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))),
    ("sigmoid_slope", "slope_of_tanh", lambda x: 1 - np.tanh(x) ** 2),
    ("sigmoid_slope", "no_slope",
     lambda x: np_sigmoid(x) * 1 - np_sigmoid(x)),
    ("relu", "mirrored", lambda x: max(-x, 0)),
    ("relu", "leaky", lambda x: x if x > 0 else 0.1 * x),
    ("relu", "otherwise", torch.tanh),
    ("relu_slope", "leaky", lambda x: 1 if x > 0 else 0.01),
    ("relu_slope", "inverted", lambda x: 1 if x < 0 else 0),
    ("softmax", "softmin", lambda x: (-x).softmax(-1)),
    ("softmax", "square_for_exp", lambda x: x**2 / (x**2).sum(-1, keepdims=True)),
    ("softmax", "no_keepdim", lambda x: np.exp(x) / np.sum(np.exp(x), axis=1)),
    ("softmax", "no_keepdim", lambda x: x.exp() / x.exp().sum(dim=-1)),
    ("matmul", "one_term", lambda a, b: loop_matmul(a, b, adds=False)),
    ("layer", "one_term", lambda x, w, b: loop_matmul(x, w, adds=False) + b),
    ("squared_error", "one_term", error_with_plain_assignment),
    ("cross_entropy", "one_term",
     lambda p, t: [-math.log(q[c]) / len(t) for q, c in zip(p, t, strict=True)][-1]),
    ("accuracy", "one_term", lambda x, t: [float(r.argmax() == c) / len(t)
                                           for r, c in zip(x, t, strict=True)][-1]),
    ("perceptron", "one_term", lambda x, w, b: [fires(r[-1] * w[-1] + b) for r in x]),
    ("update", "one_term", lambda w, x, t: w + (t - fires(w[-1] * x[-1])) * x),
    ("left", "one_term", lambda f, n: f),
    ("matmul", "repeated",
     lambda a, b: loop_matmul(a, b, [[0] * len(b[0])] * len(a))),
    ("add_bias", "repeated", aliased_add_bias),
    ("layer", "bias_each_term", lambda x, w, b: sum(
        x[:, i : i + 1] * w[i] + b for i in range(len(w)))),
    ("perceptron", "bias_each_term", lambda x, w, b: [
        fires(sum(v * q + b for v, q in zip(r, w, strict=True))) for r in x]),
    ("add_bias", "one_bias_for_all", lambda x, b: x + sum(b)),
    ("forward", "one_bias_missing", lambda x: np_softmax(
        np_sigmoid(np_sigmoid(x @ W1) @ W2 + B2) @ W3 + B3)),
    ("forward", "one_bias_missing", lambda x: np_softmax(
        np_sigmoid(np_sigmoid(x @ W1 + B1) @ W2 + B2) @ W3)),
    ("forward", "tanh_hidden", lambda x: network(x, hidden=np.tanh)),
    ("update", "unchanged", lambda w, x, t: w),
    ("update", "bias_unchanged", lambda w, x, t: [
        w[0], *(w[i] + (t - (w @ x > 0) * 1) * x[i] for i in (1, 2))]),
    ("update", "no_bias", lambda w, x, t: w + (t - (w[1:] @ x[1:] > 0) * 1) * x),
    ("update", "sigmoid_for_step", lambda w, x, t: w + (t - np_sigmoid(w @ x)) * x),
    ("and", "sigmoid_for_step", lambda x1, x2: np_sigmoid(x1 + x2 - 1.5)),
    ("nand", "sigmoid_for_step",
     lambda x: 1 / (1 + math.exp(0.5 * x[0] + 0.5 * x[1] - 0.7))),
    ("perceptron", "sigmoid_for_step", lambda x, w, b: torch.sigmoid(x @ w + b)),
    ("squared_error", "mean_for_sum", lambda y, t: ((y - t) ** 2).mean() / 2),
    ("cross_entropy", "labels_as_numbers", lambda y, t: -np.sum(t * np.log(y + 1e-7))),
    ("cross_entropy", "labels_as_numbers",
     lambda y, t: -np.sum(t * np.log(y + 1e-7)) / y.shape[0]),
    ("cross_entropy", "one_example", lambda y, t: -math.log(y[t])),
    ("gradient", "not_divided", lambda f, x: slopes_by_measuring(f, x, 1e-4, 2e4)),
    ("gradient", "halved", lambda f, x: [s / 2 for s in slopes_by_measuring(f, x)]),
    ("flatten", "own_maximum", lambda x: x.reshape(len(x), -1) / x.max()),
    ("accuracy", "all_or_nothing", lambda x, t: (x.argmax(1) == t).all()),
    ("accuracy", "all_or_nothing", lambda x, t: sum(x.argmax(1) == t) // len(t)),
    ("left", "base_and_exponent", lambda f, n: n**f),
    ("factor", "cut_to_whole", lambda left, n: left ** (1 // n)),
    ("factor", "log_of_factor", lambda left, n: math.log(left) / n),
    ("nand", "other_gate", lambda x1, x2: int(x1 + x2 == 0)),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_mistake_is_named(exercise):
    for number, (name, mistake, function) in enumerate(MISTAKES):
        if name == exercise:
            with case(number, mistake):
                judgement = judge(EXERCISES[exercise], function, "en")
                assert not judgement.passed
                assert judgement.misconception == mistake, judgement.message


def test_each_mistake_that_has_a_name_was_made_here():
    made = {mistake for _, mistake, _ in MISTAKES}
    known = {
        name
        for exercise in EXERCISES.values()
        for name in (*own(exercise), *DERIVED, *VAGUE)
    }
    assert made | {mistake for _, mistake, _ in NAMED} == known


def and_of_a_nest(x1, x2):
    if x1 == 1:  # noqa: SIM102
        if x2 == 1:
            return True
    return False


def and_of_a_table(x1, x2):
    return {(0, 0): 0, (1, 0): 0, (0, 1): 0, (1, 1): 1}[(round(x1), round(x2))]


class LinearOr(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 1)
        with torch.no_grad():
            self.linear.weight.fill_(3.0)
            self.linear.bias.fill_(-1.0)

    def forward(self, x):
        return (self.linear(x) > 0).squeeze(1)


def xor_of_numpy_gates(x1, x2):
    x = np.array([x1, x2])
    nand = int(np.sum(x * np.array([-0.5, -0.5])) + 0.7 > 0)
    or_ = int(np.sum(x * np.array([0.5, 0.5])) - 0.2 > 0)
    return int(0.5 * nand + 0.5 * or_ - 0.7 > 0)


def loop_perceptron(x, weight, bias):
    answers = []
    for row in x:
        total = bias
        for value, w in zip(row, weight, strict=True):
            total = total + value * w
        answers.append(1 if total > 0 else 0)
    return answers


def loop_update(weight, x, target):
    total = sum(w * v for w, v in zip(weight, x, strict=True))
    answer = 1 if total > 0 else 0
    return [w + (target - answer) * v for w, v in zip(weight, x, strict=True)]


def stable_np_sigmoid(x):
    out = np.empty_like(x)
    out[x >= 0] = 1 / (1 + np.exp(-x[x >= 0]))
    out[x < 0] = np.exp(x[x < 0]) / (1 + np.exp(x[x < 0]))
    return out


def relu_in_place(x):
    x[x < 0] = 0
    return x


def autograd_slope(x):
    x = x.clone().requires_grad_()
    torch.sigmoid(x).sum().backward()
    return x.grad


def list_softmax(x):
    if isinstance(x[0], list):
        return [list_softmax(row) for row in x]
    top = max(x)
    exps = [math.exp(value - top) for value in x]
    return [e / sum(exps) for e in exps]


def float16_forward(x):
    half = [torch.tensor(w, dtype=torch.float16) for w in (W1, W2, W3, B1, B2, B3)]
    z = torch.sigmoid(x.half() @ half[0] + half[3])
    z = torch.sigmoid(z @ half[1] + half[4])
    return torch.softmax(z @ half[2] + half[5], -1)


def float32_forward(x):
    w1, w2, w3, b1, b2, b3 = (torch.tensor(w).float() for w in (W1, W2, W3, B1, B2, B3))
    hidden = torch.sigmoid(torch.sigmoid(x @ w1 + b1) @ w2 + b2)
    return torch.softmax(hidden @ w3 + b3, 1)


def almost(x, place):
    """The network with one of its 23 weights and biases 0.1 too large."""
    changed = np.concatenate([a.ravel() for a in (W1, W2, W3, B1, B2, B3)])
    changed[place] += 0.1
    w1, w2, w3, b1, b2, b3 = np.split(changed, [6, 12, 16, 19, 21])
    z = np_sigmoid(np.asarray(x) @ w1.reshape(2, 3) + b1)
    z = np_sigmoid(z @ w2.reshape(3, 2) + b2)
    return np_softmax(z @ w3.reshape(2, 2) + b3)


RIGHT = [
    ("left", lambda f, n: math.exp(n * math.log(f))),
    ("left", lambda f, n: math.prod(f for _ in range(int(n)))),
    ("factor", lambda left, n: math.exp(math.log(left) / n)),
    ("shrink", lambda w, s: np.linalg.norm(w) * rms(s)),
    ("squared_error", lambda y, t: 0.5 * np.sum((y - t) ** 2)),
    ("squared_error", lambda y, t: F.mse_loss(y, t, reduction="sum") / 2),
    ("cross_entropy", lambda p, t: F.nll_loss(p.log(), t)),
    ("cross_entropy", lambda p, t: -np.log(of_right(p, t) + 1e-7).mean()),
    (
        "cross_entropy",
        lambda p, t: -sum(math.log(q[c]) for q, c in zip(p, t, strict=True)) / len(t),
    ),
    ("gradient", slopes_by_measuring),
    ("gradient", lambda f, x: torch.func.grad(f)(x)),
    ("sgd_step", lambda w, g, lr: np.subtract(w, np.multiply(lr, g))),
    ("sgd_step", lambda w, g, lr: w.add_(g, alpha=-float(lr))),
    ("descend", descend),
    ("flatten", lambda x: x.flatten(1).float().div(255)),
    ("flatten", lambda x: [[p / 255 for row in image for p in row] for image in x]),
    ("predict", lambda x: x.softmax(1).argmax(1)),
    ("predict", lambda x: [row.index(max(row)) for row in x]),
    ("accuracy", lambda x, t: (x.argmax(1) == t).float().mean()),
    (
        "accuracy",
        lambda x, t: (
            sum(r.index(max(r)) == c for r, c in zip(x, t, strict=True)) / len(t)
        ),
    ),
    ("and", and_of_a_nest),
    ("and", and_of_a_table),
    ("and", lambda x1, x2: x1 * x2),
    ("and", min),
    ("and", lambda x: x.prod()),
    ("and", lambda x: np.float16(20) * x[0] + np.float16(20) * x[1] > np.float16(30)),
    ("and", Perceptron([1.0, 1.0], -1.0)),
    ("or", LinearOr()),
    ("or", max),
    ("or", lambda x1, x2: fires(-(0.2 - x1 - 3 * x2))),
    ("nand", lambda x1, x2: not (x1 and x2)),
    ("nand", lambda x: torch.heaviside(1.5 - x.sum(), torch.tensor(0.0))),
    ("xor", xor_of_numpy_gates),
    ("xor", lambda x1, x2: int(x1) ^ int(x2)),
    ("xor", lambda x1, x2: abs(x1 - x2)),
    ("xor", lambda x: x.sum(1) == 1),
    ("perceptron", loop_perceptron),
    ("perceptron", lambda x, w, b: np.where(np.dot(x, w) > -b, 1.0, 0.0)),
    ("perceptron", lambda x, w, b: (F.linear(x, w[None], b[None])[:, 0] > 0).int()),
    ("update", loop_update),
    ("step", lambda x: np.array(x > 0, dtype=np.float16)),
    ("step", lambda x: 1 if x > 0 else 0),
    ("step", lambda x: x.relu().sign()),
    ("sigmoid", torch.sigmoid),
    ("sigmoid", lambda x: torch.sigmoid(x.half())),
    ("sigmoid", stable_np_sigmoid),
    ("sigmoid", lambda x: (1 + math.tanh(x / 2)) / 2),
    ("sigmoid", lambda x: 1 / (1 + torch.exp(-x))),
    ("sigmoid_slope", autograd_slope),
    ("sigmoid_slope", lambda x: 0.25 / np.cosh(x / 2) ** 2),
    ("relu", relu_in_place),
    ("relu", lambda x: (x + abs(x)) / 2),
    ("relu", lambda x: x * (x > 0)),
    ("relu", nn.ReLU()),
    ("relu", lambda x: max(x, 0)),
    ("relu_slope", lambda x: np.heaviside(x, 0)),
    ("relu_slope", lambda x: x.gt(0)),
    ("softmax", list_softmax),
    ("softmax", np_softmax),
    ("softmax", nn.Softmax(-1)),
    ("softmax", lambda x: torch.exp(x - torch.logsumexp(x, -1, keepdim=True))),
    ("matmul", loop_matmul),
    ("matmul", lambda a, b: torch.einsum("ij,jk->ik", a, b)),
    ("matmul", lambda a, b: (a[:, :, None] * b[None]).sum(1)),
    ("add_bias", lambda x, b: [[p + q for p, q in zip(r, b, strict=True)] for r in x]),
    ("add_bias", lambda x, b: np.tile(b, (len(x), 1)) + x),
    ("layer", lambda x, w, b: F.linear(x, w.T, b)),
    ("layer", lambda x, w, b: (np.dot(x, w) + b).astype(np.float16)),
    ("forward", network),
    ("forward", float16_forward),
    ("forward", lambda x: textbook.network()(x.double()).softmax(1)),
    ("forward", lambda x: textbook.network()(x).softmax(1)),
    ("forward", float32_forward),
    ("relu", lambda x: x.to_sparse().relu() if x.ndim else x),
    ("relu", lambda x: [torch.relu(v.requires_grad_()) for v in x]),
    ("sigmoid", lambda x: [v.bfloat16().sigmoid() for v in x]),
    ("relu", lambda x: [Fraction(max(v, 0)) for v in x]),
    ("layer", lambda x, w, b: torch.addmm(b.double(), x.double(), w.double())),
    ("or", lambda x1, x2: x1 or x2),
    ("xor", lambda x1, x2: x1 != x2),
    ("and", lambda a, b: a == b == 1),
]

ALMOST_RIGHT = [
    ("forward", lambda x: network(x)[::-1]),
    ("step", lambda x: x.max() > 0),
    ("relu", lambda x: max(0, x.sum())),
    ("sigmoid", lambda x: np_sigmoid(np.mean(x))),
    ("sigmoid_slope", lambda x: np.max(np_sigmoid(x) * (1 - np_sigmoid(x)))),
    ("and", lambda x1, x2: str(int(x1 * x2))),
    ("and", lambda x1, x2: complex(x1 * x2, 1)),
    ("relu", lambda x: x.relu() + 1j),
    ("update", lambda w, x, t: w + (t - abs(np.sign(w @ x))) * x),
    ("update", lambda w, x, t: w + t * (1 - (w @ x > 0) * 1) * x),
]


@pytest.mark.slow
@pytest.mark.parametrize("exercise", EXERCISES)
def test_a_right_answer_is_accepted_however_it_is_written(exercise):
    for number, (name, function) in enumerate(RIGHT):
        if name == exercise:
            with case(number):
                judgement = judge(EXERCISES[exercise], function, "en")
                assert judgement.passed, judgement.message


@pytest.mark.slow
@pytest.mark.parametrize(("exercise", "function"), ALMOST_RIGHT)
def test_what_is_nearly_right_is_refused(exercise, function):
    assert not judge(EXERCISES[exercise], function, "en").passed


@pytest.mark.slow
@pytest.mark.parametrize("place", full(5, 10, *{*range(23)} - {5, 10}, first=2))
def test_a_network_of_which_one_number_is_wrong_is_refused(place):
    assert not judge(EXERCISES["forward"], lambda x: almost(x, place), "en").passed


def test_each_lesson_has_exercises_of_its_own_and_hands_out_the_one_check():
    assert tuple(BY_LESSON) == LESSONS
    assert sum(map(len, BY_LESSON.values())) == len(EXERCISES)
    for lesson in LESSONS:
        assert import_module(f"torchbasics.lessons.{lesson}").check is check


def test_each_exercise_was_solved_here():
    assert {exercise for exercise, _ in RIGHT} == set(EXERCISES)


def test_what_is_wrong_without_a_name_is_still_shown():
    judgement = judge(EXERCISES["sigmoid"], lambda x: x / 7, "en")
    assert not judgement.passed
    assert judgement.misconception == ""
    assert "wanted" in judgement.message


def test_a_sentence_says_for_which_input(capsys):
    def my_and(x1, x2):
        return 1 if x1 + x2 >= 1 else 0

    assert check(my_and, lang="en") is False
    first, why = capsys.readouterr().out.splitlines()
    assert first == "For 1.0, 0.0 the answer is 1.0; wanted 0.0."
    assert ">= 0" in why


def test_a_sentence_is_korean_where_that_is_asked(capsys):
    assert check(min, "and", lang="ko")
    assert capsys.readouterr().out == "맞았습니다.\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: print(end=""), "`return` is missing"),
        (lambda x: x[17], "IndexError"),
        (lambda x: x.no_such_thing, "AttributeError"),
        (lambda: 1, "TypeError"),
        (lambda x: "a text", "returns 'a text'; wanted are real numbers"),
        (lambda x: [[1.0], [1.0, 2.0]], "differ in length or shape"),
        (lambda x: x.to("meta"), "device='meta', size=(11,)); wanted are real"),
        (lambda x: 1 / 0, "ZeroDivisionError"),
        (lambda x: no_such_name if x > 0 else 0, "no_such_name"),  # noqa: F821
        (lambda x: torch.exp(x) + "a", "TypeError"),
        (lambda x: x[:2], "shape (2,); wanted (11,)"),
    ],
)
def test_what_does_not_run_is_said_in_words(function, message):
    judgement = judge(EXERCISES["relu"], function, "en")
    assert not judgement.passed
    assert message in judgement.message


def test_the_exercise_is_found_by_the_functions_name(capsys):
    def my_relu_slope(x):
        return (x > 0) * 1.0

    def nand(x1, x2):
        return 1 - x1 * x2

    def unnamed(x):
        return x

    assert check(my_relu_slope)
    assert check(nand)
    with pytest.raises(ValueError, match=r"which exercise is unnamed.*matmul"):
        check(unnamed)
    with pytest.raises(ValueError, match=r"no exercise 'nor'; there are and, or"):
        check(nand, "nor")
    with pytest.raises(TypeError, match=r"function is 1; wanted a function"):
        check(nand(0, 0))
    capsys.readouterr()


def test_many_numbers_are_told_by_shape_and_range():
    judgement = judge(EXERCISES["flatten"], lambda x: x.reshape(len(x), 784), "en")
    assert "answer[0] is (784,) 0.0..255.0; wanted (784,) 0.0..1.0" in judgement.message


def test_where_many_numbers_look_alike_the_first_other_one_is_shown():
    images = EXERCISES["flatten"].cases[0][0]
    shuffled = judge(
        EXERCISES["flatten"], lambda x: x.reshape(len(x), -1).flip(1) / 255, "en"
    )
    first, last = images[0, 0, 0].item() / 255, images[0, 27, 27].item() / 255
    assert f"answer[0, 0] is {last:.4g}; wanted {first:.4g}." in shuffled.message


def test_an_error_hides_no_truer_one():
    def my_and(x1, x2):
        return undefined_thing(x1)  # noqa: F821

    def my_or(x):
        return x + undefined_thing  # noqa: F821

    for name, function in (("and", my_and), ("or", my_or)):
        message = judge(EXERCISES[name], function, "en").message
        assert "NameError: name 'undefined_thing'" in message


def test_what_a_function_prints_is_shown_once(capsys):
    def my_relu(x):
        print("looking")
        return x.clamp(min=0)

    assert check(my_relu, lang="en")
    assert capsys.readouterr().out == "looking\nRight.\n"


def test_one_that_alters_its_argument_is_told_to_return():
    def my_sgd_step(weight, gradient, lr):
        weight -= lr * gradient

    message = judge(EXERCISES["sgd_step"], my_sgd_step, "en").message
    assert "alters its argument instead" in message


def test_a_guessed_exercise_is_named(capsys):
    def AND(x1, x2):  # noqa: N802
        return x1 * x2

    def myOrGate(x1, x2):  # noqa: N802
        return x1 or x2

    def my_xnor(x1, x2):
        return x1 == x2

    assert check(AND, lang="en")
    assert check(myOrGate, lang="en")
    assert capsys.readouterr().out == "and: Right.\nor: Right.\n"
    for nameless in (lambda a: a, partial(max, 0)):
        with pytest.raises(ValueError, match=r"Name it, as in check\(\.\.\., 'and'\)"):
            check(nameless)
    with pytest.raises(ValueError, match="which exercise is my_xnor"):
        check(my_xnor)


def test_a_gate_that_works_in_place_alters_no_inputs_of_the_library():
    before = INPUTS.clone()

    def in_place(x):
        x *= 0.5
        return x.sum() > 0.7

    assert judge(EXERCISES["and"], in_place, "en").passed
    assert torch.equal(INPUTS, before)
