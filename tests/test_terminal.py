"""The picture in the terminal: right pixels, right bars, with and without colour."""

import io

import pytest
import torch
from rich.console import Console

from torchbasics.terminal import Answer, digit_rows

IMAGE = torch.zeros(28, 28, dtype=torch.uint8)
IMAGE[0, 0] = IMAGE[27, 27] = 255
PROBS = torch.tensor([0.0, 0.02, 0, 0, 0, 0, 0, 0.98, 0, 0])


def shown(encoding="utf-8", **options):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    Console(file=file, width=80, **options).print(Answer(IMAGE, PROBS, label=7))
    return raw.getvalue().decode(encoding)


def test_each_row_of_text_is_two_rows_of_pixels():
    rows = digit_rows(IMAGE, colour=False)
    assert len(rows) == 14
    assert all(len(row) == 28 for row in rows)
    assert (rows[0].plain[0], rows[13].plain[27]) == ("▀", "▄")


def test_shades_of_grey_are_the_pixels():
    row = digit_rows(IMAGE, colour=True)[0]
    assert str(row.spans[0].style) == "rgb(255,255,255) on rgb(0,0,0)"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_it_fits_80_columns_and_names_the_answer(encoding):
    text = shown(encoding)
    assert max(map(len, text.splitlines())) <= 80
    assert "7   98.00 %" in text
    assert text.splitlines()[-1] == "the network reads 7, which is right"


def test_bars_are_as_long_as_probabilities():
    bars = {
        line.split()[-4]: line.count("#")
        for line in shown("ascii").splitlines()
        if line.endswith("#")
    }
    assert bars == {"7": 29, "1": 1}


def test_colour_is_left_out_where_it_is_off(monkeypatch):
    assert "\x1b" in shown(force_terminal=True, color_system="truecolor")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "38;2" not in shown(force_terminal=True, color_system="truecolor")
