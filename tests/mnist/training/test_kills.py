"""A seeded slice of `tests/mnist/training/kills.py`: real processes, real SIGKILLs."""

import sys
from pathlib import Path

import pytest
from helpers import python

SCRIPT = Path(__file__).with_name("kills.py")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_killed_run_resumes_and_ends_equal():
    done = python(SCRIPT, "--kills", "2", "--seed", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 of which ended otherwise" in done.stdout
