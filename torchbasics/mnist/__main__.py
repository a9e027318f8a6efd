"""Train a network on MNIST, score it on the test set, and watch it read one digit."""

import math
import shlex
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import ClassVar

import torch
from rich.console import Console

from torchbasics import device, rng
from torchbasics.command import cli, runs, settings
from torchbasics.command.errors import (
    TrainingError,
    UserError,
    as_user_error,
    command,
    run,
    warn,
)
from torchbasics.command.output import visible
from torchbasics.command.signals import StopRequest
from torchbasics.command.terminal import Answer, SafeConsole, plural
from torchbasics.data.mnist import SHA256
from torchbasics.evaluation import Evaluation, predict_probs
from torchbasics.mnist import PROGRAM, network
from torchbasics.mnist.config import Config
from torchbasics.mnist.training import auto
from torchbasics.mnist.training.checkpoint import CheckpointManager
from torchbasics.mnist.training.diagnosis import diagnose
from torchbasics.mnist.training.loop import train, train_along
from torchbasics.mnist.training.monitor import Monitor
from torchbasics.mnist.training.processes import Processes, joined
from torchbasics.mnist.training.resume import (
    check_resume_config,
    fixed_settings,
    resume,
    share,
)
from torchbasics.mnist.training.setup import (
    Training,
    bf16_hint,
    enough_memory,
    load_splits,
    setup,
)


class Options(cli.ResumeOptions):
    """What a training is told beside its settings."""

    takes_auto: ClassVar[bool] = True
    resume: str = ""
    """its folder, latest, or auto: the newest run of these settings, else a new one"""


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Train as the command line asks, as one of several processes if started so."""
    with joined() as processes, ExitStack() as stack:
        parsed = processes.together(parse, argv)
        config = parsed.config
        where, reason = processes.together(choose_device, config, processes)
        same = settings.flatten(fixed_settings(config)) | {"device": where.type}
        processes.require_same(same)
        cores = processes.connect(where)
        stack.enter_context(device.cpu_threads(config.threads or cores))
        stack.enter_context(enough_memory(config))
        splits = processes.together(load_splits, config, where)
        training = processes.together(setup, config, splits, processes)
        folder = processes.together(take_folder, training, parsed, stack)
        share(training)
        return run_training(training, folder, parsed.name, reason)


def parse(argv: Sequence[str] | None) -> cli.Parsed[Config, Options]:
    """The configuration, and the run to go on with if one is named."""
    parsed = cli.parse(
        Config(), Options(), argv, name="lesson", kind="mnist",
        prog=PROGRAM, about=__doc__,
    )  # fmt: skip
    if parsed.resume:
        check_resume_config(parsed.config, parsed.resume)
    return parsed


def choose_device(config: Config, processes: Processes) -> tuple[torch.device, str]:
    """Where to compute, and why there."""
    with as_user_error(ValueError):
        where, reason = device.choose(config.device)
    processes.require_network()
    return processes.own_device(where), reason


def take_folder(
    training: Training, parsed: cli.Parsed[Config, Options], stack: ExitStack
) -> Path | None:
    """Rank 0's run folder, locked with the stack; the training is where the run is."""
    if training.processes.rank:
        return None
    if parsed.options.resume == "auto":
        found = auto.go_on(training, parsed.name, stack)
    elif found := parsed.resume:
        stack.enter_context(runs.locked(found))
        resume(training, found)
    if found is None:
        found = create_run(training, parsed.name)
        stack.enter_context(runs.locked(found))
    elif not training.config.quiet:
        print(f"going on after step {training.progress.step}")
    return found


def run_training(
    training: Training, folder: Path | None, name: str, reason: str
) -> int:
    """Start or go on with the run of this folder; the command's exit status."""
    console = SafeConsole(quiet=training.config.quiet)
    console.print(heading(training, name, reason), soft_wrap=True)
    hint = bf16_hint(training.config, training.device)
    console.print(hint, soft_wrap=True, end="")
    if folder is None:
        return train_along(training)
    return train_and_evaluate(training, folder, console)


def create_run(training: Training, name: str) -> Path:
    """A folder in which stands what runs here."""
    config = training.config
    manifest = runs.new_manifest("mnist", name, config.seed)
    manifest["device"] = str(training.device)
    manifest["threads"] = torch.get_num_threads()
    manifest["processes"] = training.processes.count
    manifest["data"] = SHA256
    described = settings.to_toml(config, PROGRAM), manifest
    return runs.create(config.runs_dir, "mnist", f"{name}-s{config.seed}", *described)


