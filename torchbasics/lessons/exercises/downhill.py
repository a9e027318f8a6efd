"""What exercises of lesson 5 do with functions: slopes by measuring, steps downhill.

Learners get a function as an argument; in a case stands its number.
"""

from collections.abc import Callable

import torch
from torch import Tensor, tensor

from torchbasics.lessons.exercises.asking import Function


def _called(source: str, function: Function) -> Function:
    """A function that learners get, called as they would type it."""
    function.__name__ = source
    return function


_SURFACES = (
    _called("lambda x: x[0] ** 3 + x[0] * x[1]", lambda x: x[0] ** 3 + x[0] * x[1]),
    lambda x: 2 * x[0] * x[1] + sum(v**2 for v in x),  # for fresh points, not told
)
_STEEP = tensor([2.0, 4.0])
_SLOPES = (  # of bowls, of tensors, of arrays and of lists
    (
        _called("lambda x: x * torch.tensor([2.0, 4.0])", lambda x: x * _STEEP),
        _called("lambda x: x * np.array([2.0, 4.0])", lambda x: x * _STEEP.numpy()),
        _called("lambda x: [2 * x[0], 4 * x[1]]", lambda x: [2 * x[0], 4 * x[1]]),
    ),
    (lambda x: x - 1, lambda x: x - 1, lambda x: [v - 1 for v in x]),  # not told
)


def surface(f: Tensor) -> Function:
    """The function of that number. Shape: () -> of a function (D,) -> ()."""
    return _SURFACES[int(f) % len(_SURFACES)]


def slopes(gradient: Tensor, kind: int = 0) -> Function:
    """The gradient of that number, for tensors, arrays or lists.

    Shape: () -> of a function (D,) -> (D,).
    """
    return _SLOPES[int(gradient) % len(_SLOPES)][kind]


def surface_slopes(f: Tensor, x: Tensor) -> Tensor:
    """What is right: the gradient of function f at x. Shape: (), (D,) -> (D,)."""
    x = x.detach().clone().requires_grad_()
    return torch.autograd.grad(surface(f)(x), x)[0]


def curvatures(f: Tensor, x: Tensor) -> Tensor:
    """The second derivative by each input. Shape: (), (D,) -> (D,)."""
    curvature = torch.autograd.functional.hessian(surface(f), x)
    return torch.as_tensor(curvature).diagonal()


def differences(
    f: Tensor,
    x: Tensor,
    change: Callable[[Tensor, Tensor, Tensor, float], Tensor],
    h: float,
) -> Tensor:
    """What is made of f(x + h), f(x - h), f(x) and h, for each input.

    Shape: (), (D,) -> (D,).
    """
    at, nudges = surface(f), h * torch.eye(len(x)).double()
    slopes = [change(at(x + nudge), at(x - nudge), at(x), h) for nudge in nudges]
    return torch.stack(slopes)


_KINDS: tuple[Function, ...] = (lambda x: x, Tensor.numpy, Tensor.tolist)
SURFACES = tuple(
    lambda function, f, x, of=of: function(surface(f), of(x)) for of in _KINDS
)
DESCENTS = tuple(
    lambda function, f, x, lr, n, of=of, kind=kind: function(
        slopes(f, kind), of(x), lr.item(), int(n)
    )
    for kind, of in enumerate(_KINDS)
)
"""How a function is called that gets another one, of which a case has the number."""


def descend(
    gradient: Tensor,
    x: Tensor,
    lr: Tensor,
    steps: Tensor | int,
    change: Callable[[Tensor, int], Tensor] = lambda g, _: g,
    keep: float = 0,
) -> Tensor:
    """Steps along something made of the slopes, partly kept.

    Shape: (), (D,), (), () -> (D,).
    """
    gathered = torch.zeros_like(x)
    for i in range(int(steps)):
        gathered = keep * gathered + change(slopes(gradient)(x), i)
        x = x - lr * gathered
    return x


def from_start(gradient: Tensor, x: Tensor, lr: Tensor, steps: Tensor) -> Tensor:
    """Each step begins at the first x. Shape: (), (D,), (), () -> (D,)."""
    place = x
    for _ in range(int(steps)):
        place = x - lr * slopes(gradient)(place)
    return place


def not_put_back(f: Tensor, x: Tensor, h: float, sign: int) -> Tensor:
    """Each input stays where the last nudge has left it. Shape: (), (D,) -> (D,)."""
    x, found = x.clone(), []
    for i in range(len(x)):
        x[i] += sign * h
        there = surface(f)(x)
        x[i] -= 2 * sign * h
        found.append((there - surface(f)(x)) / (2 * sign * h))
    return torch.stack(found)
