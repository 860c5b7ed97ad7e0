"""Which paths may stand in a release: checked at commit and again at checkout.

The rule, in words: relative, UTF-8, NFC, parts divided by `/`; no `..`, no empty part, no control character, no
backslash; at most 255 bytes a part and 3,800 in all (PATH_MAX is 4,096 and a checkout adds its folder); no two paths
that one file system would fold together (case, or Unicode form), no path that is also a folder of another, and no
`.lastgood` at any depth (it could pass for a registry to whoever works in that folder).

    >>> check_path("prompts/system.md")
    'prompts/system.md'
    >>> check_path("../secrets")
    Traceback (most recent call last):
    ...
    lastgood.errors.InvalidPath: '../secrets' must not be in a release: it has a '..' part
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from lastgood.errors import InvalidPath

LONGEST_PART = 255
LONGEST_PATH = 3_800
RESERVED_FOLDER = ".lastgood"


def check_path(path: str) -> str:
    """Return the path if it may stand in a release.

    Raises:
        InvalidPath: it breaks the rule of this module; the message names the part of the rule.
    """
    why = _what_is_wrong(path)
    if why:
        raise InvalidPath(f"{path[:200]!r} must not be in a release: {why}", details={"path": _printable(path)})
    return path


def _what_is_wrong(path: str) -> str | None:
    try:
        encoded = path.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    if not path or path.startswith("/"):
        return "it is absolute or empty"
    if len(encoded) > LONGEST_PATH:
        return f"it is longer than {LONGEST_PATH} bytes"
    if not (path.isascii() or unicodedata.is_normalized("NFC", path)):
        return "its name is not in Unicode's NFC form"
    if "\\" in path:
        return "it has a backslash"
    if not path.isprintable() and any(unicodedata.category(char) == "Cc" for char in path):
        return "it has a control character"
    return _what_is_wrong_with_parts(path.split("/"), len(encoded))


def _what_is_wrong_with_parts(parts: list[str], size: int) -> str | None:
    if ".." in parts:
        return "it has a '..' part"
    if "." in parts or "" in parts:
        return "it has an empty or '.' part"
    if any(part[0] == "." and fold(part) == RESERVED_FOLDER for part in parts):
        return f"{RESERVED_FOLDER} is lastgood's own folder"
    if size > LONGEST_PART and any(len(part.encode()) > LONGEST_PART for part in parts):
        return f"a part is longer than {LONGEST_PART} bytes"
    return None


class _Folder:
    """What stands in one folder, by the form under which a file system may keep it; a file is its name."""

    __slots__ = ("inside", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.inside: dict[str, str | _Folder] = {}


def check_together(paths: Iterable[str]) -> None:
    """Check that paths which are right alone can also stand beside each other.

    Memory is in proportion to the text of the paths, however deep they are.

    Raises:
        InvalidPath: two are the same, fold together on some file system, or one is a folder of another.
    """
    root = _Folder("")
    known = {"": root}
    for path in paths:
        above, _, name = path.rpartition("/")
        folder = known.get(above)
        if folder is None:
            folder = known[above] = _enter(root, above, path)
        folded = fold(name)
        there = folder.inside.get(folded)
        if isinstance(there, _Folder):
            raise InvalidPath(f"{path!r} is a file, and another path needs a folder of that name")
        if there is not None:
            raise InvalidPath(f"{path!r} and {there!r} beside it are one file on some file systems; rename one of them")
        folder.inside[folded] = name


def _enter(root: _Folder, above: str, path: str) -> _Folder:
    folder = root
    for part in above.split("/"):
        there = folder.inside.setdefault(fold(part), _Folder(part))
        if isinstance(there, str):
            raise InvalidPath(f"{path!r} needs a folder {part!r}, and a file {there!r} is in its place")
        if there.name != part:
            raise InvalidPath(f"the folder {part!r} of {path!r} and another, {there.name!r}, are one on some file systems; rename one")
        folder = there
    return folder


def fold(path: str) -> str:
    """Return the form under which a case-insensitive, Unicode-folding file system would keep a path."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def _printable(path: str) -> str:
    return path[:500].encode("utf-8", "backslashreplace").decode()
