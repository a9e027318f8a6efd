"""Score a network exactly, and what it is surest of.

Losses and right answers are summed over all examples, none dropped or repeated, and
divided by their count. Each part of the model is left in the mode that it was in.

Shapes: N examples, D features, C classes. `transform` makes (n, D) of some examples.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from torchbasics import arguments as require
from torchbasics.activations import identity, softmax
from torchbasics.device import default_mode

Transform = Callable[[Tensor], Tensor]
CHUNK = 2_000  # examples at a time; the result does not depend on it


@dataclass(frozen=True)
class Evaluation:
    """Mean cross-entropy, in nats, and how often each class was taken for which.

    `confusion[i, j]` counts the examples of class i that were read as j. Shape: (C, C).
    """

    loss: float
    confusion: Tensor

    @property
    def num_correct(self) -> int:
        """How many were read right."""
        return int(self.confusion.diagonal().sum())

    @property
    def count(self) -> int:
        """How many there were."""
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share read right, from 0 to 1."""
        return self.num_correct / self.count

    def summary(self, split: str) -> str:
        """For example `test accuracy 97.12 % (9,712 of 10,000)`."""
        share = f"{100 * self.accuracy:.2f} %"
        return f"{split} accuracy {share} ({self.num_correct:,} of {self.count:,})"


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Without dropout, gradients or autocast, batch norm by its running means.

    Each part of the model goes back to its own mode, also after an exception: a batch
    norm that was frozen stays so.

    >>> model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2).eval())
    >>> with eval_mode(model):
    ...     model(torch.ones(1, 2))
    tensor([[1.0000, 1.0000]])
    >>> [module.training for module in model]
    [True, False]
    """
    require.kind(nn.Module, model=model)
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with default_mode(), torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True


def evaluate(
    model: nn.Module, inputs: Tensor, labels: Tensor, transform: Transform = identity
) -> Evaluation:
    """Loss, accuracy and confusion matrix of the model over all the examples.

    Shape: inputs (N, ...), labels (N,) -> confusion (C, C).

    >>> logits = torch.tensor([[2.0, 0.0], [1.0, 0.0], [0.0, 3.0]])
    >>> evaluate(nn.Identity(), logits, torch.tensor([0, 1, 1])).summary("test")
    'test accuracy 66.67 % (2 of 3)'
    """
    logits = predict_logits(model, inputs, transform)
    truth, classes = require.labels(labels, logits), logits.shape[1]
    losses = F.cross_entropy(logits, truth, reduction="none").cpu().double()
    loss = sum(some.sum().item() for some in losses.split(CHUNK))
    counts = torch.bincount(classes * truth + logits.argmax(1), minlength=classes**2)
    return Evaluation(loss / len(labels), counts.view(classes, classes).cpu())


def predict_probs(
    model: nn.Module, inputs: Tensor, transform: Transform = identity
) -> Tensor:
    """The probability of each class: softmax(logits). Shape: (N, ...) -> (N, C).

    >>> predict_probs(nn.Identity(), torch.tensor([[0.0, 0.0]]))
    tensor([[0.5000, 0.5000]])
    """
    return softmax(predict_logits(model, inputs, transform))


def predict_logits(
    model: nn.Module, inputs: Tensor, transform: Transform = identity
) -> Tensor:
    """The score of each class, the logits. Shape: (N, ...) -> (N, C)."""
    require.examples(inputs=inputs)
    with eval_mode(model):
        chunks = inputs.split(CHUNK)
        logits = torch.cat([require.floating(model(transform(x))) for x in chunks])
    require.rows(None, logits=logits)
    require.examples(inputs=inputs, logits=logits)
    return logits


def most_confident_errors(probs: Tensor, labels: Tensor, count: int) -> Tensor:
    """Which examples are read wrong with the most confidence, the surest first.

    Shape: probs (N, C), labels (N,) -> (count,) of indices, or fewer.

    >>> probs = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.8, 0.2]])
    >>> most_confident_errors(probs, torch.tensor([1, 1, 0]), 5)
    tensor([0, 1])
    """
    labels = require.labels(labels, probs)
    require.whole(0, count=count)
    confidence, answers = probs.max(1)
    wrong = (answers != labels).nonzero().flatten()
    return wrong[confidence[wrong].argsort(descending=True, stable=True)][:count]
