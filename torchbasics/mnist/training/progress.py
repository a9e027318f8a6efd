"""Where a training stands: how far it is, and what its current epoch has shown."""

from dataclasses import dataclass, field

import torch
from torch import Tensor

from torchbasics.mnist.training.processes import Processes
from torchbasics.mnist.training.state import Plan


@dataclass
class Progress:
    """Where a training stands: the steps done, and the current epoch's batches.

    Logits are kept, and counted at the epoch's end: counting at each step would cost
    the lesson's training 1 to 2 % of its time.
    """

    plan: Plan
    step: int = 0
    lr: float = 0.0
    losses: list[Tensor] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)
    labels: list[Tensor] = field(default_factory=list)
    num_correct_before: int = 0  # in this epoch, by an earlier process

    def start_epoch(self) -> None:
        """Forget the batches of the epoch before."""
        self.losses, self.logits, self.labels = [], [], []
        self.num_correct_before = 0

    def add_batch(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count one more step, or on CUDA K at once.

        Shape: loss (), logits (N, C), labels (N,), or loss (K,) and K N of the others.
        """
        self.step += loss.numel()
        self.losses.append(loss)
        self.logits.append(logits)
        self.labels.append(labels)

    def merge(self, processes: Processes) -> None:
        """Put beside this process's part of each batch those of the others.

        Their losses become the mean, which is the whole batch's.
        """
        if processes.count == 1 or not self.logits:
            return
        new = len(self.logits)
        losses = processes.cat(torch.stack(self.losses[-new:])[:, None]).mean(1)
        self.losses[-new:] = losses.unbind()
        for kept in (self.logits, self.labels):
            kept[:] = processes.cat(torch.stack(kept)).unbind()

    def drop_batch(self) -> None:
        """Count one step less: the last was taken back."""
        self.step -= 1
        for kept in (self.losses, self.logits, self.labels):
            kept.pop()

    @property
    def epoch(self) -> int:
        """The epoch of the last step, counted from 1."""
        return -(-self.step // self.plan.steps_per_epoch)

    def is_epoch_end(self) -> bool:
        """Whether the last step was the last of its epoch, or of the run."""
        return self.plan.is_epoch_end(self.step)

    def is_finished(self) -> bool:
        """Whether the last step was the last of the run."""
        return self.step >= self.plan.total_steps

    def num_correct(self) -> int:
        """How many images of the epoch were read right, each before its step."""
        if not self.logits:
            return self.num_correct_before
        correct = torch.cat(self.logits).argmax(1) == torch.cat(self.labels)
        return self.num_correct_before + int(correct.sum())
