"""Typed settings, and the TOML files that they are read from and written to.

Whatever is unknown, of the wrong type or out of bounds is refused with one sentence
that names the key, the value and what would be valid. A configuration holds values
only: it names no code.
"""

import difflib
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationError

from torchbasics.command.errors import UserError
from torchbasics.command.files import read_regular

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MAX_CONFIG_BYTES = 2**18
MAX_DOTS = 200  # in a line: the parser's time grows as their square
MAX_SHOWN = 80  # characters of a value that is refused
MAX_BITS = 4096  # of a whole number: one that Python still prints

COMMAND = re.compile(r"^#\s+(python -m \w[\w. ]*\w)", re.MULTILINE)
"""A command in the comments of a config file, the first of which it is for."""

PLAINER = {
    "Input should": "it must", "Value error, ": "", "Tuple should": "it must",
    " after validation": "", "tuple": "list", "dictionary": "table",
}  # fmt: skip
"""What of pydantic's words is said otherwise."""


class Settings(BaseModel):
    """A frozen group of settings; `group` is its name inside the whole."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )
    group: ClassVar[str]

    def __init_subclass__(cls, group: str = "", **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.group = group

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise UserError(self._sentence(error)) from None

    @classmethod
    def _sentence(cls, error: ValidationError) -> str:
        """The first thing wrong, in words."""
        first = error.errors()[0]
        path = [cls.group, *map(str, first["loc"])]
        key = ".".join(part for part in path if part) or "a key"
        if first["type"] == "extra_forbidden":
            hint = suggestion(path[-1], cls.model_fields, key.removesuffix(path[-1]))
            return f"unknown setting {shown(key)}{hint}"
        if first["type"] == "value_error" and not first["loc"]:  # ours, which say all
            return str(first["ctx"]["error"])
        if first["type"] == "missing":
            return f"{key} is missing"
        value = f"{key} = {shown(first['input'])}"
        if first["type"] == "model_type":
            return f"{value}: it is a table, [{key}]"
        wanted = first["msg"]
        for said, plain in PLAINER.items():
            wanted = wanted.replace(said, plain)
        return f"{value}: {wanted}"


ConfigT = TypeVar("ConfigT", bound=Settings)


def to_toml(config: Settings, prog: str = "") -> str:
    """The configuration as a TOML file that `--config` reads back to the same.

    Its first line can say which command it is for.
    """
    head = f"# {prog} --config THIS_FILE\n" if prog else ""
    text = head + tomli_w.dumps(config.model_dump(mode="json"))
    return "".join(
        sign if sign.isprintable() or sign == "\n" else f"\\U{ord(sign):08x}"
        for sign in text
    )


def flatten(table: dict[str, Any], prefix: str = "") -> dict[str, bool | str | float]:
    """Nested settings by their dotted names, lists as text.

    >>> flatten({"seed": 0, "model": {"hidden": [50, 100], "activation": "relu"}})
    {'seed': 0, 'model.hidden': '50 100', 'model.activation': 'relu'}
    """
    settings: dict[str, bool | str | float] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            settings |= flatten(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            settings[prefix + name] = " ".join(map(str, value))
        else:
            settings[prefix + name] = value
    return settings


def read_config(config_class: type[ConfigT], path: Path, prog: str = "") -> ConfigT:
    """The configuration that a TOML file describes, for the command `prog`."""
    content = read_regular(path, MAX_CONFIG_BYTES, follow=True)
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        for number, line in enumerate(text.splitlines(), start=1):
            if line.count(".") > MAX_DOTS:
                raise ValueError(f"line {number} has more than {MAX_DOTS} dots")
        table = tomllib.loads(text)
        table.pop("command", None)  # 0.1.0 wrote one into the lab's
    except UnicodeDecodeError:
        raise UserError(f"{path} is no TOML: it is not saved as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no TOML: {error}") from None
    try:
        return from_table(config_class, table)
    except UserError as error:
        meant, ours = COMMAND.search(text), table.keys() & config_class.model_fields
        if meant and not prog.startswith(meant[1]) and 2 * len(ours) < len(table):
            raise UserError(f"{path} is a config of `{meant[1]}`") from None
        raise UserError(f"{path}: {error}") from None


def from_table(config_class: type[ConfigT], table: Any) -> ConfigT:
    """The configuration that a table of TOML or JSON stands for. Raises UserError."""
    if not isinstance(table, dict):
        raise UserError(f"{shown(table)} is no table of settings")
    try:
        return config_class(**_frozen(table))
    except RecursionError:
        raise UserError("its settings lie too deep in one another") from None


def find_config(name: str) -> Path:
    """An existing file, any `*.toml`, or a shipped configuration by its bare name."""
    if name.endswith(".toml") or os.path.isfile(name):
        if os.path.exists(name) and not os.path.isfile(name):
            raise UserError(f"{name} is no file")
        return Path(name)
    if name not in shipped_configs():
        close = suggestion(name, shipped_configs())
        raise UserError(f"there is no config file or shipped config {name!r}{close}")
    return shipped_configs()[name]


def shipped_configs(config_class: type[Settings] | None = None) -> dict[str, Path]:
    """The configurations that come with the package, by name; of one kind, or all."""
    package = Path(__file__).parent.parent
    installed, checkout = package / "configs", package.parent / "configs"
    folder = installed if installed.is_dir() else checkout
    paths = {path.stem: path for path in folder.glob("*.toml")}
    return {
        name: path
        for name, path in paths.items()
        if config_class is None or _describes(config_class, path)
    }


def _describes(config_class: type[Settings], path: Path) -> bool:
    try:
        read_config(config_class, path)
    except UserError:
        return False
    return True


def suggestion(name: str, choices: Iterable[str], prefix: str = "") -> str:
    """`; did you mean ...?`, or all there is when nothing is close."""
    if close := difflib.get_close_matches(name, choices, n=1):
        return f"; did you mean {prefix + close[0]!r}?"
    return f"; there is {', '.join(prefix + choice for choice in sorted(choices))}"


def shown(value: object) -> str:
    """A value as a sentence can hold it, however long it is.

    >>> shown([1, 2]), shown("x" * 100)[-5:]
    ('[1, 2]', 'xx...')
    """
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."


def _frozen(value: Any, key: str = "") -> Any:
    """Arrays as tuples, which a frozen configuration holds; no number without end."""
    if isinstance(value, dict):
        return {name: _frozen(item, f"{key}.{name}") for name, item in value.items()}
    if isinstance(value, list):
        return tuple(_frozen(item, key) for item in value)
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise UserError(f"{key[1:]} is a number of {value.bit_length():,} bits")
    return value
