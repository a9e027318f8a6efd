"""A seeded slice of `tests/mnist/kills.py`: real processes, real SIGKILLs."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("kills.py")


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_killed_run_resumes_and_ends_equal():
    done = subprocess.run(
        [sys.executable, SCRIPT, "--kills", "4", "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 of which ended otherwise" in done.stdout
