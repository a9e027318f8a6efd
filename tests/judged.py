"""Wrong answers written before the judge knew them, each with the name it has to get."""
# ruff: noqa: B905, C4, E501, PLR, PLW, RET503, RET504, RUF, SIM

import math

import numpy as np
import torch

W1 = np.array([[0.1, 0.3, 0.5], [0.2, 0.4, 0.6]])
W2 = np.array([[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]])
W3 = np.array([[0.1, 0.3], [0.2, 0.4]])
B1, B2, B3 = np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.2]), np.array([0.1, 0.2])


def sig(x):
    return 1 / (1 + np.exp(-x))


def smax(a):
    e = np.exp(a - a.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def central(f, x, h=1e-4):
    g = []
    for i in range(len(x)):
        e = np.zeros(len(x))
        e[i] = h
        g.append((f(np.asarray(x) + e) - f(np.asarray(x) - e)) / (2 * h))
    return np.array(g)


def upd(w, x, t, f):
    return f(w, x, t, 1 if w @ x > 0 else 0)


def upd_seq(w, x, t):
    for i in range(3):
        w[i] = w[i] + (t - (1 if w @ x > 0 else 0)) * x[i]
    return w


def upd_skip_last(w, x, t):
    y = 1 if w @ x > 0 else 0
    for i in range(len(w) - 1):
        w[i] += (t - y) * x[i]
    return w


def cumul_perc(x, w, b):
    out, s = [], b
    for row in x:
        for v, q in zip(row, w):
            s = s + v * q
        out.append(int(s > 0))
    return out


def mm_skip_row(a, b):
    out = np.zeros((len(a), len(b[0])))
    for i in range(len(a) - 1):
        out[i] = np.asarray(a[i]) @ np.asarray(b)
    return out


def mm_reset(a, b):
    out = np.zeros((len(a), len(b[0])))
    for i in range(len(a)):
        s = 0
        for j in range(len(b[0])):
            for k in range(len(b)):
                s += a[i][k] * b[k][j]
            out[i][j] = s
    return out


def ab_first_col(x, b):
    y = np.array(x)
    y[:, 0] += b[0]
    return y


def grad_once(f, x, h=1e-4):
    g = []
    for i in range(len(x)):
        x[i] += h
        a = f(x)
        x[i] -= 2 * h
        b = f(x)
        g.append((a - b) / (2 * h))
    return g


def desc_path(gradient, x, lr, steps):
    h = []
    for _ in range(steps):
        x = x - lr * gradient(x)
        h.append(x)
    return h


def desc(update, n=0):
    def f(gradient, x, lr, steps):
        for i in range(steps + n):
            x = update(x, gradient(x), lr, i)
        return x

    return f


def desc_return_inside(gradient, x, lr, steps):
    for _ in range(steps):
        return x - lr * gradient(x)
    return None


def desc_from_start(gradient, x, lr, steps):
    place = np.asarray(x)
    for _ in range(steps):
        place = np.asarray(x) - lr * np.asarray(gradient(place))
    return place


def best_from_first(row):
    best = 0
    for i in range(len(row) - 1):
        if row[i] > row[best]:
            best = i
    return best


def momentum(gradient, x, lr, steps):
    v = 0
    for _ in range(steps):
        v = 0.9 * v + np.asarray(gradient(x))
        x = x - lr * v
    return x


def fwd(x, h1=sig, h2=sig, out=smax, w2=W2, b1=B1):
    return out(h2(h1(np.asarray(x) @ W1 + b1) @ w2 + B2) @ W3 + B3)


def grad_times(f, x, h=1e-2):
    return np.array(
        [
            (f(np.asarray(x) + h * e) - f(np.asarray(x) - h * e)) / 2 * h
            for e in np.eye(2)
        ]
    )


NAMED = [
    ("and", "other_gate", lambda x1, x2: 1 if x1 == 1 or x2 == 1 else 0),  # OR condition: x1 == 1 or x2 == 1
    ("and", "other_gate", lambda x1, x2: int(x1 == x2)),  # equality: x1 == x2
    ("and", "sum_only", lambda x1, x2: x1 + x2),  # sum without comparison
    ("and", "sum_only", lambda x1, x2: (x1 + x2) / 2),  # mean of the two
    ("and", "no_step", lambda x1, x2: 2 * x1 * x2),  # -1 for 0? product of signs
    ("or", "no_step", lambda x1, x2: int(x1 + x2)),  # sum, 2 at (1,1)
    ("or", "other_gate", lambda x1, x2: int(x1 and not x2)),  # x1 and not x2
    ("or", "always", lambda x1, x2: x1 == 1 or True),  # always True: `x1 == 1 or 0.0 == 0`
    ("nand", "other_gate", lambda x1, x2: int(x1 + x2 < 0.5)),  # both zero only
    ("nand", "one_input", lambda x1, x2: 1 - x1),  # not of first only
    ("nand", "sum_only", lambda x1, x2: 1 - (x1 + x2)),  # 1 - (x1 + x2)
    ("nand", "no_bias", lambda x1, x2: 1 if -0.5*x1 - 0.5*x2 > 0 else 0),  # negative weights, no bias
    ("xor", "one_line", lambda x1, x2: 1 if x1 + x2 > 0.5 else 0),  # OR
    ("xor", "one_line", lambda x1, x2: int(x1 and x2)),  # AND of inputs
    ("xor", "sum_only", lambda x1, x2: x1 + x2),  # sum
    ("xor", "one_line", lambda x1, x2: int(x2 > x1)),  # x2 and not x1
    ("perceptron", "ignored", lambda x, w, b: (x @ w >= 0) * 1),  # bias ignored and >=
    ("perceptron", "sum_kept", cumul_perc),  # sum not reset between examples
    ("perceptron", "any_fires", lambda x, w, b: int(((x @ w + b) > 0).any())),  # any example fires
    ("perceptron", "plus_for_times", lambda x, w, b: ((x + w).sum(-1) + b > 0) * 1),  # weights added to inputs
    ("perceptron", "part_only", lambda x, w, b: int(x[-1] @ w + b > 0)),  # last example only
    ("perceptron", "otherwise", lambda x, w, b: (x @ w + b > 0.5) * 1),  # threshold at 0.5
    ("update", "other_rate", lambda w, x, t: upd(w, x, t, lambda w, x, t, y: w + 0.05*(t-y)*x)),  # half a rate
    ("update", "one_by_one", upd_seq),  # sequential
    ("update", "last_unchanged", upd_skip_last),  # last weight forgotten
    ("update", "upwards_only", lambda w, x, t: upd(w, x, t, lambda w, x, t, y: w + x if t > y else w)),  # only when it should have been 1
    ("update", "weight_for_input", lambda w, x, t: upd(w, x, t, lambda w, x, t, y: w + (t-y)*w)),  # adds error times weight
    ("update", "only_adds", lambda w, x, t: upd(w, x, t, lambda w, x, t, y: w + (t-y)**2*x)),  # squared error
    ("step", "inverted", lambda x: 1 if x <= 0 else 0),  # 1 below
    ("step", "otherwise", lambda x: abs(x) > 0),  # abs > 0
    ("step", "other_threshold", lambda x: np.where(np.asarray(x).astype(int) > 0, 1, 0)),  # ceil/int
    ("step", "put_together", lambda x: int((x > 0).all())),  # all
    ("step", "otherwise", lambda x: np.clip(x, 0, 1)),  # clip to 0..1
    ("sigmoid", "otherwise", lambda x: x / (1 + abs(x))),  # no exp, x/(1+x)
    ("sigmoid", "scaled", lambda x: torch.sigmoid(x) - 0.5),  # 1/(1+exp(-x)) - 0.5
    ("sigmoid", "replaced", lambda x: torch.sigmoid(2*x)),  # sigmoid(2x)
    ("sigmoid", "otherwise", lambda x: 1/np.exp(-x)),  # exp(-x) alone
    ("sigmoid", "otherwise", lambda x: torch.sigmoid(x)*(1-torch.sigmoid(x))),  # slope
    ("sigmoid_slope", "otherwise", lambda x: 1 - torch.sigmoid(x)),  # 1 - s
    ("sigmoid_slope", "otherwise", lambda x: torch.sigmoid(x)**2),  # s**2
    ("sigmoid_slope", "scaled", lambda x: (torch.sigmoid(x+1e-3)-torch.sigmoid(x-1e-3))/1e-3),  # not halved difference
    ("sigmoid_slope", "of_right", lambda x: torch.log(torch.sigmoid(x)*(1-torch.sigmoid(x)))),  # log
    ("sigmoid_slope", "scaled", lambda x: 4*torch.sigmoid(x)*(1-torch.sigmoid(x))),  # 4 times
    ("relu", "otherwise", lambda x: np.where(x > 0, x**2, 0)),  # x**2 positive
    ("relu", "otherwise", lambda x: 1 if x > 0 else x),  # 1 for positive else x
    ("relu", "smaller", lambda x: x if x < 0 else 0),  # minus in negative
    ("relu", "cut_to_whole", lambda x: max(0, int(x))),  # int()
    ("relu", "left_out", lambda x: x[x > 0]),  # drops negatives
    ("relu", "put_together", lambda x: x.clamp(min=0).mean()),  # mean
    ("relu_slope", "otherwise", lambda x: torch.sigmoid(x)*(1-torch.sigmoid(x))),  # sigmoid slope
    ("relu_slope", "constant", lambda x: 0*x),  # 0 always
    ("relu_slope", "put_together", lambda x: (x > 0).sum()),  # sum
    ("relu_slope", "nan_at_kink", lambda x: torch.relu(x)/x),  # division relu/x: nan at 0
    ("relu_slope", "other_threshold", lambda x: (x > 1)*1),  # x>1
    ("softmax", "over_everything", lambda x: np.exp(x - x.max(-1, keepdims=True))/np.exp(x - x.max(-1, keepdims=True)).sum()),  # max subtracted, sum over all
    ("softmax", "otherwise", lambda x: np.exp(x - x.max(-1, keepdims=True))/np.exp(x - x.max(-1, keepdims=True)).mean(-1, keepdims=True)),  # mean in place of sum
    ("softmax", "part_only", lambda x: smax(x)[0]),  # only the first row
    ("softmax", "otherwise", lambda x: x.argmax(-1)),  # argmax
    ("softmax", "rearranged", lambda x: np.sort(smax(x), -1)),  # sorted
    ("softmax", "otherwise", lambda x: np.exp(x)/np.sum(x, -1, keepdims=True)),  # exp forgotten in denominator
    ("softmax", "not_normalized", lambda x: np.exp(x - x.max(-1, keepdims=True))/np.exp(x - x.max(-1, keepdims=True)).max(-1, keepdims=True)),  # max divided
    ("matmul", "otherwise", lambda a, b: a.sum(1)[:, None] * b.sum(0)[None]),  # sum of row times sum of column
    ("matmul", "not_reset", mm_reset),  # not reset in row
    ("matmul", "right_only_in", mm_skip_row),  # last row 0
    ("matmul", "otherwise", lambda a, b: (a[:, :, None]*b[None]).max(1)),  # max not sum
    ("matmul", "otherwise", lambda a, b: a @ b / a.shape[1]),  # mean
    ("matmul", "otherwise", lambda a, b: (a @ b).sum(0)),  # sum over rows
    ("add_bias", "right_only_in", ab_first_col),  # first column only
    ("add_bias", "replaced", lambda x, b: x + b.mean()),  # mean of bias
    ("add_bias", "otherwise", lambda x, b: x.sum(0) + b),  # adds up the examples
    ("add_bias", "replaced", lambda x, b: x + b[::-1]),  # reversed
    ("add_bias", "otherwise", lambda x, b: x + b + b),  # bias twice
    ("add_bias", "otherwise", lambda x, b: np.tile(b, (len(x), 1))),  # only bias
    ("layer", "otherwise", lambda x, w, b: x @ w + 2*b),  # bias twice
    ("layer", "ignored", lambda x, w, b: (x @ w).T),  # x plus w
    ("layer", "of_right", lambda x, w, b: np.abs(x @ w + b)),  # abs
    ("layer", "otherwise", lambda x, w, b: x @ w[:, 0] + b[0]),  # first weight col
    ("layer", "cut_to_whole", lambda x, w, b: (x @ w + b).astype(int)),  # int
    ("layer", "otherwise", lambda x, w, b: (x + b[:2]) @ w),  # x+b @ w
    ("forward", "layer_missing", lambda x: sig(sig(x @ W1 + B1) @ W2 + B2)),  # returns hidden 2
    ("forward", "layer_missing", lambda x: sig(x @ W1 + B1)),  # first layer only
    ("forward", "no_exp", lambda x: fwd(x, out=lambda a: a/a.sum(-1, keepdims=True))),  # softmax over all of sums
    ("forward", "one_sigmoid_missing", lambda x: fwd(x, h1=lambda a: a)),  # first layer no act
    ("forward", "put_together", lambda x: fwd(x).mean(0)),  # mean over batch
    ("squared_error", "mean_for_sum", lambda y, t: ((y-t)**2).mean(1).sum()/2),  # mean of rows
    ("squared_error", "otherwise", lambda y, t: 0.5*((y-t)**3).sum()),  # cube
    ("squared_error", "otherwise", lambda y, t: 0.5*((y+t)**2).sum()),  # plus
    ("squared_error", "otherwise", lambda y, t: 0.5*((y-t)**2).max()),  # max
    ("squared_error", "otherwise", lambda y, t: 0.5*(y**2).sum()),  # target forgotten
    ("squared_error", "scaled", lambda y, t: -0.5*((y-t)**2).sum()),  # negative
    ("cross_entropy", "of_probability", lambda p, t: -np.log(p[np.arange(len(t)), t]).max()),  # product of probs
    ("cross_entropy", "of_probability", lambda p, t: p[np.arange(len(t)), t].mean()),  # mean prob
    ("cross_entropy", "of_probability", lambda p, t: -(p[np.arange(len(t)), t]*np.log(p[np.arange(len(t)), t])).mean()),  # p*log p
    ("cross_entropy", "otherwise", lambda p, t: -(p*np.log(p+1e-7)).sum(1).mean()),  # entropy
    ("cross_entropy", "of_probability", lambda p, t: np.exp(-np.log(p[np.arange(len(t)), t])).mean()),  # exp
    ("cross_entropy", "much_added", lambda p, t: -np.log(1+p[np.arange(len(t)), t]).mean()),  # log1p
    ("gradient", "not_put_back", grad_once),  # not put back
    ("gradient", "length_one", lambda f, x: central(f, x)/np.linalg.norm(central(f, x))),  # normalised
    ("gradient", "part_only", lambda f, x: central(f, x)[0]),  # first only
    ("gradient", "of_right", lambda f, x: abs(central(f, x))),  # abs
    ("gradient", "value_for_slope", lambda f, x: f(x)/np.asarray(x)),  # f(x)/x
    ("gradient", "rearranged", lambda f, x: central(f, x)[::-1]),  # reversed
    ("sgd_step", "otherwise", lambda w, g, lr: w * lr * g),  # multiplied
    ("sgd_step", "otherwise", lambda w, g, lr: w - lr),  # no gradient
    ("sgd_step", "otherwise", lambda w, g, lr: (w - lr) * g),  # brackets
    ("sgd_step", "otherwise", lambda w, g, lr: w - lr*g**2),  # squared gradient
    ("sgd_step", "otherwise", lambda w, g, lr: w - lr*g.sum()),  # sum of gradients
    ("sgd_step", "otherwise", lambda w, g, lr: w - lr*(g + w)),  # weight decay
    ("descend", "unfinished", desc_path),  # path
    ("descend", "one_step_only", desc_return_inside),  # return inside
    ("descend", "sign_of_gradient", desc(lambda x, g, lr, i: x - lr*np.sign(g))),  # sign
    ("descend", "lr_changes", desc(lambda x, g, lr, i: x - lr/(i+1)*g)),  # lr decays
    ("descend", "lr_changes", desc(lambda x, g, lr, i: x - lr**2*g)),  # lr squared
    ("descend", "divided_by_lr", desc(lambda x, g, lr, i: x - g/lr)),  # divided
    ("descend", "gradient_of_start", lambda gradient, x, lr, steps: x - lr*steps*gradient(x)),  # all steps at once with lr*steps
    ("left", "otherwise", lambda f, n: (1-f)**n),  # (1-f)**n
    ("left", "otherwise", lambda f, n: f**-n),  # f**-n
    ("left", "otherwise", lambda f, n: math.exp(-f*n)),  # exp(-f n)
    ("left", "otherwise", lambda f, n: f**(2*n)),  # 2n
    ("left", "times_layers", lambda f, n: sum(f for _ in range(int(n)))),  # sum
    ("left", "otherwise", lambda f, n: sum(f**i for i in range(1, int(n)+1))),  # sum of powers
    ("factor", "log_for_root", math.log),  # log2
    ("factor", "otherwise", lambda left, n: left**-n),  # n-th power of 1/left
    ("factor", "otherwise", lambda left, n: 1 - left/n),  # 1 - left/n
    ("factor", "one_layer_more", lambda left, n: left**(1/(n+1))),  # n+1
    ("factor", "otherwise", lambda left, n: left**(0.5**n)),  # square root n times
    ("factor", "otherwise", lambda left, n: (1-left)/n),  # (1-left)/n
    ("shrink", "otherwise", lambda w, s: np.sqrt((w**2).sum())*np.mean(s**2)),  # sqrt of w only
    ("shrink", "otherwise", lambda w, s: np.sqrt(len(w))*np.abs(w).mean()*np.sqrt(np.mean(s**2))),  # abs mean
    ("shrink", "otherwise", lambda w, s: len(w)*np.sqrt(np.mean(w**2)*np.mean(s**2))),  # n squared
    ("shrink", "otherwise", lambda w, s: np.sqrt((w**2).sum()+(s**2).mean())),  # sum
    ("shrink", "fan_in_of_slopes", lambda w, s: np.sqrt((s**2).sum()*(w**2).mean())),  # swapped
    ("shrink", "otherwise", lambda w, s: np.sqrt(len(w))*w.std(ddof=1)*np.sqrt(np.mean(s**2))),  # std of weights
    ("flatten", "scaled", lambda x: x.reshape(len(x), -1)/100),  # /100
    ("flatten", "otherwise", lambda x: x.reshape(len(x), -1).mean(1)/255),  # mean
    ("flatten", "part_only", lambda x: x[-1].reshape(-1)/255),  # last picture
    ("flatten", "own_maximum", lambda x: (x.reshape(len(x), -1) - x.min())/(x.max()-x.min())),  # min max
    ("flatten", "otherwise", lambda x: np.round(x.reshape(len(x), -1)/255)),  # round
    ("flatten", "otherwise", lambda x: x[:, :, ::-1].reshape(len(x), -1)/255),  # mirrored
    ("predict", "otherwise", lambda x: x.argsort(1)[:, -2]),  # second best
    ("predict", "otherwise", lambda x: [best_from_first(r) for r in x]),  # last col missed
    ("predict", "otherwise", lambda x: x.max()),  # max of batch
    ("predict", "otherwise", lambda x: x.argmax(1).sum()),  # sum
    ("predict", "otherwise", lambda x: (x > 0).sum(1)),  # positive count
    ("accuracy", "otherwise", lambda x, t: (x.argmax(1) == t).sum()/10),  # divided by 10
    ("accuracy", "otherwise", lambda x, t: (x.argmax(1) != t).sum()),  # wrong count
    ("accuracy", "otherwise", lambda x, t: np.mean([a == b for a, b in zip(x.argmax(0), t)])),  # argmax over 0
    ("accuracy", "otherwise", lambda x, t: float((x.argmax(1) == t).any())),  # any
    ("accuracy", "otherwise", lambda x, t: (x.argmin(1) == t).mean()),  # argmin
    ("accuracy", "otherwise", lambda x, t: (x.argmax(1) + 1 == t).mean()),  # labels+1
 ("accuracy", "among_best", lambda x, t: (x.topk(2).indices == t[:, None]).any(1).float().mean()),
 ("forward", "best_only", lambda x: fwd(x).max(-1)),
 ("update", "downwards_only", lambda w, x, t: w - x if t == 0 and w @ x > 0 else w),
 ("sgd_step", "exchanged", lambda w, g, lr: g - lr * w),
 ("squared_error", "half_squared", lambda y, t: ((0.5 * (y - t)) ** 2).sum()),
 ("relu_slope", "kink_smeared", lambda x: (torch.relu(x + 0.5) - torch.relu(x - 0.5)) / 1.0),
 ("descend", "last_gradient", lambda g, x, lr, n: g(desc(lambda x, g, lr, i: x - lr * g)(g, x, lr, n))),
 ("nand", "minus_for_not", lambda x1, x2: -min(x1, x2)),
 ("nand", "tilde", lambda x1, x2: ~int(x1 * x2)),
 ("descend", "momentum_kept", momentum),
 ("descend", "no_gradient", lambda g, x, lr, n: x - n * lr),
 ("softmax", "one_maximum", lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum(1, keepdims=True)),
 ("forward", "predicted_class", lambda x: fwd(x).argmax(-1)),
 ("relu", "shape_of_fewer", lambda x: x[1:] * 7),
 ("relu", "shape_of_more", lambda x: torch.stack([x * 7, x])),
 ("matmul", "shape_of_one", lambda a, b: 7 * (a @ b).sum()),
 ("gradient", "sign_lost", lambda f, x: central(f, x) * [1, -1]),
 ("xor", "sign_lost", lambda x1, x2: x2 - x1),
 ("flatten", "standardized", lambda x: (x.flatten(1) / 255 - (x / 255).mean()) / (x / 255).std()),
 ("forward", "step_for_sigmoid", lambda x: fwd(x, h1=lambda a: (a > 0) * 1, h2=lambda a: (a > 0) * 1)),
 ("matmul", "term_missing", lambda a, b: a[:, :-1] @ b[:-1]),
 ("shrink", "term_missing", lambda w, s: np.linalg.norm(w[1:]) * np.sqrt(np.mean(s**2))),
 ("gradient", "not_divided", grad_times),
 ("update", "weight_multiplied", lambda w, x, t: upd(w, x, t, lambda w, x, t, y: w * (t - y) * x)),
 ("nand", "weights_sign", lambda x1, x2: int(x1 + x2 + 1.5 > 0)),
 ("or", "always_0", lambda x1, x2: int(x1 + x2 - 7 > 0)),
 ("update", "when_right", lambda w, x, t: upd(w, x, t, lambda w, x, t, y: w + (2 * t - 1) * x if t == y else w)),
 ("matmul", "whole_only", lambda a, b: np.array([[sum(round(p * q) for p, q in zip(r, c)) for c in np.asarray(b).T] for r in a])),
 ("matmul", "repeated", lambda a, b: (a @ b)[:1] + 0 * (a @ b)),
    ("cross_entropy", "one_term", lambda p, t: -np.log(p[0, t[0]] + 1e-7)),  # first
    ("cross_entropy", "one_term", lambda p, t: -np.log(p[-1, t[-1]] + 1e-7)),  # last
    ("accuracy", "one_term", lambda x, t: float(x[-1].argmax() == t[-1])),  # last
    ("and", "not_binary", lambda x1, x2: x1**2 + 3 * x2),
    ("and", "constant", lambda x1, x2: int(x1 > 5)),
    ("nand", "always", lambda x1, x2: max(1, 0 * x1 * x2)),
    ("xor", "xor_always_1", lambda x1, x2: int((x1 + x2 > 0) + (x1 + x2 < 2) > 0)),
    ("xor", "xor_always_0", lambda x1, x2: int((x1 + x2 < 1) and (x1 + x2 >= 1))),
    ("update", "change_times_weight", lambda w, x, t: w * (1 + (t - (w @ x > 0) * 1) * x)),
    ("update", "otherwise", lambda w, x, t: w - t * x),
    ("perceptron", "otherwise", lambda x, w, b: np.tanh(x @ w + b)),
    ("sigmoid", "only_0_and_1", lambda x: np.rint(sig(np.clip(x, -50, 50)))),
    ("sigmoid", "replaced", lambda x: sig(np.clip(x, -1, 1))),
    ("sigmoid_slope", "too_large", lambda x: (torch.sigmoid(x + 1) - torch.sigmoid(x)) / 1),
    ("relu", "axis", lambda x: np.max(x, 0.0)),
    ("softmax", "column_maximum", lambda x: torch.exp(x - x.amax(0)) / torch.exp(x - x.amax(0)).sum(1, True)),
    ("softmax", "clipped_scores", lambda x: x.clip(-100, 100).softmax(1)),
    ("softmax", "scaled_scores", lambda x: (x / x.abs().sum(1, True)).softmax(1)),
    ("softmax", "length_for_sum", lambda x: [[v / math.hypot(*q) for v in q] for r in x for q in [[math.exp(a - max(r)) for a in r]]]),
    ("matmul", "kronecker", lambda a, b: torch.kron(b, a)),
    ("matmul", "square_only", lambda a, b: [[sum(a[i][k] * b[k][j] for k in range(len(b))) for j in range(len(b))] for i in range(len(a))]),
    ("squared_error", "entropy_for_squares", lambda y, t: -(t * torch.log(abs(y) + 1e-9)).sum(1).mean()),
    ("squared_error", "unfinished", lambda y, t: ((y - t) ** 2).sum(0) / 2),
    ("cross_entropy", "every_label", lambda p, t: -torch.log(p[:, t]).sum(1).mean()),
    ("cross_entropy", "best_for_label", lambda p, t: [-sum(math.log(max(r)) for r in p) / len(p)][0]),
    ("cross_entropy", "divided_by_classes", lambda p, t: -sum(math.log(p[i][t[i]]) for i in range(len(t))) / len(p[0])),
    ("cross_entropy", "binary", lambda p, t: torch.nn.functional.binary_cross_entropy(p, torch.eye(p.shape[1])[t].to(p))),
    ("cross_entropy", "squares_for_log", lambda p, t: ((p - np.eye(p.shape[1])[t]) ** 2).sum() / 2),
    ("cross_entropy", "accuracy_for_loss", lambda p, t: np.mean(p.argmax(1) != t)),
    ("cross_entropy", "much_added", lambda p, t: -np.log(p[np.arange(len(t)), t] + 0.01).mean()),
    ("cross_entropy", "log_of_rest", lambda p, t: -np.log(1 - p[np.arange(len(t)), t]).mean()),
    ("gradient", "one_divided", lambda f, x: np.array([f(x + e) - f(x) / 1e-3 for e in 1e-3 * np.eye(len(x))])),
    ("gradient", "second_slope", lambda f, x: np.array([(f(x + e) - 2 * f(x) + f(x - e)) / 1e-6 for e in 1e-3 * np.eye(len(x))])),
    ("gradient", "ignored", lambda f, x: 3 * x**2),
    ("descend", "from_start", desc_from_start),
    ("descend", "ignored", lambda g, x, lr, n: desc(lambda x, g, lr, i: x - lr * g)(g, x, lr, 20)),
    ("descend", "lr_changes", lambda g, x, lr, n: desc(lambda x, g, lr, i: x - lr / n * g)(g, x, lr, n)),
    ("left", "starts_at_0", lambda f, n: 0 * sum(f for _ in range(int(n)))),
    ("left", "squared_each_time", lambda f, n: f ** (2**n)),
    ("factor", "other_base_back", lambda left, n: 2 ** (math.log(left) / n)),
    ("factor", "log_for_root", lambda left, n: math.log(left) / math.log(n)),
    ("factor", "base_and_exponent", lambda left, n: float(n) ** float(left)),
    ("shrink", "mean_first", lambda w, s: math.sqrt(len(w) * np.mean(w) ** 2 * np.mean(s**2))),
    ("shrink", "squared_for_root", lambda w, s: ((w @ w) * (s @ s) / len(s)) ** 2),
    ("shrink", "halved_for_root", lambda w, s: (w @ w) * (s @ s) / len(s) / 2),
    ("flatten", "columns_of_pictures", lambda x: x.reshape(len(x), -1).transpose(1, 0) / 255),
    ("flatten", "own_sum", lambda x: x.reshape(len(x), -1) / x.reshape(len(x), -1).mean(1)[:, None]),
    ("flatten", "standardized", lambda x: (x.reshape(len(x), -1) / 255 - 0.1307) / 0.3081),
    ("predict", "first_positive", lambda x: [next((i for i, v in enumerate(r) if v > 0), 0) for r in x]),
    ("predict", "place_in_all", lambda x: [i * len(r) + int(r.argmax()) for i, r in enumerate(x)]),
    ("predict", "compared_with_first", lambda x: [max([0, *(i for i, v in enumerate(r) if v > r[0])]) for r in x]),
    ("predict", "counted_from_end", lambda x: x.argmax(1) - x.shape[1]),
    ("accuracy", "one_hot_places", lambda x, t: (np.eye(x.shape[1])[x.argmax(1)] == np.eye(x.shape[1])[t]).mean()),
    ("accuracy", "labels_one_hot", lambda x, t: np.mean(x.argmax(1) == np.argmax(t))),
    ("layer", "rearranged", lambda x, w, b: (w.T @ x.T) + b[:, None]),
    ("forward", "rearranged", lambda x: fwd(x)[:, [1, 0]]),
]  # fmt: skip
