"""Lesson 3, matrices: a layer's sums are a product, and shapes say what fits."""

from collections.abc import Iterable, Sequence
from itertools import product

import numpy as np
import torch

from torchbasics.lessons.checks import Check, Item, Listing, Table, Words
from torchbasics.lessons.exercises import check  # noqa: F401 - for its readers

BOOK = "textbook ch. 3"

PRODUCTS: tuple[tuple[Sequence[object], Sequence[object], Sequence[float]], ...] = (
    ([[1, 2], [3, 4]], [[5, 6], [7, 8]], (19, 22, 43, 50)),
    ([[1, 2, 3], [4, 5, 6]], [[1, 2], [3, 4], [5, 6]], (22, 28, 49, 64)),
    ([[1, 2], [3, 4], [5, 6]], [7, 8], (23, 53, 83)),
    ([1, 2], [[1, 3, 5], [2, 4, 6]], (5, 11, 17)),
)
"""The textbook's products: A, B, and A B row by row."""

EXAMPLES = torch.tensor([[1, 2], [3, 4], [5, 6]])
WEIGHT = torch.tensor([[1, 3, 5], [2, 4, 6]])
BIAS = torch.tensor([10, 20, 30])
"""A layer of three units, and a batch of three examples."""


def shapes(words: Words) -> Iterable[Item]:
    """How many dimensions, and how long each."""
    for values, shape in (
        ([1, 2, 3, 4], (4,)),
        ([[1, 2], [3, 4], [5, 6]], (3, 2)),
        ([[1, 2, 3], [4, 5, 6]], (2, 3)),
    ):
        a = torch.tensor(values)
        yield Check(f"{values}: ndim", [len(shape)], [a.ndim], BOOK)
        yield Check(f"{values}: shape", shape, a.shape, BOOK)


def products(words: Words) -> Iterable[Item]:
    """Every product of the textbook, in torch and in NumPy."""
    for left, right, wanted in PRODUCTS:
        a, b = torch.tensor(left), torch.tensor(right)
        name = f"{tuple(a.shape)} @ {tuple(b.shape)}"
        yield Check(f"torch {name}", wanted, a @ b, BOOK)
        numpy = np.asarray(left) @ np.asarray(right)
        yield Check(f"numpy {name}", wanted, torch.from_numpy(numpy), BOOK)


def one_number(words: Words) -> Iterable[Item]:
    """One number of a product: a row, a column, multiplied in pairs and added up."""
    a, b = (torch.tensor(values) for values in PRODUCTS[1][:2])
    heads, rows = [words[key] for key in ("entry", "row", "column", "pairs")], []
    for i, j in product(range(2), repeat=2):
        row, column = a[i].tolist(), b[:, j].tolist()
        pairs = " + ".join(f"{p}*{q}" for p, q in zip(row, column, strict=True))
        total = f"= {int(a[i] @ b[:, j])}"
        rows.append((f"({i}, {j})", str(row), str(column), pairs, total))
    yield Table((*heads, ""), rows)


def order(words: Words) -> Iterable[Item]:
    """A B is not B A, and not the product number by number; what transposing does."""
    a, b = (torch.tensor(values) for values in PRODUCTS[0][:2])
    yield Check("A @ B", (19, 22, 43, 50), a @ b, BOOK)
    yield Check("B @ A", (23, 34, 31, 46), b @ a, "arithmetic")
    yield Check("A * B", (5, 12, 21, 32), a * b, "arithmetic")
    yield Check("A.T", (1, 3, 2, 4), a.T, "definition")
    yield Check("(A @ B).T", (19, 43, 22, 50), (a @ b).T, "arithmetic")
    yield Check("B.T @ A.T", (19, 43, 22, 50), b.T @ a.T, "(A B)' = B' A'")


def bias(words: Words) -> Iterable[Item]:
    """One bias for each unit, added to every example of the batch."""
    sums = EXAMPLES @ WEIGHT
    yield Check("X @ W: shape", (3, 3), sums.shape, words["batch"])
    yield Check("X @ W [0]", (5, 11, 17), sums[0], BOOK)
    yield Check("(X @ W + b) [0]", (15, 31, 47), (sums + BIAS)[0], "arithmetic")
    yield Check("(X @ W + b) [2]", (27, 59, 91), (sums + BIAS)[2], "arithmetic")
    wrong = (sums + BIAS[:, None])[0]
    yield Check("(X @ W + b[:, None]) [0]", (15, 21, 27), wrong, words["per_row"])


def mismatch(words: Words) -> Iterable[Item]:
    """Shapes that do not fit, and the sentence that says so."""
    a, b = torch.ones(2, 3), torch.ones(2, 4)
    try:
        a @ b
    except RuntimeError as error:
        yield Listing(f"  torch: {error}\n  {words['mismatch']}\n")
    yield Check("(A.T @ B): shape", (3, 4), (a.T @ b).shape, words["fits"])
