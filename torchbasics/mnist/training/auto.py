"""`--resume auto`: of the runs of the same settings, the newest that can goes on.

A job that is started again cannot change its command. So a run that cannot go on stands
in nobody's way: it is named, left as it is and passed over.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from torchbasics.command import files, runs, settings
from torchbasics.command.errors import UserError, warn
from torchbasics.mnist.config import Config
from torchbasics.mnist.training.resume import fixed_settings, resume
from torchbasics.mnist.training.setup import Training

SECONDS_TO_LEAVE = 30  # what torchrun, too, gives the processes of before


def go_on(training: Training, name: str, held: ExitStack) -> Path | None:
    """Put the training where the newest such run is; its folder, locked with `held`.

    None if there is none that can go on.
    """
    refused: list[str] = []
    found = None
    for folder in _same(training.config, name, refused):
        try:
            with ExitStack() as lock:
                files.require_regular(folder)
                lock.enter_context(runs.locked(folder, SECONDS_TO_LEAVE))
                resume(training, folder)
                held.push(lock.pop_all())
        except UserError as error:
            refused.append(str(error))
        else:
            found = folder
            break
    instead = f"{found} goes on" if found else "a new run begins"
    for why in refused:
        warn(f"{why}; {instead}")
    return found


def _same(config: Config, name: str, refused: list[str]) -> Iterator[Path]:
    """The runs of these settings and this seed, finished or not, newest first.

    `refused` gets why one that is called so cannot tell its settings.
    """
    alike = f"{name}-s{config.seed}-"
    found = runs.find_runs(config.runs_dir, "mnist")
    for folder in Path(os.path.expanduser(config.runs_dir), "mnist").glob(f"{alike}*"):
        if folder not in found:
            try:
                runs.read_manifest(folder)
            except UserError as error:
                refused.append(str(error))
    for folder in reversed(found):
        try:
            before = settings.read_config(Config, folder / "config.toml")
        except UserError as error:
            if folder.name.startswith(alike):
                refused.append(str(error))
            continue
        if fixed_settings(before) == fixed_settings(config):
            yield folder
