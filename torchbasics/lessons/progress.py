"""How far a learner has come: the exercises solved, in one small file.

It lies beside the cached MNIST. Deleted, damaged or by somebody else, it only means
that no exercise is known to be solved; nothing needs it.
"""

import json
from functools import cache

from torchbasics.command.errors import UserError, warn
from torchbasics.command.files import read_regular, reason, write_json
from torchbasics.data.mnist import default_folder

FILE = "progress.json"
MAX_BYTES = 2**16


def solved() -> set[str]:
    """The names of the exercises that were solved, as far as the file can be read."""
    try:
        content = json.loads(read_regular(default_folder() / FILE, MAX_BYTES))
        names = content["solved"]
        listed = names if isinstance(names, list) else []
        return {name for name in listed if isinstance(name, str)}
    except (UserError, ValueError, RuntimeError, TypeError, KeyError):
        return set()  # no home, JSON that is too deep or not ours


def record(exercise: str) -> None:
    """Remember that an exercise was solved; where that fails, warn once."""
    try:
        folder = default_folder()
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / FILE, {"solved": sorted(solved() | {exercise})})
    except (OSError, ValueError, RuntimeError) as error:
        _warn_once(f"cannot remember what you have solved: {reason(error)}")


_warn_once = cache(warn)
