"""Keyed random generators: the one place that seeds.

A generator is made from a key, (seed, purpose, counters...), never taken from the
global state. So no draw can shift another: logging, evaluating or resuming leaves
every later draw as it was, and a checkpoint needs to save counters only.
"""

import hashlib

import torch


def key(seed: int, purpose: str, *counters: int) -> int:
    """A 63-bit number, well mixed, that depends on every part of the key.

    >>> key(0, "order", 1) == key(0, "order", 1) != key(0, "order", 2)
    True
    """
    text = repr((int(seed), purpose, *map(int, counters)))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def generator(
    seed: int, purpose: str, *counters: int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """A fresh generator for one purpose, for example the order of epoch 3.

    >>> torch.randperm(5, generator=generator(0, "order", 3))
    tensor([2, 4, 3, 1, 0])
    """
    random = torch.Generator(device)
    reseed(random, seed, purpose, *counters)
    return random


def reseed(random: torch.Generator, seed: int, purpose: str, *counters: int) -> None:
    """Set a generator back to the start of a key's draws."""
    random.manual_seed(key(seed, purpose, *counters))
