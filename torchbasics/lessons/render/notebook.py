"""Lessons in a notebook's cells: a part as the page shows it, a figure, TensorBoard."""

import atexit
import io
import os
import shlex
import signal
import sys
from contextlib import suppress
from pathlib import Path

from IPython.display import HTML, Image, display

from torchbasics.command import runs
from torchbasics.device import cpu_threads
from torchbasics.lessons import figures, prose
from torchbasics.lessons.checks import Part
from torchbasics.lessons.render.html import element, html_of, rendered

STYLE = Path(__file__).parent.parent / "pages" / "notebook.css"


def show(part: Part, lang: str = "auto") -> None:
    """Compute a part of a lesson, and show it under the cell."""
    lesson, told = part.__module__.rpartition(".")[2], prose.language(lang)
    words = prose.read(lesson, told).words
    with cpu_threads(1, flush_denormal=True):  # as in a terminal, and in the lab
        items = list(part(words))
    made = rendered(items, {**words, **prose.read("page", told).words})
    style = element("style", STYLE.read_text(encoding="utf-8"))
    whole = element("div", style, *made, class_="torchbasics tex2jax_ignore")
    display(HTML(html_of(whole)))


def show_figure(name: str, lang: str = "auto") -> None:
    """Draw a figure of a lesson, and show it under the cell."""
    wanted, png = prose.language(lang), io.BytesIO()
    words = prose.read(name.partition("-")[0], wanted).words
    if figures.draw(name, wanted, png) != wanted:
        print(words["no_font"])
    display(Image(png.getvalue(), alt=words["title"]))


def show_tensorboard(logdir: str) -> None:
    """Start TensorBoard on the runs in a folder; it ends with the notebook's kernel."""
    from tensorboard import manager, notebook  # noqa: PLC0415 - slow, and seldom used

    program = Path(sys.executable).with_name("tensorboard")
    os.environ.setdefault("TENSORBOARD_BINARY", str(program))
    if proxy := runs.instance_address("%PORT%"):
        os.environ.setdefault("TENSORBOARD_PROXY_URL", proxy)
    others = {info.pid for info in manager.get_all()}
    notebook.start(f"--logdir {shlex.quote(os.path.expanduser(logdir))}")
    for pid in {info.pid for info in manager.get_all()} - others:
        atexit.register(_stop, pid)


def _stop(process: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, signal.SIGTERM)
