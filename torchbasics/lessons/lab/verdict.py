"""What the lab's trainings come to: each clause is chosen by what was measured."""

from collections.abc import Iterator, Mapping, Sequence

from torchbasics.lessons.checks import Words, short
from torchbasics.lessons.lab.networks import LabConfig, Variant
from torchbasics.lessons.lab.training import DEAD, Snapshot, outcome

VANISHED = 0.01  # share of the last hidden layer's gradient at the first, and below
ALIVE = 0.1  # from which share on it may be called mended
FAINT = 1e-6  # a gradient of a weight that moves it by next to nothing
EXPLODED = 100  # and from which the gradient is too large

Histories = Mapping[Variant, Sequence[Snapshot]]


def verdict(histories: Histories, lab: LabConfig, words: Words) -> dict[str, str]:
    """By the name of each network: what came of it, and why."""
    return {
        variant.name: " ".join(
            words[clause].format(
                percent=f"{100 * history[-1].accuracy:.0f}",
                best=f"{100 * max(seen.accuracy for seen in history):.0f}",
                step=f"{history[-1].step:,}",
                left=short(history[0].left),
                gradient=short(history[0].gradient),
                eps=short(lab.adam_eps),
                lr="--adam-lr" if variant.optimizer == "adam" else "--lr",
            )
            for clause in clauses(variant, histories, lab)
        )
        for variant, history in histories.items()
    }


def clauses(variant: Variant, histories: Histories, lab: LabConfig) -> Iterator[str]:
    """The outcome of a network's training, then its cause where one was measured."""
    start, came = histories[variant][0], outcome(histories[variant])
    vanished, adam = has_vanished(start), variant.optimizer == "adam"
    faint = start.gradient < FAINT and not vanished
    below_eps = adam and 0 < start.gradient < lab.adam_eps / 100
    yield came
    if came in ("diverged", "lost"):
        return
    if came == "died" and (start.dead > DEAD or not faint):
        yield "born dead" if start.dead > DEAD else "smaller lr"
    elif vanished:
        masked = adam and came != "stuck" and not below_eps
        yield from ["masked" if masked else "starved"] + ["below eps"] * below_eps
    elif came != "learned" and (faint or below_eps):
        yield from ["faint"] * faint + ["below eps"] * below_eps
    elif start.left > EXPLODED:
        yield "exploded"
        if came != "learned":
            yield "fewer layers" if variant.batch_norm else "smaller weights"
    elif came == "stuck":
        yield "other lr"
    elif start.left >= ALIVE and any(
        other.activation == variant.activation and has_vanished(history[0])
        for other, history in histories.items()
    ):
        yield "mended"


def has_vanished(start: Snapshot) -> bool:
    """Whether next to nothing of the gradient, or nothing, gets to the first layer."""
    return start.left < VANISHED or not start.gradient
