"""Which of two recipes reads digits better, image by image.

    cd tests/benchmarks/results
    python ../paired.py record.json ciresan2010.json

Two networks are scored on the same 10,000 images, so the images that both misclassify
say nothing; what counts is those that only one of them does. If the two were equally
good, each such image would be a coin's toss: p is how often a fair coin comes out at
least as uneven (McNemar 1947, exact). Each line compares one network of each recipe.
"""

from __future__ import annotations

import argparse
import json
from itertools import product
from math import comb
from pathlib import Path
from typing import Any


def two_sided(first: int, second: int) -> float:
    """How often first + second tosses of a fair coin come out at least so uneven.

    >>> two_sided(1, 9)
    0.021484375
    """
    tosses, fewer = first + second, min(first, second)
    tail = sum(comb(tosses, heads) for heads in range(fewer + 1)) / 2**tosses
    return min(1.0, 2 * tail)


def table(first: dict[str, Any], second: dict[str, Any]) -> list[str]:
    """A line for each pair of networks."""
    names = f"{first['config']:>19} {second['config']:>19}"
    lines = [f"{names} {'both':>6} {'first only':>11} {'second only':>12}     p"]
    ours, theirs = first["misclassified"], second["misclassified"]
    for seed_a, seed_b in product(ours, theirs):
        wrong, other = set(ours[seed_a]), set(theirs[seed_b])
        only, others = len(wrong - other), len(other - wrong)
        lines.append(
            f"{f'seed {seed_a}':>19} {f'seed {seed_b}':>19} {len(wrong & other):6} "
            f"{only:11} {others:12} {two_sided(only, others):5.2g}"
        )
    return lines


def main() -> None:
    """Compare two result files of `python -m torchbasics.mnist.seeds`."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    asked = parser.parse_args()
    results = [json.loads(p.read_text("utf-8")) for p in (asked.first, asked.second)]
    print("\n".join(table(*results)))


if __name__ == "__main__":
    main()
