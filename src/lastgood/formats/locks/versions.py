"""Which of two versions is later, and in which place they differ.

Rules: versions of PEP 440 are ordered as it says (https://peps.python.org/pep-0440/): epoch, release, pre-release, post,
dev, local; those of semantic versioning as far as they look alike. Of what looks otherwise the numbers are compared as
numbers and the rest as text; where even that says nothing, nobody says which is later.

    >>> order("1.9", "1.10"), order("2.0rc1", "2.0"), order("1.0+cu118", "1.0+cu121"), order("main", "main")
    (-1, -1, -1, 0)
    >>> step("3.11.2", "3.12.0"), step("1.0", "2.0"), step("2.3.0+cu118", "2.3.0+cu121")
    ('minor', 'major', 'build')
"""

from __future__ import annotations

import re
from itertools import zip_longest

LONGEST = 128

_VERSION = re.compile(
    r"""
    v? (?:(?P<epoch>\d+)!)?
    (?P<release>\d+(?:\.\d+)*)
    (?:[-_.]?(?P<pre>alpha|beta|preview|pre|rc|a|b|c)[-_.]?(?P<pre_number>\d*))?
    (?P<post>-(?P<bare_post>\d+)|[-_.]?(?:post|rev|r)[-_.]?(?P<post_number>\d*))?
    (?P<dev>[-_.]?dev[-_.]?(?P<dev_number>\d*))?
    (?:[+](?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_PRE = {"alpha": "a", "beta": "b", "preview": "rc", "pre": "rc", "c": "rc"}
_PIECES = re.compile(r"\d+|[A-Za-z]+")
_PLACES = ("major", "minor", "patch")
_Key = tuple[object, ...]


def order(old: str, new: str) -> int | None:
    """Return -1 where the new version is later, 1 where it is earlier, 0 where they are one, None where nobody can say."""
    if old == new:
        return 0
    if len(old) > LONGEST or len(new) > LONGEST:
        return None
    keys = _key(old), _key(new)
    if keys[0] is None or keys[1] is None:
        loose = _loose(old), _loose(new)
        return None if not all(loose) or loose[0] == loose[1] else (-1 if loose[0] < loose[1] else 1)
    return 0 if keys[0] == keys[1] else (-1 if keys[0] < keys[1] else 1)


def step(old: str, new: str) -> str | None:
    """Name the place in which two versions differ: major, minor, patch, pre-release or build; None where nobody can say."""
    found = [_VERSION.fullmatch(text) if len(text) <= LONGEST else None for text in (old, new)]
    if found[0] is None or found[1] is None:
        return None
    if (found[0]["epoch"] or "0") != (found[1]["epoch"] or "0"):
        return "major"
    pairs = zip_longest(*(_numbers(one["release"]) for one in found if one), fillvalue=0)
    at = next((place for place, (left, right) in enumerate(pairs) if left != right), None)
    if at is not None:
        return _PLACES[min(at, len(_PLACES) - 1)]
    same_rest = _key(old.partition("+")[0]) == _key(new.partition("+")[0])
    return "build" if same_rest else "pre-release"


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, release.split(".")))


def _key(version: str) -> _Key | None:
    """Return what a version is ordered by, None where it is not one of PEP 440."""
    found = _VERSION.fullmatch(version.strip())
    if found is None:
        return None
    release = _numbers(found["release"])
    while len(release) > 1 and release[-1] == 0:
        release = release[:-1]
    pre, post, dev = found["pre"], found["post"], found["dev"]
    # A release is later than its pre-releases and earlier than its post-releases; a dev release is earlier than all three.
    if pre is not None:
        name = pre.lower()
        before: _Key = (0, _PRE.get(name, name), int(found["pre_number"] or 0))
    else:
        before = (-1, "", 0) if dev is not None and post is None else (1, "", 0)
    after = -1 if post is None else int(found["bare_post"] or found["post_number"] or 0)
    development = (1, 0) if dev is None else (0, int(found["dev_number"] or 0))
    local = tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in _PIECES.findall((found["local"] or "").lower()))
    return int(found["epoch"] or 0), release, before, after, development, local


def _loose(version: str) -> tuple[tuple[int, int, str], ...]:
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part.lower()) for part in _PIECES.findall(version))
