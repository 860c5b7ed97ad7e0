r"""requirements.txt as pip reads it (https://pip.pypa.io/en/stable/reference/requirements-file-format/), and conda's lists.

Rules: nothing is fetched and no other file is followed; `-r` and `-c` are said as notes. A line that is neither a requirement
nor an option is refused with its number. Of an index's URL the password is left out.

    >>> lock = read_requirements("torch==2.3.1 \\\n    --hash=sha256:ab\nnumpy>=1.26 ; python_version < '3.13'\n-r more.txt\n")
    >>> [(one.name, one.version, sorted(one.hashes)) for one in lock.packages], lock.notes
    ([('torch', '2.3.1', ['sha256:ab']), ('numpy', '>=1.26', [])], ('more.txt is named and was not followed',))
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lastgood.formats.locks.lock import LONGEST_NAME, MOST_PACKAGES, Ecosystem, Lock, Package, hash_of, normal_name, without_secret
from lastgood.formats.tree import Malformed

EXPLICIT = "@EXPLICIT"

_COMMENT = re.compile(r"(?:^|\s)#.*$")
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_REQUIREMENT = re.compile(rf"(?P<name>{_NAME})\s*(?:\[(?P<extras>[^\]]*)\])?\s*(?P<rest>.*)")
_ONE = r"(?:===|~=|==|!=|<=|>=|<|>)\s*[^\s,;()<>=!~]+"
_SPECIFIER = re.compile(rf"\(?\s*{_ONE}(?:\s*,\s*{_ONE})*\s*,?\s*\)?")
_PINNED = re.compile(r"={2,3}\s*([^\s,;()*]+)")
_OPTION = re.compile(r"\s--?(?:hash|config-settings|global-option|install-option)\b.*$", re.DOTALL)
_HASHES = re.compile(r"--hash[= ]\s*(\S+)")
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9._-]+)")
_WHEEL = re.compile(rf"({_NAME}?)-([0-9][^-/]*)(?:-[^/]*)?\.(?:whl|tar\.gz|zip|tar\.bz2|conda)")
_CONDA_URL = re.compile(
    r"(?P<channel>.*?)/(?P<name>[A-Za-z0-9._-]+)-(?P<version>[^-/]+)-(?P<build>[^-/]+)\.(?:conda|tar\.bz2)(?:#(?P<hash>\S+))?"
)
_FOLLOWED = ("-r", "--requirement", "-c", "--constraint")
_EDITABLE = ("-e", "--editable")
# What an option without its dashes says, as it stands in the facts of a lock.
_INDEX = {
    "i": "index",
    "index-url": "index",
    "pypi-url": "index",
    "extra-index-url": "extra index",
    "f": "links",
    "find-links": "links",
    "no-index": "no index",
    "pre": "pre-releases",
    "prefer-binary": "prefer binary",
    "only-binary": "only binary",
    "no-binary": "no binary",
    "require-hashes": "require hashes",
    "trusted-host": "trusted host",
    "use-feature": "feature",
}
LONGEST_LINE = 200_000
_LONGEST_PLACE = 4_096
_LONGEST_FILE = 300


def read_requirements(text: str) -> Lock:
    """Read a requirements file.

    Raises:
        Malformed: a line is no requirement and no option.
    """
    packages: list[Package] = []
    facts: list[tuple[str, str]] = []
    notes: list[str] = []
    for number, line in _logical_lines(text):
        option, _, value = line.partition(" ") if line.startswith("-") and "=" not in line.split(" ")[0] else line.partition("=")
        if option in _FOLLOWED:
            notes.append(f"{value.strip()} is named and was not followed")
        elif option in _EDITABLE:
            packages.append(_located(value.strip(), "editable "))
        elif line.startswith("-") and option.lstrip("-") in _INDEX:
            facts.append((_INDEX[option.lstrip("-")], without_secret(value.strip()) or "set"))
        elif line.startswith("-"):
            raise Malformed(f"the option {option[:80]!r} is not known", number)
        else:
            packages.append(_requirement(line, number))
        if len(packages) > MOST_PACKAGES:
            raise Malformed(f"it names more than {MOST_PACKAGES:,} packages")
    return Lock(Ecosystem.PYTHON, tuple(packages), tuple(facts), tuple(notes))


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    parts: list[str] = []
    first = 0
    for number, raw in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        line = _COMMENT.sub("", raw).rstrip() if not parts or not raw.lstrip().startswith("#") else ""
        first = first if parts else number
        if line.endswith("\\"):
            parts.append(line[:-1])
            continue
        whole = " ".join([*parts, line]).strip()
        parts = []
        if len(whole) > LONGEST_LINE:
            raise Malformed(f"a line has more than {LONGEST_LINE:,} characters", first)
        if whole:
            yield first, whole
    if parts and (whole := " ".join(parts).strip()):
        yield first, whole


def _requirement(line: str, number: int) -> Package:
    hashes = frozenset(filter(None, map(hash_of, _HASHES.findall(line))))
    bare = _OPTION.sub("", f" {line}").strip()
    if "://" in bare.partition(" ")[0] or bare.startswith((".", "/", "file:")):
        return _located(bare, "", hashes)
    bare, _, marker = bare.partition(";") if " @ " not in bare else bare.partition(" ;")
    found = _REQUIREMENT.fullmatch(bare.strip())
    if found is None or len(found["name"]) > LONGEST_NAME:
        raise Malformed(f"{line[:80]!r} is no requirement", number)
    rest = found["rest"].strip()
    extras = tuple(sorted(filter(None, (normal_name(one) for one in (found["extras"] or "").split(",")))))
    name = normal_name(found["name"])
    if rest.startswith("@"):
        return Package(name, None, without_secret(rest[1:].strip()), hashes, marker=marker.strip() or None, extras=extras)
    if rest and not _SPECIFIER.fullmatch(rest):
        raise Malformed(f"{line[:80]!r} is no requirement", number)
    pinned = _PINNED.fullmatch(rest.strip("() "))
    version = pinned[1] if pinned else (re.sub(r"\s+", "", rest.strip("() ")) or None)
    return Package(name, version, None, hashes, marker=marker.strip() or None, extras=extras)


def _located(where: str, how: str, hashes: frozenset[str] = frozenset()) -> Package:
    """Return a package that is named by where it is; its name is what its egg or its file is called."""
    place, _, marker = where[:_LONGEST_PLACE].partition(" ;")
    file = place.partition("#")[0].rpartition("/")[2]
    egg, wheel = _EGG.search(place), _WHEEL.fullmatch(file) if len(file) <= _LONGEST_FILE else None
    name = egg[1] if egg else wheel[1] if wheel and wheel[1] else place.partition("#")[0].rstrip("/").rpartition("/")[2] or place
    version = wheel[2] if wheel else None
    return Package(normal_name(name[:LONGEST_NAME]), version, how + without_secret(place), hashes, marker=marker.strip() or None)


def read_explicit(text: str) -> Lock:
    """Read what `conda list --explicit` writes: a URL a line, with an MD5 or a SHA-256 behind its `#`.

    Raises:
        Malformed: a line is no URL of a package.
    """
    packages: list[Package] = []
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()[:_LONGEST_PLACE]
        if not stripped or stripped.startswith(("#", "@")):
            continue
        found = _CONDA_URL.fullmatch(stripped)
        if found is None or len(packages) == MOST_PACKAGES:
            raise Malformed(f"{stripped[:80]!r} is no URL of a package", number)
        packages.append(
            Package(
                found["name"].lower(),
                found["version"],
                without_secret(found["channel"]),
                frozenset({f"build:{found['build']}"}) if found["hash"] is None else frozenset({_conda_hash(found["hash"])}),
            )
        )
    return Lock(Ecosystem.CONDA, tuple(packages))


def _conda_hash(text: str) -> str:
    return hash_of(text) or f"md5:{text}"
