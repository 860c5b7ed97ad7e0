r"""The workspace file as a TOML document: read within limits, and able to say on which line a key stands.

Rules: whatever is wrong becomes `InvalidWorkspace` naming file, line and key, and all problems are told at once. A
byte order mark and CRLF line ends are tolerated; more than 1 MB, other encodings and deep nesting are not.

    >>> document = parse_document(b'pipeline = "support-bot"\n')
    >>> document.data, document.line_of(("pipeline",))
    ({'pipeline': 'support-bot'}, 1)
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lastgood.errors import InvalidPath, InvalidWorkspace, NotFound
from lastgood.workspace.declaration import WORKSPACE_FILE
from lastgood.workspace.opening import check_regular, open_root, unreadable
from lastgood.workspace.positions import KeyPath, key_lines
from lastgood.workspace.reading import read_small

LARGEST = 1_000_000
DEEPEST = 16
MOST_DOTS = 64
MOST_PROBLEMS_SHOWN = 20

_AT_LINE = re.compile(r" ?\(at line (\d+), column \d+\)$")
_STRING_OR_COMMENT = re.compile(r'"(?:\\.|[^"\\])*(?:"|\\?$)|\'[^\']*(?:\'|$)|#.*')
_DOTTED = re.compile(r'[\w."-]+')


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong with a document: where, and what."""

    key: KeyPath
    message: str


@dataclass(frozen=True)
class Document:
    """A TOML document that could be read."""

    raw: bytes
    text: str
    data: Mapping[str, object]

    @cached_property
    def _lines(self) -> Mapping[KeyPath, int]:
        return key_lines(self.text)

    def line_of(self, key: KeyPath) -> int:
        """Return the line of a key or, where it is not written, of the nearest table that would hold it."""
        for end in range(len(key), 0, -1):
            line = self._lines.get(key[:end])
            if line is not None:
                return line
        return 1

    def refusal(self, problems: Sequence[Problem]) -> InvalidWorkspace:
        """Return the error that tells all problems, in the order of their lines."""
        told = sorted((self.line_of(problem.key), _write_key(problem.key), problem.message) for problem in problems)
        lines = [f"{WORKSPACE_FILE}:{line}: {key}: {message}" for line, key, message in told]
        return _refusal(lines, [{"line": line, "key": key, "message": message} for line, key, message in told])


def read_bytes(root: Path) -> bytes:
    """Return the bytes of a folder's workspace file; of one that is too large, enough to tell.

    Raises:
        NotFound: there is none.
        NotAllowed: it may not be read.
        ChangedWhileReading: it was written meanwhile.
        InvalidWorkspace: it is a link, a FIFO or a folder.
    """
    try:
        mode = os.lstat(root / WORKSPACE_FILE).st_mode
        with open_root(root) as folder:
            # A release holds this file, and no file of a release is read through a link.
            check_regular(folder, WORKSPACE_FILE, mode)
            return read_small(folder, WORKSPACE_FILE, limit=LARGEST)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"there is no {WORKSPACE_FILE} in {root}", hint="lastgood init") from error
    except OSError as error:
        raise unreadable(WORKSPACE_FILE, error) from error
    except InvalidPath as error:
        raise InvalidWorkspace(error.message, hint=f"make {WORKSPACE_FILE} a plain file") from error


def parse_document(data: bytes) -> Document:
    """Read the bytes of a workspace file.

    Raises:
        InvalidWorkspace: it is too large, not UTF-8, not TOML, or nested too deeply.
    """
    if len(data) > LARGEST:
        raise _refusal([f"{WORKSPACE_FILE} is larger than {LARGEST:,} bytes"], [])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refusal_at(data.count(b"\n", 0, error.start) + 1, "this line is not UTF-8") from error
    return Document(data, text, _parse(text))


def _parse(text: str) -> Mapping[str, object]:
    _check_dots(text)
    try:
        data = tomllib.loads(text)
    except ValueError as error:
        message = str(error)
        at = _AT_LINE.search(message)
        line = int(at.group(1)) if at else text.rstrip().count("\n") + 1
        raise _refusal_at(line, "this is not TOML: " + _AT_LINE.sub("", message).replace(" (at end of document)", "")) from error
    except RecursionError as error:
        raise _refusal_at(1, f"it is nested more than {DEEPEST} deep") from error
    _check_depth(data, text)
    return data


def _check_dots(text: str) -> None:
    """Refuse keys of very many parts before they are read, since `tomllib` takes quadratic time over them."""
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MOST_DOTS:
            outside = re.sub(r"\s+", "", _STRING_OR_COMMENT.sub('"', line))
            if any(run.count(".") > MOST_DOTS for run in _DOTTED.findall(outside)):
                raise _refusal_at(number, f"a key has more than {MOST_DOTS} parts")


def _check_depth(data: Mapping[str, object], text: str) -> None:
    level: list[object] = [data]
    for _ in range(DEEPEST):
        level = [child for node in level if isinstance(node, dict | list) for child in (node.values() if isinstance(node, dict) else node)]
        if not level:
            return
    raise _refusal_at(_line_of_nesting(text), f"it is nested more than {DEEPEST} deep")


def _line_of_nesting(text: str) -> int:
    deepest = max(text.split("\n"), key=lambda line: line.count("[") + line.count("{") + line.count("."))
    return text[: text.index(deepest)].count("\n") + 1


def _refusal_at(line: int, message: str) -> InvalidWorkspace:
    return _refusal([f"{WORKSPACE_FILE}:{line}: {message}"], [{"line": line, "key": "", "message": message}])


def _refusal(lines: Sequence[str], problems: Sequence[Mapping[str, object]]) -> InvalidWorkspace:
    shown = list(lines[:MOST_PROBLEMS_SHOWN])
    if len(lines) > len(shown):
        shown.append(f"and {len(lines) - len(shown)} more")
    heading = [f"{WORKSPACE_FILE} has {len(lines)} problems:"] if len(lines) > 1 else []
    return InvalidWorkspace(
        "\n  ".join([*heading, *shown]),
        hint=f"correct {WORKSPACE_FILE}; nothing was changed",
        details={"problems": list(problems)},
    )


def _write_key(key: KeyPath) -> str:
    text = ""
    for part in key:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text or "the file"
