"""Why a training learned nothing, in one sentence, and what mends it.

What may be wrong is measured (`causes`), and each cause names settings that would mend
it. These are tried, one after the other, for a few steps: the first with which the
network learns is the diagnosis.
"""

from torchbasics.command import settings
from torchbasics.command.errors import TrainingError, UserError
from torchbasics.evaluation import Evaluation
from torchbasics.mnist.config import Config
from torchbasics.mnist.training.causes import (
    CHANCE,
    GUESS,
    Cause,
    Change,
    causes,
    in_words,
    score,
)
from torchbasics.mnist.training.loop import training_steps
from torchbasics.mnist.training.setup import Training, setup

FEW_IMAGES = 10_000  # seen in training: too few to say
LEARNED = 0.5  # accuracy from which a trial counts as mended
TRIAL_STEPS = 200
MOST_WORK = 2e12  # of all trials together: weights times images


def diagnose(training: Training, evaluation: Evaluation) -> str:
    """What is wrong with a training that ended near chance; nothing if it did not."""
    config, steps = training.config, training.progress.step
    if evaluation.accuracy > CHANCE or steps * config.batch_size < FEW_IMAGES:
        return ""
    found = list(causes(training, evaluation.loss))
    head = (
        f"it learned next to nothing: {100 * evaluation.accuracy:.1f} % right, loss "
        f"{evaluation.loss:.2g}, where guessing gets 10 % and {GUESS:.1f}"
    )
    weights = sum(parameter.numel() for parameter in training.model.parameters())
    most = 1 + int(MOST_WORK / (weights * config.batch_size * TRIAL_STEPS))
    to_try = remedies(config, found)[:most]
    for cause, change in to_try:
        steps, accuracy = trial(training, change)
        if accuracy >= LEARNED:
            return (
                f"{head}; {cause.text}. Try {in_words(change)}: {steps} steps with it "
                f"read {100 * accuracy:.0f} %"
            )
    tried: dict[str, str] = {}  # of each setting the value that was likeliest to help
    for change in (change for _, change in to_try if len(change) == 1):
        tried.setdefault(str([*change]), in_words(change))
    return f"{head}; {found[0].text}. Try more than one of {', '.join(tried.values())}"


def remedies(config: Config, found: list[Cause]) -> list[tuple[Cause, Change]]:
    """What each cause asks to be changed, then the first of it with another beside."""
    ones = [(cause, change) for cause in found for change in cause.changes]
    ones = [pair for pair in ones if is_another(config, pair[1])]
    (cause, first), *others = ones
    twos = [(cause, first | change) for _, change in others if first.keys() - change]
    return ones + [pair for pair in twos if is_another(config, pair[1])]


def trial(training: Training, change: Change) -> tuple[int, float]:
    """How many steps the change was tried for, and the accuracy they led to."""
    config = changed(training.config, change)
    seen = training.progress.step * training.config.batch_size
    steps = min(TRIAL_STEPS, seen // config.batch_size)
    short: Change = {"epochs": steps, "max_steps": steps, "optim.ema": 0.0}
    config = changed(config, short | {"precision": "fp32"})
    train = training.splits.train.subset(slice(steps * config.batch_size))
    tried = setup(config, training.splits._replace(train=train))
    try:
        for _ in training_steps(tried):
            pass
    except TrainingError:
        return steps, 0.0
    return steps, score(tried).accuracy


def changed(config: Config, change: Change) -> Config:
    """The configuration with these settings. Raises UserError if that is none."""
    table = config.model_dump()
    for name, value in change.items():
        group, _, last = name.rpartition(".")
        (table[group] if group else table)[last] = value
    return settings.from_table(Config, table)


def is_another(config: Config, change: Change) -> bool:
    """Whether the change can be made, and changes something."""
    try:
        return changed(config, change) != config
    except UserError:  # the one setting does not go with another
        return False
