"""What the lab's trainings come to: each clause is chosen by what was measured."""

from collections.abc import Iterator, Mapping, Sequence

from torchbasics.lessons.checks import Words, short
from torchbasics.lessons.lab.networks import LabConfig, Variant
from torchbasics.lessons.lab.training import Snapshot, outcome

VANISHED = 0.01  # share of the last layer's gradient at the first, and below
ALIVE = 0.3  # from which share on a small gradient is no reason
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
                smaller=short(history[0].gradient / 10),
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
    faint = start.gradient < FAINT and start.left >= ALIVE
    below_eps = adam and start.gradient < lab.adam_eps / 100
    yield came
    if came in ("diverged", "lost") or (came == "died" and not faint):
        yield from ["smaller lr"] * (came == "died")
        return
    if vanished and adam and came != "stuck":
        yield "masked"
    elif vanished and came == "learned":
        yield "recovered"
    elif vanished:
        yield from ["starved"] + ["below eps"] * below_eps
    elif came != "learned" and (faint or below_eps):
        yield from ["faint"] * faint + ["below eps"] * below_eps
    elif start.left > EXPLODED:
        yield "exploded"
        if came != "learned":
            yield "fewer layers" if variant.batch_norm else "smaller weights"
    elif came == "stuck":
        yield "other lr" if start.left >= ALIVE else "weak"
    elif any(
        other.activation == variant.activation and has_vanished(history[0])
        for other, history in histories.items()
    ):
        yield "mended"


def has_vanished(start: Snapshot) -> bool:
    """Whether next to nothing of the gradient, or nothing, gets to the first layer."""
    return start.left < VANISHED or not start.gradient
