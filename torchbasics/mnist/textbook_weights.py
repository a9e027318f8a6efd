"""The textbook's own weights, read from its pickle without obeying it.

A pickle is a program: its instructions push values on a stack, gather them, and call
whatever function they name. Here only those are followed that a dict of NumPy arrays
needs, and none calls anything: what the file asks for is noted, and compared in the end
with what NumPy writes of an array. Of names it may hold three, all of NumPy's.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from pathlib import Path
from pickletools import OpcodeInfo, genops, markobject, stackslice
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from torchbasics.command.errors import UserError, as_user_error
from torchbasics.command.files import read_regular
from torchbasics.command.settings import shown

SHA256 = "b7f55a27988ba34c3777b0f1bbd464817c8a4db855723e6ff26f703501917a13"
"""Of the textbook's sample_weight.pkl."""

SHAPES = {
    "W1": (784, 50), "b1": (50,), "W2": (50, 100), "b2": (100,), "W3": (100, 10),
    "b3": (10,),
}  # fmt: skip
MAX_BYTES = 2**20  # the textbook's has 181,853
MAX_STEPS = 1_000  # instructions; six arrays need 201
FLOATS = {order + kind for order in "<>" for kind in ("f2", "f4", "f8")}


class Name(Enum):
    """All that a pickle of arrays may name."""

    RECONSTRUCT = "numpy.core.multiarray _reconstruct"
    NDARRAY = "numpy ndarray"
    DTYPE = "numpy dtype"


@dataclass
class Call:
    """What a pickle asks for: a call of something named, then to set a state."""

    callee: object
    args: object
    state: object = None


class TextbookWeights(NamedTuple):
    """Weights W1, W2, W3 (in, out) and biases b1, b2, b3, and the file's SHA-256."""

    arrays: dict[str, Tensor]
    sha256: str


def read_pickle(path: Path) -> TextbookWeights:
    """The weights that the file holds, as float32.

    The network is 784-50-100-10: h = sigmoid(x W1 + b1), and so on. Raises UserError
    for any file but a pickle of these six arrays, all finite; nothing in it is run.
    """
    content = read_regular(path, MAX_BYTES, follow=True)
    with as_user_error(UserError, f"{path}: "):
        try:
            arrays = _unpickled(content)
        except (ValueError, TypeError, LookupError):
            raise UserError("it is torn, or no pickle of NumPy arrays") from None
        held = [*arrays] if isinstance(arrays, dict) else []
        if {*held} != {*SHAPES}:
            wanted = ", ".join(SHAPES)
            raise UserError(f"it holds {shown(held)}; wanted a dict of {wanted}")
        tensors = {key: _tensor(key, arrays[key]) for key in SHAPES}
    return TextbookWeights(tensors, hashlib.sha256(content).hexdigest())


def _tensor(key: str, array: object) -> Tensor:
    """An array as NumPy pickles it, if it is what this key must hold."""
    match array:
        case Call(
            Name.RECONSTRUCT,
            (Name.NDARRAY, (0,), b"b"),
            (
                1,
                tuple() as shape,
                Call(Name.DTYPE, (str() as kind, _, _), (3, str() as order, *_)),
                bool() as columns_first,
                bytes() as raw,
            ),
        ) if shape == SHAPES[key] and order + kind in FLOATS:
            with as_user_error(ValueError, f"{key}: "), np.errstate(over="ignore"):
                numbers = np.frombuffer(raw, order + kind).astype(np.float32)
                numbers = numbers.reshape(shape, order="F" if columns_first else "C")
        case _:
            raise UserError(f"{key} is no array of floats with shape {SHAPES[key]}")
    if not np.isfinite(numbers).all():
        raise UserError(f"{key} holds numbers that are not finite")
    return torch.from_numpy(numbers).contiguous()


def _with_items(table: object, *items: Any) -> dict[str, Any]:
    """The dict, with keys, each before its value.

    They are texts: to hash tuples can take for ever.
    """
    keys, values = items[::2], items[1::2]
    if not isinstance(table, dict) or not all(isinstance(key, str) for key in keys):
        raise TypeError("only a dict has items, and only by texts")
    table.update(zip(keys, values, strict=True))
    return table


def _with_state(call: object, state: object) -> Call:
    if not isinstance(call, Call):
        raise TypeError("only what was called has a state")
    call.state = state
    return call


def _name(text: str) -> Name:
    """One of the three names; NumPy 2 spells one of them otherwise."""
    try:
        return Name(text.replace("numpy._core.", "numpy.core."))
    except ValueError:
        wanted = ", ".join(name.value.replace(" ", ".") for name in Name)
        raise UserError(
            f"it names {shown(text.replace(' ', '.'))}, and nothing of it is run; "
            f"arrays, pickled by protocol 3 or 4, name only {wanted}"
        ) from None


NUMBERS = ("BININT", "BININT1", "BININT2", "LONG1")
TEXTS = ("BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES")
TUPLES = ("EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3")
MADE: dict[str, Callable[..., object]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_DICT": dict,
    **dict.fromkeys(TUPLES, lambda *items: items),
    **dict.fromkeys(("SETITEM", "SETITEMS"), _with_items),
    "STACK_GLOBAL": lambda *names: _name(" ".join(names)),
    "REDUCE": Call,
    "BUILD": _with_state,
}
"""What is made of the values that an instruction takes from the stack."""


def _unpickled(content: bytes) -> Any:
    """What a pickle describes, with each call that it asks for as a `Call`."""
    stack: list[Any] = []
    marks: list[int] = []
    memo: dict[int, Any] = {}
    instructions: Iterator[Any] = genops(content)
    for opcode, arg, place in islice(instructions, MAX_STEPS):
        match opcode.name:
            case "PROTO" | "FRAME":
                pass
            case "GLOBAL":
                stack.append(_name(arg))
            case "MARK":
                marks.append(len(stack))
            case "BINPUT" | "LONG_BINPUT" | "MEMOIZE":
                memo[len(memo) if arg is None else arg] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[arg])
            case "STOP" if place + 1 == len(content):
                (value,) = stack
                return value
            case name if name in NUMBERS + TEXTS:
                stack.append(arg)
            case name:
                stack.append(MADE[name](*_taken(opcode, stack, marks)))
    raise ValueError("it has more instructions than arrays need")


def _taken(opcode: OpcodeInfo, stack: list[Any], marks: list[int]) -> list[Any]:
    """What the instruction takes from the stack: some values, or all from a mark."""
    wanted = [kind for kind in opcode.stack_before if kind is not markobject]
    end = marks.pop() + 1 if stackslice in wanted else len(stack)
    place = end - len(wanted)
    if not 0 <= place <= len(stack):
        raise IndexError("the stack has fewer")
    taken, stack[place:] = stack[place:], []
    return taken
