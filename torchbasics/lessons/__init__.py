"""The course: lessons in order, each a module that can be run and asked alone."""

from importlib import import_module

from torchbasics.lessons import prose
from torchbasics.lessons.checks import Part

LESSONS = (
    "perceptron", "activations", "matrices", "forward", "learning", "vanishing",
    "digits",
)  # fmt: skip


def parts_of(name: str, home: object = None) -> tuple[Part, ...]:
    """The parts that a lesson's text has places for, in order: functions of its module.

    Those of the lab are methods of a laboratory, `home`, or of the one in its module.
    """
    module = import_module(f"torchbasics.lessons.{name}")
    home = home or getattr(module, "LABORATORY", module)
    pieces = prose.read(name, "en").pieces()
    return tuple(getattr(home, place) for _, place in pieces if place)