def train_and_evaluate(training: Training, folder: Path, console: Console) -> int:
    """Train to the end, score and show; or stop when asked, and say how to go on.

    What is lost on the way, such as the folder, is told after the result.
    """
    checkpoints, lost = CheckpointManager(folder), ""
    complete = training.progress.is_finished()
    complete = complete and "figures" in runs.read_manifest(folder)
    monitor = Monitor(console, folder, training, complete)
    with StopRequest() as stop, monitor:
        train(training, monitor, checkpoints, stop)
        evaluation = stop.unless_asked(training.evaluate, training.splits.test)
        if evaluation is not None and not complete:
            monitor.after_training(evaluation)
            lost = write_final_metrics(folder, evaluation)
        problem = evaluation and stop.unless_asked(diagnose, training, evaluation)
    if evaluation is None:
        hint = resume_hint(training, checkpoints, stop.signal)
        console.print(hint, soft_wrap=True)
        return 128 + stop.signal
    show_one_digit(training, console)
    console.print(run_hint(folder), soft_wrap=True)
    if problem:
        warn(problem)
    print(evaluation.summary("test"))
    if checkpoints.failure or lost:
        raise TrainingError(checkpoints.failure or lost)
    return 0


def write_final_metrics(folder: Path, evaluation: Evaluation) -> str:
    """Complete the manifest of a run that has ended; say why where that cannot be."""
    try:
        manifest = runs.read_manifest(folder)
        manifest["finished"] = datetime.now(timezone.utc).isoformat()
        manifest["figures"] = {
            "accuracy/test": evaluation.accuracy,
            "loss/test": evaluation.loss if math.isfinite(evaluation.loss) else None,
        }
        runs.write_manifest(folder, manifest)
    except (UserError, OSError) as error:
        return f"no final figures in {folder / 'manifest.json'}: {error}"
    return ""


def heading(training: Training, name: str, reason: str) -> str:
    """What is about to be trained, on what."""
    config, count = training.config, training.processes.count
    optim, schedule = config.optim, config.schedule
    shared = f"{count} processes of " if count > 1 else ""
    return (
        f"{name}: {network.architecture(config)}, seed {config.seed}\n"
        f"{optim.name} {optim.lr:g} {schedule.name}, batch {config.batch_size}, "
        f"{config.precision}\n"
        f"device {reason}; {shared}{plural(torch.get_num_threads(), 'thread')}; "
        f"torch {torch.__version__}\n"
    )


def resume_hint(training: Training, checkpoints: CheckpointManager, number: int) -> str:
    """What to say when a training was asked to stop; how to go on, if it can."""
    progress, folder = training.progress, checkpoints.folder.parent
    said = (
        f"\nstopped by {signal.Signals(number).name} after step {progress.step} of "
        f"{progress.plan.total_steps}"
    )
    if not checkpoints.paths():
        return said
    resume = f"{PROGRAM} --resume {shlex.quote(str(folder))}"
    return f"{said}; to go on:\n  {visible(resume)}"


def run_hint(folder: Path) -> str:
    """The run's folder, how to make its pages, and how to open its curves."""
    return (
        f"\nthe run is in {visible(folder)}; to look inside:\n"
        f"  {PROGRAM}.report {visible(shlex.quote(str(folder)))}\n"
        f"  {PROGRAM}.playground {visible(shlex.quote(str(folder)))}\n"
        f"  tensorboard --logdir {visible(shlex.quote(str(folder.parent.parent)))}\n"
        f"then open {runs.instance_address(6006) or 'http://localhost:6006/'}\n"
    )


def show_one_digit(training: Training, console: Console) -> None:
    """The lesson's end: a picture of numbers goes in, the likeliest digit comes out."""
    config, (images, labels) = training.config, training.splits.test
    pick = rng.generator(config.seed, "example")
    index = int(torch.randint(len(labels), (1,), generator=pick))
    some = images[index : index + 1]
    probs = predict_probs(training.eval_model, some, config.data.transform)[0]
    console.print(f"\ntest image {index}, and what the network takes it for\n")
    answer, label = int(probs.argmax()), int(labels[index])
    verdict = "right" if answer == label else f"wrong: the label says {label}"
    told = f"the network reads {answer}, which is {verdict}"
    console.print(Answer(some[0].cpu(), probs.cpu(), told), soft_wrap=True)


if __name__ == "__main__":
    run(main)
