"""Typed settings, and the TOML files that they are read from and written to.

Whatever is unknown, of the wrong type or out of bounds is refused with one sentence
that names the key, the value and what would be valid. A configuration holds values
only: it names no code.
"""

import difflib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
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
MAX_LINE = 2000  # of more, a key takes long to parse, and Python prints no number
MAX_SHOWN = 80  # characters of a value that is refused
COMMAND = re.compile(r"^#\s+(python -m \w[\w. ]*\w)", re.MULTILINE)
"""The command that a config file's comments name first is the one that it is for."""
PLAINER = {
    "Input should": "it must", "Tuple should": "it must", "String should": "it must",
    "Value error, ": "", " after validation": "", "tuple": "list",
}  # fmt: skip
"""What of pydantic's words is said otherwise."""


class Settings(BaseModel):
    """A frozen group of settings; `group` is its name inside the whole."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        regex_engine="python-re",
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
        key = ".".join(filter(None, path)) or "a key"
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
        else:
            is_list = isinstance(value, list)
            settings[prefix + name] = " ".join(map(str, value)) if is_list else value
    return settings


def read_config(config_class: type[ConfigT], path: Path) -> ConfigT:
    """The configuration that a TOML file describes. Raises UserError."""
    content = read_regular(path, MAX_CONFIG_BYTES, follow=True)
    try:
        text = content.decode("utf-8-sig")
        for number, line in enumerate(text.splitlines(), start=1):
            if len(line) > MAX_LINE:
                raise ValueError(f"line {number} has {len(line):,} characters")
        table = tomllib.loads(text)
        table.pop("command", None)  # 0.1.0 wrote one into the lab's
    except UnicodeDecodeError:
        raise UserError(f"{path} is no TOML: it is not saved as UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no TOML: {error}") from None
    try:
        return from_table(config_class, table)
    except UserError as error:
        meant = COMMAND.search(text)
        whose = f" is a config of `{meant[1]}`" if meant else ""
        raise UserError(f"{path}{whose}: {error}") from None


def from_table(config_class: type[ConfigT], table: Any) -> ConfigT:
    """The configuration that a table of TOML or JSON stands for. Raises UserError."""
    if not isinstance(table, dict):
        raise UserError(f"{shown(table)} is no table of settings")
    try:
        return config_class(**_tuples(table))
    except RecursionError:
        raise UserError("its settings lie too deep in one another") from None


def find_config(name: str, config_class: type[Settings]) -> Path:
    """An existing file, any `*.toml`, or a shipped configuration by its bare name."""
    if name.endswith(".toml") or os.path.isfile(name):
        return Path(name)
    shipped = shipped_configs()
    if name not in shipped:
        close = suggestion(name, configs_for(config_class))
        raise UserError(f"there is no config file or shipped config {name!r}{close}")
    return shipped[name]


def shipped_configs() -> dict[str, Path]:
    """The configurations that come with the package, by name."""
    package = Path(__file__).parent.parent
    installed, checkout = package / "configs", package.parent / "configs"
    folder = installed if installed.is_dir() else checkout
    return {path.stem: path for path in folder.glob("*.toml")}


def configs_for(config_class: type[Settings]) -> Iterator[str]:
    """The names of those that are configurations of this kind."""
    for name, path in shipped_configs().items():
        with suppress(UserError):
            read_config(config_class, path)
            yield name


def suggestion(name: str, choices: Iterable[str], prefix: str = "") -> str:
    """`; did you mean ...?`, or all there is when nothing is close."""
    choices = list(choices)
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


def _tuples(value: Any) -> Any:
    """Arrays as tuples, which a frozen configuration holds."""
    if isinstance(value, dict):
        return {name: _tuples(item) for name, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
