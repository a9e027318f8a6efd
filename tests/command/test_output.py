"""What is printed arrives or its loss is told, and foreign text is only text."""

import errno
import io
import sys
import unicodedata
from contextlib import suppress
from pathlib import Path

import pytest

from torchbasics.command.errors import UserError, command, warn
from torchbasics.command.output import PLAIN, Output, lasting, visible

SIGNS = "".join(map(chr, PLAIN))
EVERY = [chr(code) for code in range(sys.maxunicode + 1)]


def test_nothing_that_a_terminal_obeys_is_left_of_any_text():
    obeyed = [c for c in EVERY if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl")]
    shown = visible("".join(obeyed))
    assert shown.isprintable()
    assert shown.isascii()


@pytest.mark.parametrize(
    "text", ["runs/lesson-s0", "손글씨 é ✓ 漢字", "[red]x[/] :smile:"]
)
def test_what_can_be_read_stays_as_it_is(text):
    assert visible(text) == text


def broken(reason):
    class Broken(io.StringIO):
        def write(self, text):
            raise OSError(reason, "no space")

    return Broken()


@command
def talks(argv=None):
    print("one")
    print("two", flush=True)
    return 0


@pytest.mark.parametrize(
    ("reason", "status"), [(errno.EPIPE, 0), (errno.EIO, 0), (errno.ENOSPC, 1)]
)
def test_a_reader_who_leaves_is_no_loss_a_full_disk_is(
    monkeypatch, capsys, reason, status
):
    monkeypatch.setattr(sys, "stdout", broken(reason))
    assert talks([]) == status
    said = "error: cannot print: no space\n"
    assert capsys.readouterr().err == (said if status else "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_loss_is_told_also_when_it_shows_only_at_the_end(monkeypatch, capsys):
    with suppress(OSError), Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert talks([]) == 1
    assert "cannot print: No space left on device" in capsys.readouterr().err


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_program_without_a_terminal_has_none_to_print_to(monkeypatch, stream):
    monkeypatch.setattr(sys, stream, None)
    assert talks([]) == 0


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp949", "utf-8"])
def test_no_letter_ends_a_command(monkeypatch, encoding):
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", out)

    @command
    def main(argv=None):
        print(SIGNS, "손 \udcff é")
        return 0

    assert main([]) == 0
    text = raw.getvalue().decode(encoding)
    assert all(sign in text or sign.translate(PLAIN) in text for sign in SIGNS)


def test_the_streams_are_as_before_afterwards():
    before = sys.stdout, sys.stderr
    talks([])
    assert (sys.stdout, sys.stderr) == before


FOREIGN = "a\x1b]0;x\x07\n\u202eb\udcff"
SHOWN = r"a\x1b]0;x\x07\n\u202eb\udcff"


@pytest.mark.parametrize("kind", [UserError, warn])
def test_what_a_sentence_quotes_is_shown_in_one_line(capsys, kind):
    @command
    def main(argv=None):
        if kind is warn:
            warn(FOREIGN)
            return 0
        raise kind(FOREIGN)

    main([])
    assert capsys.readouterr().err.partition(": ")[2] == SHOWN + "\n"


def test_what_a_library_repeats_is_only_text(capsys):
    with lasting(only_text=True):
        assert not sys.stdout.isatty()
        print(FOREIGN)
    assert capsys.readouterr().out == SHOWN.replace(r"\n", "\n") + "\n"


def test_a_stream_of_its_own_is_asked_all_else():
    assert Output(io.StringIO("x")).getvalue() == "x"
