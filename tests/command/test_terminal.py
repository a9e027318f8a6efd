"""The picture in the terminal: right pixels, right bars, with and without colour."""

import contextlib
import fcntl
import io
import os
import re
import struct
import subprocess
import sys
import termios

import pytest
import torch
from helpers import full
from rich.console import Console

from torchbasics.command.terminal import (
    Answer,
    SafeConsole,
    SideBySide,
    make_console,
    paged,
    pager,
    pixel_rows,
    reply,
)

IMAGE = torch.zeros(28, 28, dtype=torch.uint8)
IMAGE[0, 0] = IMAGE[27, 27] = 255
PLAIN = Console(no_color=True)
COLOURED = Console(force_terminal=True, color_system="truecolor", no_color=False)
PROBS = torch.tensor([0.0, 0.02, 0, 0, 0, 0, 0, 0.98, 0, 0])


def shown(encoding="utf-8", **options):
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    Console(file=file, width=80, **options).print(Answer(IMAGE, PROBS, "it reads 7"))
    return raw.getvalue().decode(encoding)


def test_each_row_of_text_is_two_rows_of_pixels():
    rows = pixel_rows(IMAGE, PLAIN)
    assert len(rows) == 14
    assert all(len(row) == 28 for row in rows)
    assert (rows[0].plain[0], rows[13].plain[27]) == ("▀", "▄")


def test_shades_of_grey_are_the_pixels():
    row = pixel_rows(IMAGE, COLOURED)[0]
    assert str(row.spans[0].style) == "rgb(255,255,255) on rgb(0,0,0)"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_it_fits_80_columns_and_names_the_answer(encoding):
    text = shown(encoding)
    assert max(map(len, text.splitlines())) <= 80
    assert "7   98.00 %" in text
    assert text.splitlines()[-1] == "it reads 7"


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


def test_images_stand_side_by_side():
    console = Console(width=80, no_color=True)
    with console.capture() as capture:
        console.print(SideBySide(torch.stack([IMAGE, IMAGE])))
    rows = [line.rstrip() for line in capture.get().splitlines()]
    assert len(rows) == 14
    assert [at.start() for at in re.finditer("▀", rows[0])] == [0, 28 + 4]
    assert [at.start() for at in re.finditer("▄", rows[13])] == [27, 28 + 4 + 27]


def test_what_is_printed_is_never_markup():
    console = SafeConsole(width=80)
    with console.capture() as capture:
        console.print("[red]x[/] [/] :smile: [link=http://a]b[/link]")
    assert capture.get() == "[red]x[/] [/] :smile: [link=http://a]b[/link]\n"


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("200", 88)])
def test_lines_are_as_wide_as_the_terminal_but_not_too_wide(
    monkeypatch, columns, width
):
    monkeypatch.setenv("COLUMNS", columns)
    assert make_console().width == width


def test_numbers_around_0_are_orange_above_it_and_blue_below():
    values = torch.tensor([[2.0, 0.0], [-1.0, 0.0]])
    row = pixel_rows(values, COLOURED)[0]
    assert row.plain == "▀▀"
    styles = [str(span.style) for span in row.spans]
    assert styles == ["rgb(255,130,0) on rgb(0,65,128)", "rgb(0,0,0) on rgb(0,0,0)"]


def test_numbers_around_0_without_any_are_blank():
    assert [row.plain for row in pixel_rows(torch.zeros(4, 3), PLAIN)] == ["   "] * 2


def test_captions_stand_below_pictures():
    console = Console(width=80, no_color=True)
    with console.capture() as capture:
        console.print(SideBySide([IMAGE, IMAGE.float()], ["one", "two"]))
    rows = capture.get().splitlines()
    assert len(rows) == 15
    assert rows[-1].split() == ["one", "two"]


SCRIPT = """
from torchbasics.command.terminal import SafeConsole, paged
console = SafeConsole()
for lines, prompt in ((3, ""), (40, "on?"), (4, "on?")):
    with paged(console, prompt=prompt):
        for number in range(lines):
            console.print(f"{lines}.{number}", style="green")
"""


def on_a_terminal(keys=b"", **environment):
    """What the script leaves on a terminal of 24 lines, where somebody types."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        **{"stdin": theirs, "stdout": theirs, "stderr": theirs},
        env={**os.environ, "TERM": "xterm", **environment},
    )
    os.close(theirs)
    os.write(ours, keys)
    shown = b""
    with contextlib.suppress(OSError):  # the terminal is closed
        while piece := os.read(ours, 4096):
            shown += piece
    assert process.wait(timeout=60) == 0
    os.close(ours)
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]|\r", "", shown.decode())


@pytest.mark.slow
def test_what_does_not_fit_on_a_terminal_is_shown_by_the_page():
    """The pager gets what is longer than the screen; what fits waits for Enter."""
    text = on_a_terminal(b"\n", PAGER="tail -n 2")
    shown = re.findall(r"\d+\.\d+|on\?", text)
    assert shown[:5] == ["3.0", "3.1", "3.2", "40.38", "40.39"]
    assert shown[5:] == ["4.0", "4.1", "4.2", "4.3", "on?"]


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    full(
        ({"PAGER": "no-such-pager"},),
        ({"PAGER": "less '"},),
        ({"PAGER": "cat"},),
        ({"TERM": "dumb"},),
    ),
)
def test_where_there_is_no_pager_all_is_printed(environment):
    lines = on_a_terminal(b"\n\n", **environment).split()
    assert lines[lines.index("40.0") :][:40] == [f"40.{n}" for n in range(40)]


def test_what_is_no_terminal_gets_no_pager(monkeypatch):
    monkeypatch.setenv("PAGER", "false")
    console = SafeConsole(file=io.StringIO())
    with paged(console):
        console.print("\n" * 100, "here")
    assert "here" in console.file.getvalue()


@pytest.mark.parametrize(
    ("wanted", "command"),
    [("less", "less -R"), ("less -X", "less -X -R"), ("", ""), ("cat", "")],
)
def test_less_is_told_to_show_colours(monkeypatch, wanted, command):
    monkeypatch.setenv("PAGER", wanted)
    monkeypatch.setattr("shutil.which", lambda name: name)
    assert pager() == command


@pytest.mark.parametrize("error", [EOFError, OSError, RuntimeError])
def test_where_nothing_can_be_read_a_reply_is_empty(monkeypatch, error):
    def fail(prompt):
        raise error

    monkeypatch.setattr("builtins.input", fail)
    assert reply("> ") == ""
