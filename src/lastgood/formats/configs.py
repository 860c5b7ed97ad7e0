"""Config files, read into trees without executing, importing or templating anything.

Rules: the name says the format; the text is UTF-8, with or without a byte order mark; keys are never twice in one
object; size, depth and number of values are bounded before they cost anything. `Invalid` names the file, the format and
the line. What each format's readers disagree on stays as it is written (`yaml_tree`, `key_values`); a date of TOML is an
`Unquoted` text.

    >>> read_config("config/routing.yaml", b"sampling: {temperature: 0.2}")
    {'sampling': {'temperature': 0.2}}
    >>> read_config("a.json", b'{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ...
    lastgood.errors.Invalid: a.json is not valid JSON: the key 'a' stands twice in one object
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import StrEnum

from lastgood.canonical import DEEPEST, Json, parse_json
from lastgood.errors import Invalid
from lastgood.formats.tree import MOST_VALUES, Malformed, settle

LARGEST_CONFIG = 16 * 1024 * 1024
"""How many bytes a config file may have."""

_TOML_KEY_PART = r"""(?:[A-Za-z0-9_-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+"""
_DEEP_TOML_KEY = re.compile(rf"""(?<![\w"'-])(?:{_TOML_KEY_PART}){{{DEEPEST}}}""")


class ConfigFormat(StrEnum):
    """The formats of configs, by the name that people know them under."""

    YAML = "YAML"
    JSON = "JSON"
    TOML = "TOML"
    ENV = ".env"
    INI = "INI"


_BY_SUFFIX = {
    "yaml": ConfigFormat.YAML,
    "yml": ConfigFormat.YAML,
    "json": ConfigFormat.JSON,
    "toml": ConfigFormat.TOML,
    "env": ConfigFormat.ENV,
    "ini": ConfigFormat.INI,
    "cfg": ConfigFormat.INI,
}


def config_format(path: str) -> ConfigFormat | None:
    """Tell a config's format from its name, or None where the name says nothing."""
    name = path.rpartition("/")[2].lower()
    if name.startswith(".env."):
        return ConfigFormat.ENV
    return _BY_SUFFIX.get(name.rpartition(".")[2]) if "." in name else None


def read_config(path: str, data: bytes, form: ConfigFormat | None = None) -> Json:
    """Read a config file.

    Args:
        path: its name, which says the format.
        data: its bytes.
        form: its format, where its name says nothing or another one.

    Raises:
        Invalid: the name says no format, or the bytes are not what the format or this module's bounds ask for; the
            details hold `path`, `format` and, where it is known, `line`.
    """
    form = form or config_format(path)
    if form is None:
        raise Invalid(f"{path} has no config format by its name", details={"path": path})
    try:
        return _READERS[form](_decode(data))
    except Malformed as error:
        where = f", line {error.line}" if error.line is not None else ""
        details = {"path": path, "format": form.value, "line": error.line}
        raise Invalid(f"{path} is not valid {form}{where}: {error.reason}", details=details) from error


def _decode(data: bytes) -> str:
    if len(data) > LARGEST_CONFIG:
        raise Malformed(f"it is larger than {LARGEST_CONFIG:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Malformed("it is not UTF-8", data.count(b"\n", 0, error.start) + 1) from error


def _check_marks(text: str, marks: str) -> None:
    """Bound the values before a parser that cannot be stopped half-way makes them: each needs a mark before it."""
    if sum(text.count(mark) for mark in marks) > MOST_VALUES:
        raise Malformed(f"it has more than {MOST_VALUES:,} of the characters {' '.join(marks)}")


def _read_json(text: str) -> Json:
    _check_marks(text, ",[{")
    try:
        return settle(parse_json(text))
    except Invalid as error:
        raise _json_problem(error) from error


def _json_problem(error: Invalid) -> Malformed:
    cause = error.__cause__
    if isinstance(cause, json.JSONDecodeError):
        return Malformed(cause.msg, cause.lineno)
    if isinstance(cause, RecursionError) or cause is None:
        return Malformed(f"it is nested more than {DEEPEST} deep")
    return Malformed(str(cause))


def _read_toml(text: str) -> Json:
    import tomllib  # noqa: PLC0415  # 25 ms that only a TOML file should cost

    _check_marks(text, ",[{=")
    if _DEEP_TOML_KEY.search(text):
        # The parser takes quadratic time in the parts of one dotted key, so such keys never reach it.
        raise Malformed(f"a key has more than {DEEPEST} parts")
    try:
        return settle(tomllib.loads(text))
    except RecursionError as error:
        raise Malformed(f"it is nested more than {DEEPEST} deep") from error
    except Malformed:
        raise
    except ValueError as error:
        raise _toml_problem(str(error)) from error


def _toml_problem(message: str) -> Malformed:
    reason, _, place = message.partition(" (at ")
    line = re.match(r"line (\d+)", place)
    return Malformed(reason, int(line[1]) if line else None)


def _read_yaml(text: str) -> Json:
    from lastgood.formats.yaml_tree import read_yaml  # noqa: PLC0415  # 23 ms that only a YAML file should cost

    return read_yaml(text)


def _read_env(text: str) -> Json:
    from lastgood.formats.key_values import read_env  # noqa: PLC0415  # only a .env file needs it

    return read_env(text)


def _read_ini(text: str) -> Json:
    from lastgood.formats.key_values import read_ini  # noqa: PLC0415  # only an INI file needs it

    return read_ini(text)


_READERS: dict[ConfigFormat, Callable[[str], Json]] = {
    ConfigFormat.YAML: _read_yaml,
    ConfigFormat.JSON: _read_json,
    ConfigFormat.TOML: _read_toml,
    ConfigFormat.ENV: _read_env,
    ConfigFormat.INI: _read_ini,
}
