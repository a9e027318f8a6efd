"""Losses: one number that says how wrong a network is, 0 at what is wanted.

Training makes this number small, so it must tell every small improvement from none:
the number of wrong answers would not do.
Shapes: N examples, C classes.
"""

import torch
from torch import Tensor

from torchbasics import arguments as require
from torchbasics.activations import softmax


def squared_error(outputs: Tensor, wanted: Tensor) -> Tensor:
    """1/2 sum of (output - wanted)^2: the loss of a regression.

    The 1/2 makes the slope plain: output - wanted. Shape: (*), (*) -> ().

    >>> squared_error(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 4.0]))
    tensor(2.)
    """
    require.same_shape(outputs=outputs, wanted=wanted)
    return (require.floating(outputs) - require.floating(wanted)).square().sum() / 2


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean of -log(probability of the right class): the loss of a classification.

    The probabilities are softmax(logits); log-softmax is computed in one piece, as
    logit - log(sum of exp), the largest logit taken off first, so that neither exp
    overflows nor log meets 0. A guess among C classes costs ln C.
    Shape: logits (N, C), labels (N,) of class numbers -> ().

    >>> round(cross_entropy(torch.zeros(2, 10), torch.tensor([3, 5])).item(), 4)
    2.3026
    """
    labels, logits = require.labels(labels, logits), require.floating(logits)
    shifted = logits - logits.amax(1, keepdim=True)
    log_probs = shifted - shifted.exp().sum(1, keepdim=True).log()
    return -log_probs[torch.arange(len(labels), device=labels.device), labels].mean()


def cross_entropy_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    """`d cross_entropy / d logits` = (softmax(logits) - one-hot label) / N.

    What each logit gets is its probability, less 1 if it is the right one's: as plain
    as a difference between answer and question can be.
    Shape: logits (N, C), labels (N,) of class numbers -> (N, C).

    >>> cross_entropy_gradient(torch.tensor([[0.0, 0.0]]), torch.tensor([1]))
    tensor([[ 0.5000, -0.5000]])
    """
    labels = require.labels(labels, logits)
    gradient = softmax(logits.detach(), dim=1)
    gradient[torch.arange(len(labels), device=labels.device), labels] -= 1
    return gradient / len(labels)
