"""Run folders: each run gets one of its own."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from torchbasics import runs
from torchbasics.errors import UserError


def test_a_folder_says_what_ran_with_which_seed_and_when(tmp_path):
    folder = runs.create(str(tmp_path), "mnist", "lesson", 7)
    assert folder.parent == tmp_path / "mnist"
    assert re.fullmatch(r"lesson-s7-\d{8}T\d{6}Z(-\d+)?", folder.name)
    assert folder.is_dir()


def test_runs_that_start_together_get_folders_of_their_own(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(runs.create, str(tmp_path), "mnist", "lesson", 0)
            for _ in range(40)
        ]
    assert len({job.result() for job in jobs}) == 40


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot make a run folder in .*--runs-dir"):
        runs.create(str(tmp_path / "file"), "mnist", "lesson", 0)
