r"""Which files a walk leaves out: `.lastgoodignore` files in gitignore syntax.

Rules: the nearest `.lastgoodignore` decides first, and within one the last pattern that matches; `.gitignore` is not
consulted, since weights and data usually stand in it. What is left out is not judged either, so an ignored link or
an ignored odd name does no harm. The patterns' library is imported only where there is a pattern.

    >>> rules = IgnoreRules()
    >>> rules.enter("models", b"*.tmp\n!keep.tmp\n")
    >>> [rules.leave_out(f"models/{name}", is_folder=False) for name in ("a.tmp", "keep.tmp", "a.gguf")]
    [True, False, False]
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lastgood.errors import InvalidWorkspace

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".lastgoodignore"
LARGEST = 1_000_000
MOST_WILDCARDS = 6

_STARS = re.compile(r"\*+")


class IgnoreRules:
    """The patterns of the folders that were entered so far, each known by its folder."""

    __slots__ = ("_specs",)

    def __init__(self) -> None:
        """Start with nothing left out."""
        self._specs: dict[str, GitIgnoreSpec] = {}

    def enter(self, folder: str, patterns: bytes) -> None:
        """Take up the patterns of a folder's file; the workspace's own folder is the empty text.

        Raises:
            InvalidWorkspace: they are too long, not UTF-8, or not in gitignore syntax.
        """
        path = f"{folder}/{IGNORE_FILE}" if folder else IGNORE_FILE
        if len(patterns) > LARGEST:
            raise InvalidWorkspace(f"{path} is larger than {LARGEST:,} bytes; nothing was changed")
        try:
            lines = patterns.decode("utf-8-sig").splitlines()
        except UnicodeDecodeError as error:
            raise InvalidWorkspace(f"{path} is not UTF-8; nothing was changed") from error
        self._specs[folder] = _compile(path, lines)

    def leave_out(self, path: str, *, is_folder: bool) -> bool:
        """Say whether a path, from the workspace's folder, is left out; its parent is known not to be."""
        if not self._specs:
            return False
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            spec = self._specs.get(folder)
            if spec is not None:
                inside = path[len(folder) + 1 :] if folder else path
                verdict = spec.check_file(inside + "/" if is_folder else inside).include
                if verdict is not None:
                    return verdict
        return False


def _compile(path: str, lines: Sequence[str]) -> GitIgnoreSpec:
    from pathspec import GitIgnoreSpec  # noqa: PLC0415  # 60 ms, and most workspaces have no patterns

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        for number, line in enumerate(lines, start=1):
            # Patterns become regular expressions, whose time grows with this number as the exponent.
            if any(len(_STARS.findall(part)) > MOST_WILDCARDS for part in line.split("/")):
                raise InvalidWorkspace(f"{path}:{number}: more than {MOST_WILDCARDS} '*' in one name; nothing was changed")
            try:
                GitIgnoreSpec.from_lines([line], backend="simple")
            except (ValueError, re.error) as error:
                raise InvalidWorkspace(f"{path}:{number}: {line[:80]!r} is no pattern; nothing was changed") from error
        return GitIgnoreSpec.from_lines(lines, backend="simple")
