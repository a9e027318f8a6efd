"""The course: lessons in order, each a module that can be run and asked alone."""

from importlib import import_module

from torchbasics.lessons.checks import Part

LESSONS = (
    "perceptron", "activations", "matrices", "forward", "learning", "vanishing",
    "digits",
)  # fmt: skip


def parts_of(name: str) -> tuple[Part, ...]:
    """The parts of a lesson, in order."""
    parts: tuple[Part, ...] = import_module(f"torchbasics.lessons.{name}").PARTS
    return parts
