"""What the tests of the playground share: its data, networks of any kind, a hand."""

import json
import re

import numpy as np
import torch

from torchbasics.mnist import network, playground
from torchbasics.mnist.config import Config
from torchbasics.mnist.subjects import Subject

# Twenty digits as two hands draw them: strokes of points in hundredths of the sheet.
DIGITS = [
    (0, [
        "58,22 45,19 34,28 29,45 30,62 38,76 50,80 62,74 69,60 69,42 63,28 54,22",
    ]),
    (1, [
        "52,18 51,35 50,52 50,68 49,82",
    ]),
    (2, [
        "33,34 38,24 49,19 60,23 64,33 60,45 50,57 40,68 32,77 45,77 58,77 70,78",
    ]),
    (3, [
        "34,24 47,19 59,23 61,34 53,44 44,47 55,50 65,58 64,71 53,80 40,79 31,73",
    ]),
    (4, [
        "40,20 36,35 32,50 31,55 45,55 58,54 70,53",
        "60,25 59,40 58,60 57,83",
    ]),
    (5, [
        "65,22 52,22 39,23 37,36 35,47 46,43 58,46 65,57 63,70 53,79 40,79 31,74",
    ]),
    (6, [
        "58,18 46,28 37,42 33,58 36,72 46,80 58,77 64,67 60,56 50,53 40,58 35,66",
    ]),
    (7, [
        "30,24 42,23 55,23 68,22 62,37 55,52 49,67 45,82",
    ]),
    (8, [
        "60,27 50,20 39,25 38,36 47,45 59,54 63,66 57,77 45,80 36,72 38,60 49,50 "
        "59,40 62,30 58,24",
    ]),
    (9, [
        "61,32 52,23 41,27 36,39 42,50 53,49 61,38 63,30 62,45 60,62 57,80",
    ]),
    (0, [
        "30,40 24,46 22,56 25,66 32,70 39,65 42,55 40,45 34,40 29,40",
    ]),
    (1, [
        "44,34 52,26 58,19",
        "58,19 55,38 52,57 49,77",
        "38,78 48,78 60,78",
    ]),
    (2, [
        "52,22 62,17 73,20 76,30 70,42 60,53 50,63 47,68 54,64 61,66 70,72 79,70",
    ]),
    (3, [
        "36,22 50,22 64,22",
        "64,22 57,32 50,41",
        "50,41 62,46 67,57 63,71 52,79 39,78 31,70",
    ]),
    (4, [
        "57,17 47,32 37,47 29,60 42,60 56,60 72,60",
        "57,17 57,38 57,60 57,84",
    ]),
    (5, [
        "43,26 41,36 40,46 50,42 60,46 64,57 59,69 48,75 36,72",
        "43,25 55,24 67,22",
    ]),
    (6, [
        "70,24 60,31 51,43 46,58 48,71 57,77 66,72 69,62 63,55 54,58 48,66",
    ]),
    (7, [
        "28,32 28,24 42,24 56,24 70,24 61,38 53,55 48,80",
        "40,52 52,52 66,52",
    ]),
    (8, [
        "50,20 41,25 40,35 49,42 58,37 60,27 50,20",
        "49,42 38,52 35,66 43,78 56,78 64,68 61,53 49,42",
    ]),
    (9, [
        "64,24 53,19 41,24 37,36 43,46 54,45 62,37 64,24",
        "64,24 65,42 63,60 57,74 46,80 36,77",
    ]),
]  # fmt: skip


def shown(path):
    """What a page holds."""
    text = path.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text)
    return json.loads(found)


def scrambled(**model):
    """A network of any kind whose batch norm has seen something."""
    config = Config(model=model, data={"scale": "standard"})
    model = network.build(config)
    subject = Subject("scrambled", None, network.Network(model, config), 0)
    generator = torch.Generator().manual_seed(1)
    for name, value in subject.network.model.state_dict().items():
        if "norm" in name and value.is_floating_point():
            value.uniform_(0.5, 2, generator=generator)
    subject.network.model.eval()
    return subject


def packed(subject, dtype=torch.float32):
    """It as a page is given it."""
    return playground.packed(playground.rounded(subject, dtype), dtype)


def draw(tab, strokes):
    """Draw these with the mouse: strokes as above, or of points from 0 to 1."""
    box = tab.locator("#sheet").bounding_box()
    start, size = np.array([box["x"], box["y"]]), box["width"]
    for stroke in strokes:
        first, *others = (start + size * np.array(points(stroke))).tolist()
        tab.mouse.move(*first)
        tab.mouse.down()
        for point in others:
            tab.mouse.move(*point)
        tab.mouse.up()


def points(stroke):
    """The points of a stroke, from 0 to 1 where they are on the sheet."""
    if not isinstance(stroke, str):
        return stroke
    return [[float(x) / 100 for x in one.split(",")] for one in stroke.split()]


def seen(tab, name="playground.sketch.pixels"):
    """The 28 x 28 of what is drawn. Shape: int64 (28, 28)."""
    return torch.tensor(tab.evaluate(f"[...{name}]")).view(28, 28)
