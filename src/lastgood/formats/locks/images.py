r"""The images that a Dockerfile starts from: its FROM lines, with tag and digest.

Rules: nothing is built and no variable is replaced: `$TAG` stays as it is written, and what ARG gives it is a fact beside
the images. A stage that starts from an earlier stage names no image.

    >>> lock = read_dockerfile("FROM python:3.11-slim@sha256:ab AS base\nFROM base\n")
    >>> [(one.name, one.version, sorted(one.hashes)) for one in lock.packages]
    [('python', '3.11-slim', ['sha256:ab'])]
"""

from __future__ import annotations

import re

from lastgood.formats.locks.lock import MOST_PACKAGES, Ecosystem, Lock, Package
from lastgood.formats.tree import Malformed

_LONGEST = 500
_FROM = re.compile(r"FROM\s+(?:--platform=(?P<platform>\S+)\s+)?(?P<image>\S+)(?:\s+AS\s+(?P<stage>\S+))?\s*", re.IGNORECASE)
_ARG = re.compile(r"ARG\s+(?P<name>[A-Za-z_][A-Za-z0-9_]*)=(?P<value>.*)", re.IGNORECASE)
_IMAGE = re.compile(r"(?P<name>[^@\s]+?)(?::(?P<tag>[^/:@\s]+))?(?:@(?P<digest>\S+))?")


def read_dockerfile(text: str) -> Lock:
    """Read a Dockerfile.

    Raises:
        Malformed: no line of it is FROM an image.
    """
    images: list[Package] = []
    arguments: list[tuple[str, str]] = []
    stages: set[str] = set()
    for line in re.sub(r"\\[ \t]*\n", " ", text.replace("\r\n", "\n")).split("\n"):
        argument, source = _ARG.fullmatch(line.strip()), _FROM.fullmatch(line.strip())
        if argument and not images:
            arguments.append((f"ARG {argument['name']}", argument["value"].strip()))
        if source is None:
            continue
        if source["image"].lower() not in stages:
            images.append(_image(source["image"], source["platform"]))
        if source["stage"]:
            stages.add(source["stage"].lower())
    if not images or len(images) > MOST_PACKAGES:
        raise Malformed("it has no line FROM an image")
    return Lock(Ecosystem.IMAGE, tuple(images), tuple(arguments))


def _image(written: str, platform: str | None) -> Package:
    found = _IMAGE.fullmatch(written) if len(written) <= _LONGEST else None
    if found is None:
        return Package(written[:_LONGEST], None, marker=platform)
    digest = found["digest"]
    return Package(found["name"], found["tag"], None, frozenset({digest} if digest else ()), marker=platform)
