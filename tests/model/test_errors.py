"""Errors: the tree that is drawn is the tree there is, and what the operating system says ends in one of its classes."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator

import pytest

from lastgood import errors
from lastgood.errors import (
    CommandFailed,
    Conflict,
    Integrity,
    Invalid,
    InvalidPath,
    LastgoodError,
    NotAllowed,
    NotFound,
    ReadOnly,
    Refused,
    StorageFull,
    Unavailable,
    of_os_error,
)

EXIT_CODES: dict[type[LastgoodError], int] = {
    CommandFailed: 1,
    NotFound: 3,
    Conflict: 5,
    Refused: 6,
    Invalid: 2,
    NotAllowed: 4,
    Integrity: 7,
    Unavailable: 8,
}


def tree(root: type[LastgoodError] = LastgoodError) -> Iterator[type[LastgoodError]]:
    yield root
    for one in root.__subclasses__():
        if one.__module__ == errors.__name__:
            yield from tree(one)


def test_the_tree_is_drawn_as_it_is() -> None:
    drawn = re.findall(r"^    [│ ]*(?:[├└]── )?(\w+)  ", str(errors.__doc__), re.MULTILINE)
    assert drawn == [one.__name__ for one in tree()]


def test_every_class_has_a_kind_of_its_own() -> None:
    kinds = [one.kind for one in tree()]
    assert len(set(kinds)) == len(kinds)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", kind) for kind in kinds)


def test_a_class_exits_as_its_group_does() -> None:
    assert LastgoodError.exit_code == 1
    for one in [*tree()][1:]:
        assert [code for group, code in EXIT_CODES.items() if issubclass(one, group)] == [one.exit_code]


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EFBIG, StorageFull),
        (errno.EROFS, ReadOnly),
        (errno.EACCES, NotAllowed),
        (errno.EPERM, NotAllowed),
        (errno.ENOENT, NotFound),
        (errno.ENOTDIR, NotFound),
        (errno.ENAMETOOLONG, InvalidPath),
        (errno.EIO, Unavailable),
        (errno.EMFILE, Unavailable),
    ],
)
def test_what_the_operating_system_says(number: int, kind: type[LastgoodError]) -> None:
    error = of_os_error(OSError(number, os.strerror(number)), "runs/a cannot be written")
    assert type(error) is kind
    assert str(error).startswith("runs/a cannot be written: ")
    assert str(error).endswith("nothing was changed")


def test_an_error_carries_its_hint_and_its_details() -> None:
    assert LastgoodError("x").hint is None
    assert NotFound("x", hint="lastgood log").hint == "lastgood log"
    assert StorageFull("x").hint == StorageFull.default_hint
    details = {"a": 1}
    error = Conflict("x", details=details)
    details["a"] = 2
    assert error.details == {"a": 1}
