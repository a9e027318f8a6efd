"""Keyed generators: a key fixes its draws, and nothing else moves them."""

import torch

from torchbasics import rng


def draw(*key):
    return torch.rand(4, generator=rng.generator(*key)).tolist()


def test_a_key_repeats_its_draws_whatever_was_drawn_before():
    first = draw(0, "order", 3)
    torch.rand(100)
    draw(0, "dropout", 3)
    assert draw(0, "order", 3) == first


def test_each_part_of_a_key_matters():
    keys = [(0, "order", 3), (1, "order", 3), (0, "dropout", 3), (0, "order", 4)]
    keys += [(0, "order"), (0, "order", 3, 0), (0, "order", 0, 3)]
    assert len({tuple(draw(*key)) for key in keys}) == len(keys)


def test_the_draws_never_change_between_versions():
    assert rng.key(0, "order", 3) == 386106667988085106
