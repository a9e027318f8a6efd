"""The textbook's own weights, read from its pickle without obeying it.

A pickle is a program: its instructions push values on a stack, gather them, and call
whatever function they name. Here only those are known that a dict of NumPy arrays
needs, and none calls anything: what the file asks for is noted, and compared in the end
with what NumPy writes of an array. Of names it may hold three, all of NumPy's.
"""

import hashlib
import pickletools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from math import prod
from pathlib import Path
from typing import IO, Any, NamedTuple

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
FLOATS = ("f2", "f4", "f8")
OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}
QUOTED = re.compile(rb"""(['"])((?:[^\\]|\\[\\'"nrt]|\\x[0-9a-f]{2})*)\1""")


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
        except (ValueError, TypeError, IndexError, KeyError):
            raise UserError("it is torn, or no pickle of NumPy arrays") from None
        if not isinstance(arrays, dict) or arrays.keys() != SHAPES.keys():
            held = f" {shown([*arrays])}" if isinstance(arrays, dict) else " no dict"
            raise UserError(f"it holds{held}; wanted a dict of {', '.join(SHAPES)}")
        tensors = {key: _tensor(key, arrays[key]) for key in SHAPES}
    return TextbookWeights(tensors, hashlib.sha256(content).hexdigest())


def _tensor(key: str, array: object) -> Tensor:
    """An array as NumPy pickles it, if it is what this key must hold."""
    match array:
        case Call(
            Name.RECONSTRUCT,
            (Name.NDARRAY, (0,), b"b" | "b"),
            (
                1,
                tuple() as shape,
                Call(Name.DTYPE, (str() as kind, _, _), (3, str() as order, *_)),
                bool() as columns_first,
                bytes() | str() as raw,
            ),
        ) if all(isinstance(size, int) and 0 <= size < 2**63 for size in shape):
            pass
        case _:
            raise UserError(f"{key} is no array as NumPy pickles one")
    if kind not in FLOATS or order not in ("<", ">"):
        raise UserError(
            f"{key} has dtype {shown(order + kind)}; wanted floats, such as <f4"
        )
    if shape != SHAPES[key]:
        raise UserError(f"{key} has shape {shown(shape)}; wanted {SHAPES[key]}")
    dtype = np.dtype(order + kind)
    content = raw.encode("latin-1", "ignore") if isinstance(raw, str) else raw
    wanted = prod(shape) * dtype.itemsize
    if len(content) != wanted:
        raise UserError(f"{key} has {len(content):,} bytes; wanted {wanted:,}")
    numbers = np.frombuffer(content, dtype)
    with np.errstate(over="ignore"):
        numbers = numbers.reshape(shape, order="F" if columns_first else "C")
        weights = torch.from_numpy(numbers.astype(np.float32, order="C"))
    if not weights.isfinite().all():
        raise UserError(f"{key} holds numbers that are not finite")
    return weights


class _Machine:
    """The stack of a pickle's instructions, the marks on it, and the memo."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def push(self, value: object) -> None:
        self.stack.append(value)

    def pop(self, count: int) -> list[Any]:
        place = len(self.stack) - count
        if not 0 <= place <= len(self.stack):
            raise IndexError("the stack has fewer")
        items, self.stack[place:] = self.stack[place:], []
        return items

    def pop_mark(self) -> list[Any]:
        return self.pop(len(self.stack) - self.marks.pop())

    def set_items(self, items: list[Any]) -> None:
        if not isinstance(into := self.stack[-1], dict):
            raise TypeError("only a dict has items")
        into.update(_dict(items))

    def build(self, call: object, state: object) -> None:
        if not isinstance(call, Call):
            raise TypeError("only what was called has a state")
        call.state = state
        self.push(call)

    def store(self, place: int) -> None:
        self.memo[place] = self.stack[-1]


def _dict(items: list[Any]) -> dict[str, Any]:
    """Keys, each before its value. They are texts: to hash tuples can take for ever."""
    keys, values = items[::2], items[1::2]
    if not all(isinstance(key, str) for key in keys):
        raise TypeError("a key is no text")
    return dict(zip(keys, values, strict=True))


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


_Step = Callable[[_Machine, Any], None]
_push: _Step = _Machine.push
_store: _Step = _Machine.store
STEPS: dict[str, _Step] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda m, _: None),
    **dict.fromkeys(("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"), _push),
    **dict.fromkeys(("STRING", "BINSTRING", "SHORT_BINSTRING"), _push),
    **dict.fromkeys(("UNICODE", "BINUNICODE", "SHORT_BINUNICODE"), _push),
    **dict.fromkeys(("BINBYTES", "SHORT_BINBYTES"), _push),
    "NONE": lambda m, _: m.push(None),
    "NEWTRUE": lambda m, _: m.push(True),
    "NEWFALSE": lambda m, _: m.push(False),
    "MARK": lambda m, _: m.marks.append(len(m.stack)),
    "EMPTY_TUPLE": lambda m, _: m.push(()),
    "TUPLE": lambda m, _: m.push(tuple(m.pop_mark())),
    "TUPLE1": lambda m, _: m.push(tuple(m.pop(1))),
    "TUPLE2": lambda m, _: m.push(tuple(m.pop(2))),
    "TUPLE3": lambda m, _: m.push(tuple(m.pop(3))),
    "EMPTY_DICT": lambda m, _: m.push({}),
    "DICT": lambda m, _: m.push(_dict(m.pop_mark())),
    "SETITEM": lambda m, _: m.set_items(m.pop(2)),
    "SETITEMS": lambda m, _: m.set_items(m.pop_mark()),
    "GLOBAL": lambda m, arg: m.push(_name(arg)),
    "STACK_GLOBAL": lambda m, _: m.push(_name(" ".join(m.pop(2)))),
    "REDUCE": lambda m, _: m.push(Call(*m.pop(2))),
    "BUILD": lambda m, _: m.build(*m.pop(2)),
    "MEMOIZE": lambda m, _: m.store(len(m.memo)),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _store),
    **dict.fromkeys(
        ("GET", "BINGET", "LONG_BINGET"), lambda m, arg: m.push(m.memo[arg])
    ),
}
"""What each instruction does, of those that a dict of arrays needs."""


def _unpickled(content: bytes) -> object:
    """What a pickle describes, with each call that it asks for as a `Call`."""
    machine = _Machine()
    for name, arg in _instructions(BytesIO(content)):
        STEPS[name](machine, arg)
    (value,) = machine.stack
    return value


def _instructions(file: IO[bytes]) -> Iterator[tuple[str, Any]]:
    """The instructions up to STOP, which is the end, each with what follows it."""
    for _ in range(MAX_STEPS):
        opcode = OPCODES[file.read(1).decode("latin-1")]
        if opcode.name not in STEPS:
            raise UserError(
                f"it is no pickle of NumPy arrays alone: it has the instruction "
                f"{opcode.name}, which is not followed"
            )
        if opcode.name == "STRING":  # pickletools takes letters only
            yield opcode.name, _quoted(file.readline())
        else:
            yield opcode.name, opcode.arg.reader(file) if opcode.arg else None
        if opcode.name == "STOP":
            break
    if opcode.name != "STOP" or file.read(1):
        raise ValueError("it does not end where it should")


def _quoted(line: bytes) -> str:
    """The text of bytes that Python 2 put between quotes, one byte a letter."""
    quoted = QUOTED.fullmatch(line.rstrip(b"\n"))
    if quoted is None:
        raise ValueError("it is not between quotes")
    return quoted[2].decode("unicode_escape")
