"""Optimizers by name, the loss, and what follows each step: max-norm, averages."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from torchbasics.mnist.config import OptimConfig

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}


def make_optimizer(optim: OptimConfig, model: nn.Module) -> torch.optim.Optimizer:
    """PyTorch's own optimizer, in its fused form: one pass over all weights."""
    more: dict[str, Any] = {"capturable": next(model.parameters()).is_cuda}
    if optim.name == "sgd":
        more = {"momentum": optim.momentum, "nesterov": optim.nesterov}
    return OPTIMIZERS[optim.name](
        model.parameters(),
        lr=optim.lr,
        weight_decay=optim.weight_decay,
        fused=True,
        **more,
    )


def make_loss(optim: OptimConfig) -> nn.CrossEntropyLoss:
    """The loss that is minimised: the mean cross-entropy of a batch, in nats."""
    return nn.CrossEntropyLoss(label_smoothing=optim.label_smoothing)


class Refusals(NamedTuple):
    """Whether a step was refused, 0 or 1, and how many were since. Shape: () each."""

    found_inf: Tensor
    steps: Tensor


def add_refusals(optimizer: torch.optim.Optimizer, model: nn.Module) -> Refusals:
    """Let the optimizer refuse a step that is not finite, and all after it.

    A fused optimizer leaves weights and its own state as they are while its `found_inf`
    is 1: so it is that torch.amp.GradScaler skips steps, and this is the kernel that it
    uses. It stays on the device: to read one number would wait for all that is still to
    be computed there.

    Only gradients of vectors are looked at, for speed: a bias has the sum of the
    gradients at its layer's weighted sums, so it shows what went wrong there or behind.
    What it cannot show, an overflow within one product, is found when a checkpoint is
    to be taken: no state that is not finite is ever kept.
    """
    vectors = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    found_inf, steps, one = (vectors[0].new_full((), n) for n in (0.0, 0.0, 1.0))
    optimizer.found_inf = found_inf  # type: ignore[attr-defined]

    def check(optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        gradients = [vector.grad for vector in vectors if vector.grad is not None]
        torch._amp_foreach_non_finite_check_and_unscale_(gradients, found_inf, one)
        steps.add_(found_inf)

    optimizer.register_step_pre_hook(check)
    return Refusals(found_inf, steps)


def add_max_norm(
    optimizer: torch.optim.Optimizer, model: nn.Module, max_norm: float
) -> None:
    """After each step, shorten hidden units' weights that are longer than `max_norm`.

    A unit's incoming weights w become w * max_norm / |w| where |w| > max_norm, so that
    large learning rates cannot blow them up (Srivastava et al. 2014, section 5.1).
    """
    parameters = model.named_parameters()
    weights = [w for name, w in parameters if w.ndim == 2 and "hidden" in name]

    def shorten(optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        with torch.no_grad():
            for weight in weights:
                weight.renorm_(p=2, dim=0, maxnorm=max_norm)

    optimizer.register_step_post_hook(shorten)


def add_ema(
    optimizer: torch.optim.Optimizer, model: nn.Module, decay: float
) -> AveragedModel:
    """A copy of the model that after each step follows it: w += (1 - decay)(new - w).

    Such an average of the last 1 / (1 - decay) steps is nearer to where they circle
    than any of them (Polyak and Juditsky 1992).
    """
    follow = get_ema_multi_avg_fn(decay)
    averaged = AveragedModel(model, multi_avg_fn=follow, use_buffers=True)
    numbers = [*zip(_numbers(averaged.module), _numbers(model), strict=True)]
    whole = [pair for pair in numbers if not pair[1].is_floating_point()]
    groups = [pair for pair in numbers if pair[1].is_floating_point()], whole

    def update(optimizer: torch.optim.Optimizer, args: object, kwargs: object) -> None:
        if averaged.n_averaged == 0:  # on the CPU, so no device is asked
            averaged.update_parameters(model)
            return
        for averages, new in (zip(*group, strict=True) for group in groups if group):
            follow(list(averages), list(new), None)

    optimizer.register_step_post_hook(update)
    return averaged


def _numbers(model: nn.Module) -> list[Tensor]:
    """All that a model learns and counts."""
    return [x.detach() for x in (*model.parameters(), *model.buffers())]
