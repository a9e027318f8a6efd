"""A first course in deep learning in PyTorch: from one perceptron to digits.

What stands in `__all__`, in reading order, is the mathematics of the course. Each name
is loaded, and PyTorch with it, when it is first asked for.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if sys.argv[:1] == ["-m"]:  # some `python -m ...` begins, with seconds of imports
    from torchbasics.command import signals

    signals.leave_while_importing()

if TYPE_CHECKING:
    # isort: off
    from torchbasics.perceptron import INPUTS, Perceptron, AND, OR, NAND, NOT, Xor
    from torchbasics.perceptron import perceptron_rule, mistake_bound, separability
    from torchbasics.activations import step, identity, sigmoid, tanh, scaled_tanh
    from torchbasics.activations import relu, leaky_relu, gelu, softmax
    from torchbasics.activations import ACTIVATIONS, DERIVATIVES
    from torchbasics.initialization import init_variance, initialize
    from torchbasics.mlp import MLP
    from torchbasics.losses import squared_error, cross_entropy, cross_entropy_gradient
    from torchbasics.trace import forward_trace, backward_trace
    from torchbasics.trace import derivative, central_differences
    from torchbasics.mean_field import signal_propagation, critical_sigma_w
    from torchbasics.probes import Probes, probe_copy, saturated, dead
    from torchbasics.probes import update_ratio, first_nonfinite
    from torchbasics.evaluation import eval_mode, evaluate, predict_probs
    from torchbasics.evaluation import most_confident_errors

__version__ = "0.1.0"

__all__ = [  # noqa: RUF022 - in reading order
    "INPUTS", "Perceptron", "AND", "OR", "NAND", "NOT", "Xor",
    "perceptron_rule", "mistake_bound", "separability",
    "step", "identity", "sigmoid", "tanh", "scaled_tanh", "relu", "leaky_relu", "gelu",
    "softmax", "ACTIVATIONS", "DERIVATIVES",
    "init_variance", "initialize", "MLP",
    "squared_error", "cross_entropy", "cross_entropy_gradient",
    "forward_trace", "backward_trace", "derivative", "central_differences",
    "signal_propagation", "critical_sigma_w",
    "Probes", "probe_copy", "saturated", "dead", "update_ratio", "first_nonfinite",
    "eval_mode", "evaluate", "predict_probs", "most_confident_errors",
    "__version__",
]  # fmt: skip

MODULES = (
    "perceptron", "activations", "initialization", "mlp", "losses", "trace",
    "mean_field", "probes", "evaluation",
)  # fmt: skip
"""Where the names are defined, in the same order."""


def __getattr__(name: str) -> Any:
    if name in (*MODULES, "arguments", "device", "rng"):
        return import_module(f"torchbasics.{name}")
    if name in __all__:
        for module in map(import_module, (f"torchbasics.{name}" for name in MODULES)):
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module 'torchbasics' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
