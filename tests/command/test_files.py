"""Files: there whole or not at all, with nothing left over, also with two writers."""

import csv
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from helpers import no_space

from torchbasics.command import files
from torchbasics.command.files import write_atomic, write_csv, write_json

OLD, NEW = b"old", b"new" * 10_000


@pytest.fixture
def path(tmp_path):
    """A file that is there already."""
    path = tmp_path / "a file"
    path.write_bytes(OLD)
    return path


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
