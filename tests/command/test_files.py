"""Files: there whole or not at all, with nothing left over, also with two writers."""

import csv
import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest
from helpers import no_space

from torchbasics.command import files
from torchbasics.command.errors import UserError
from torchbasics.command.files import (
    free_place,
    write_atomic,
    write_json,
)
from torchbasics.lessons.lab.output import write_csv

OLD, NEW = b"old", b"new" * 10_000


@pytest.fixture
def path(tmp_path):
    """A file that is there already."""
    path = tmp_path / "a file"
    path.write_bytes(OLD)
    return path


def test_a_run_may_be_looked_at_while_its_owner_writes(tmp_path, monkeypatch):
    def renamed_meanwhile(path, *words):
        """What is half-written takes its place before it is looked at."""
        if files.PART.fullmatch(path.name):
            path.rename(path.with_name("step-00000001.safetensors"))
        return look(path, *words)

    (tmp_path / "checkpoints").mkdir()
    files.part_of(tmp_path / "checkpoints" / "step-00000001.safetensors").touch()
    look = Path.lstat
    monkeypatch.setattr(Path, "lstat", renamed_meanwhile)
    files.require_regular(tmp_path)
    assert names_in(tmp_path / "checkpoints") == {"step-00000001.safetensors"}


def test_what_is_written_takes_the_place_of_what_was_there(path):
    write_atomic(path, NEW)
    assert path.read_bytes() == NEW
    assert list(path.parent.iterdir()) == [path]


def test_while_it_is_written_the_old_content_is_there_and_a_hidden_file(
    path, monkeypatch
):
    seen = []

    def look(descriptor):
        names = sorted(p.name for p in path.parent.iterdir() if p != path)
        seen.append((path.read_bytes(), names))

    monkeypatch.setattr(files.os, "fsync", look)
    write_atomic(path, NEW)
    (before, names), (after, none) = seen  # the file flushed, then its folder
    assert (before, after, none) == (OLD, NEW, [])
    assert [name.startswith(".a file.") for name in names] == [True]


@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(
    path, monkeypatch, place
):
    owner = files.os if place == "fsync" else type(path)
    monkeypatch.setattr(owner, place, no_space)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, NEW)
    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_a_new_file_that_cannot_be_written_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_atomic(tmp_path / "new", NEW)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "gone" / "new", NEW)


def test_of_many_writers_at_once_one_wins_whole(path):
    contents = [bytes([number]) * 100_000 for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(write_atomic, path, content) for content in contents]
    assert all(job.exception() is None for job in jobs)
    assert path.read_bytes() in contents
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_cannot_be_flushed_is_no_failure(path, monkeypatch):
    calls = []

    def only_files(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(22, "Invalid argument")

    monkeypatch.setattr(files.os, "fsync", only_files)
    write_atomic(path, NEW)
    assert len(calls) == 2
    assert path.read_bytes() == NEW


LEFT = (".best.safetensors.0a1b2c3d", ".config.toml.00ff00ff", ".x-s0.12345678")
OURS = (".lock", ".gitignore", "a file", "best.safetensors", ".a.0a1b2c3", "events.1.2")


def names_in(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("name", LEFT)
@pytest.mark.parametrize("is_folder", [False, True])
def test_what_a_kill_left_half_written_is_swept_and_nothing_else(
    tmp_path, name, is_folder
):
    for ours in OURS:
        (tmp_path / ours).write_bytes(OLD)
    (tmp_path / name).mkdir() if is_folder else (tmp_path / name).write_bytes(NEW)
    if is_folder:
        (tmp_path / name / "manifest.json").write_bytes(NEW)
    files.sweep(tmp_path)
    assert names_in(tmp_path) == set(OURS)


def test_what_write_atomic_would_leave_is_what_is_swept(path):
    files.part_of(path).write_bytes(NEW)
    files.sweep(path.parent)
    assert names_in(path.parent) == {path.name}


def test_a_link_is_swept_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_bytes(OLD)
    (tmp_path / LEFT[0]).symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    files.sweep(tmp_path)
    assert names_in(tmp_path / "elsewhere") == {"kept"}


def test_who_waits_for_a_folder_gets_it_swept_or_is_told(tmp_path):
    with files.locked(tmp_path):
        (tmp_path / LEFT[0]).write_bytes(b"being written")
        with pytest.raises(UserError, match="in use"), files.locked(tmp_path, 0.1):
            pass
        assert LEFT[0] in names_in(tmp_path)
    with files.locked(tmp_path, 0.1):
        assert names_in(tmp_path) == {".lock"}


def test_a_folder_is_flushed_into_the_one_above(tmp_path, monkeypatch):
    flushed = []
    monkeypatch.setattr(files, "sync_folder", flushed.append)
    files.make_folder(tmp_path / "new")
    files.make_folder(tmp_path / "new")
    assert flushed == [tmp_path]


def test_json_is_read_back_to_the_same(path):
    value = {"seeds": [0, 1], "name": "\uc2dc\ud5d8", "sd": None}
    write_json(path, value)
    assert json.loads(path.read_text(encoding="utf-8")) == value
    assert path.read_text(encoding="utf-8").endswith("\n")


def test_a_table_is_read_back_with_its_headers(path):
    write_csv(path, ["name", "left"], [("a, b", 0.25), ("\uac00", float("nan"))])
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{"name": "a, b", "left": "0.25"}, {"name": "\uac00", "left": "nan"}]
    assert list(path.parent.iterdir()) == [path]


def test_a_table_that_cannot_be_written_leaves_the_old_one(path, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", no_space)
    with pytest.raises(OSError, match="No space left"):
        write_csv(path, ["name"], [["a"]])
    assert path.read_bytes() == OLD


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.txt", "its name must end in .html"),
        ("missing/a.html", "cannot write .*: No such file"),
        ("folder.html", "cannot write .*: Is a directory"),
        ("there.html", "is there already: --force replaces it"),
        (f"{'a' * 300}.html", "File name too long"),
        ("a\0.html", "null"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_at_once(tmp_path, name, said):
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "there.html").write_bytes(OLD)
    with pytest.raises(UserError, match=said):
        free_place(str(tmp_path / name), ".html")
    assert (tmp_path / "there.html").read_bytes() == OLD


@pytest.mark.parametrize(
    ("answer", "free"), [("y\n", True), ("n\n", False), ("", False)]
)
def test_a_terminal_is_asked_whether_a_file_may_be_replaced(
    tmp_path, monkeypatch, capsys, answer, free
):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    path = tmp_path / "there.html"
    path.write_bytes(OLD)
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    with nullcontext() if free else pytest.raises(UserError, match="left as it was"):
        assert free_place(str(path), ".html") == path
    assert capsys.readouterr().out == f"{path} is there already: replace it? [y/N] "


def test_force_replaces_and_a_new_name_needs_none(tmp_path):
    path = tmp_path / "new.html"
    assert free_place(str(path), ".html") == path
    path.write_bytes(OLD)
    assert free_place(str(path), ".html", force=True) == path
    assert [*tmp_path.iterdir()] == [path]
