"""A page that is one file and asks for nothing from elsewhere.

Its form, style and script are files in a folder; what they show is JSON in it. A script
may have parts, in a folder of the page's name. What stands in `pages` is shared by all.
"""

import base64
import hashlib
import html
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from PIL import Image

SHARED = Path(__file__).with_name("pages")


def page(
    form: Path,
    title: str,
    shown: dict[str, Any],
    *,
    framed: str = "",
    parts: Path | None = None,
    **filled: str,
) -> bytes:
    """The page of that form, `NAME.html`. Only its own style and script are obeyed.

    `shown` is JSON, which its script shows as text and which can end no element;
    `filled` is HTML for the form's other places; `framed` a page that stands in it and
    is obeyed, too; `parts` a folder of more scripts and styles.
    """
    folders = [SHARED, form.with_suffix(""), *([parts] if parts else [])]
    styles, scripts = (
        [path for folder in folders for path in sorted(folder.glob(f"*.{kind}"))]
        for kind in ("css", "js")
    )
    style = "".join(map(_read, [*styles, form.with_suffix(".css")]))
    script = "".join(map(_read, [*scripts, form.with_suffix(".js")]))  # uses its parts
    head = Template(_read(SHARED / "head.html")).substitute(
        title=html.escape(title),
        style=style,
        styles=_hashes([style, *re.findall("<style>(.*?)</style>", framed, re.S)]),
        scripts=_hashes([script, *re.findall("<script>(.*?)</script>", framed, re.S)]),
    )
    shown_as_text = json.dumps(shown, allow_nan=False).replace("<", "\\u003c")
    places = {"head": head, "script": script, "json": shown_as_text, **filled}
    return Template(_read(form)).substitute(places).encode()


def picture(rows: "np.ndarray[Any, Any]") -> str:
    """Grey pixels, uint8, as a PNG that is a URL."""
    file = io.BytesIO()
    Image.fromarray(rows).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _hashes(texts: Iterable[str]) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return " ".join(f"'sha256-{base64.b64encode(one).decode()}'" for one in digests)
