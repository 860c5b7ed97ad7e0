"""The one door to lock files: the name says the format, and the bytes become a `Lock`.

>>> read_lock("requirements.lock", b"torch==2.3.1").packages[0].version
'2.3.1'
>>> read_lock("requirements.txt", b"torch 2.3.1 please")
Traceback (most recent call last):
...
lastgood.errors.Invalid: requirements.txt is not a valid requirements file, line 1: 'torch 2.3.1 please' is no requirement
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass

from lastgood.canonical import Json
from lastgood.errors import Invalid
from lastgood.formats.configs import ConfigFormat, read_config
from lastgood.formats.locks.images import read_dockerfile
from lastgood.formats.locks.lock import Lock
from lastgood.formats.locks.requirements import EXPLICIT, read_explicit, read_requirements
from lastgood.formats.locks.tables import (
    read_conda_lock,
    read_environment,
    read_package_lock,
    read_pdm,
    read_pipfile,
    read_pixi,
    read_poetry,
    read_pylock,
    read_uv,
)
from lastgood.formats.tree import Malformed

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
LARGEST_LOCK = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Tabular:
    """A lock file that is a table: what it is called, what it is written in, and what reads its tree."""

    name: str
    form: ConfigFormat
    read: Callable[[Json], Lock]


@dataclass(frozen=True, slots=True)
class _Lines:
    """A lock file that is lines."""

    name: str
    read: Callable[[str], Lock]


_Form = _Tabular | _Lines


def _read_lines(text: str) -> Lock:
    return read_explicit(text) if EXPLICIT in text.split() else read_requirements(text)


# Lock files of others, whose lines are no requirements: they are compared as text.
_OF_OTHERS = "yarn|cargo|gemfile|composer|flake|mix|podfile|pubspec|conan|bun|deno|package|gradle|hatch|\\.terraform"

_FORMS: tuple[tuple[re.Pattern[str], _Form], ...] = (
    (re.compile(r"uv\.lock|.*\.py\.lock"), _Tabular("uv.lock", ConfigFormat.TOML, read_uv)),
    (re.compile(r"poetry\.lock"), _Tabular("poetry.lock", ConfigFormat.TOML, read_poetry)),
    (re.compile(r"pdm(\..*)?\.lock"), _Tabular("pdm.lock", ConfigFormat.TOML, read_pdm)),
    (re.compile(r"pylock(\.[^.]+)?\.toml"), _Tabular("pylock.toml", ConfigFormat.TOML, read_pylock)),
    (re.compile(r"pipfile\.lock"), _Tabular("Pipfile.lock", ConfigFormat.JSON, read_pipfile)),
    (re.compile(r"package-lock\.json|npm-shrinkwrap\.json"), _Tabular("package-lock.json", ConfigFormat.JSON, read_package_lock)),
    (re.compile(r"(.*[.-])?conda-lock(-.*)?\.ya?ml"), _Tabular("conda-lock.yml", ConfigFormat.YAML, read_conda_lock)),
    (re.compile(r"pixi\.lock"), _Tabular("pixi.lock", ConfigFormat.YAML, read_pixi)),
    (re.compile(r"environment(.*)\.ya?ml|conda(.*)\.ya?ml"), _Tabular("environment.yml", ConfigFormat.YAML, read_environment)),
    (re.compile(r"(.*\.)?(dockerfile|containerfile)(\..*)?"), _Lines("Dockerfile", read_dockerfile)),
    (re.compile(rf"(?!({_OF_OTHERS})\.lock).*\.lock|.*\.txt|.*\.in|.*\.pip"), _Lines("requirements file", _read_lines)),
)


def lock_format(path: str) -> str | None:
    """Name a lock file's format by its name, or None where that says nothing."""
    form = _form_of(path)
    return None if form is None else form.name


def _form_of(path: str) -> _Form | None:
    name = path.rpartition("/")[2].lower()
    return next((form for pattern, form in _FORMS if pattern.fullmatch(name)), None)


def read_lock(path: str, data: bytes) -> Lock:
    """Read a lock file.

    Args:
        path: its name, which says the format.
        data: its bytes.

    Raises:
        Invalid: the name says no format, or the bytes are not what the format or its bounds ask for.
    """
    form = _form_of(path)
    if form is None:
        raise Invalid(f"{path} has no format of lock files by its name", details={"path": path})
    if isinstance(form, _Tabular):
        return _of_tree(path, form, read_config(path, data, form.form))
    if len(data) > LARGEST_LOCK:
        raise Invalid(f"{path} is larger than {LARGEST_LOCK:,} bytes")
    try:
        # What a shell of Windows writes of `pip freeze` is UTF-16, which pip reads as well.
        return form.read(data.decode("utf-16" if data[:2] in _UTF_16 else "utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Invalid(f"{path} is not UTF-8, and not UTF-16 with its mark") from error
    except Malformed as error:
        where = f", line {error.line}" if error.line is not None else ""
        raise Invalid(f"{path} is not a valid {form.name}{where}: {error.reason}") from error


def _of_tree(path: str, form: _Tabular, tree: Json) -> Lock:
    try:
        return form.read(tree)
    except Malformed as error:
        raise Invalid(f"{path} is not a valid {form.name}: {error.reason}") from error
