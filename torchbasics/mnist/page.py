"""A page that is one file and asks for nothing from elsewhere.

Its form, style and script are files in `pages/`; what they show is JSON in it. A script
may have parts, in a folder of the page's name.
"""

import base64
import hashlib
import html
import json
from pathlib import Path
from string import Template
from typing import Any

PAGES = Path(__file__).with_name("pages")


def page(name: str, title: str, shown: dict[str, Any]) -> bytes:
    """The page of that name. Nothing but its own style and script is obeyed in it.

    What comes from files is in its JSON, which the script shows as text, and which can
    end no element.
    """
    style = _read(PAGES / "style.css") + _read(PAGES / f"{name}.css")
    parts = sorted((PAGES / name).glob("*.js"))  # what they define, its script uses
    script = "".join(map(_read, [*parts, PAGES / f"{name}.js"]))
    filled = Template(_read(PAGES / f"{name}.html")).substitute(
        title=html.escape(title),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        json=json.dumps(shown, allow_nan=False).replace("<", "\\u003c"),
    )
    return filled.encode()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
