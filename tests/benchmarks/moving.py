"""How fast the figures that move answer: milliseconds, the median and the slowest.

Each slider and handle is moved a hundred times; from the event to the last number and
the layout of what is shown. Each figure by itself, in headless Chromium:
`python tests/benchmarks/moving.py`
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from browser import end, opened

from torchbasics.command.page import page
from torchbasics.lessons import moving, prose

FORM = Path(__file__).parent.parent / "data" / "moving.html"
TIMES = "Array.from({ length: 100 }, timed).flat()"


def main() -> None:
    """A line for each figure."""
    with tempfile.TemporaryDirectory() as folder:
        for name in moving.FIGURES:
            shown = {
                "name": name,
                "data": moving.FIGURES[name](),
                "words": prose.read("moving", "en").words,
            }
            path = Path(folder) / f"{name}.html"
            path.write_bytes(page(FORM, name, shown, parts=moving.PAGES))
            with opened(path) as tab:
                times = tab.evaluate(TIMES)
            print(f"{name:16} {statistics.median(times):5.1f} {max(times):6.1f} ms")
    end()


if __name__ == "__main__":
    main()
