"""What a backend in a local folder owes to a power cut: what it acknowledged is there afterwards, and nothing is half there.

A backend's author subclasses `DurabilityConformance` and says how the backend is opened on a folder:

    class TestMyBackend(DurabilityConformance):
        @pytest.fixture
        def open_backend(self):
            return MyBackend

How it is shown: the backend does some work while its calls of the system are recorded; the power is then cut after each
of them, many times over with other luck, on the disk of `lastgood.testing.disk` that forgets all it may forget. An fsync
that is missing, of a file or of a folder, is therefore seen, also where a real file system would hide it.

    >>> import tempfile
    >>> from lastgood.store.backend.local import LocalBackend
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(broken_at_power_cuts(LocalBackend, Path(folder), cuts=100, chance=random.Random(1)))
    0
"""

# ruff: noqa: S101 - a suite is made of asserts, and pytest explains them

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from lastgood.errors import LastgoodError, NotFound
from lastgood.store.backend import Backend
from lastgood.testing.disk import after_power_cut, write_tree
from lastgood.testing.recording import recording

OpenBackend = Callable[[Path], Backend]
"""Opens a backend that keeps its bytes below a folder, which may be absent, in a folder that exists."""

_STORE = "store"
_LUCK = (0.0, 0.0, 0.1, 0.5, 0.9, 1.0)
_BYTES = {
    "packs/ab/one.pack": b"one" * 3_000,
    "packs/ab/two.pack": b"",
    "packs/cd/three.pack": b"3" * 70_000,
    "four.pack": b"four",
}


class DurabilityConformance:
    """Tests of one backend that keeps its bytes in a local folder."""

    @pytest.fixture
    def open_backend(self) -> OpenBackend:
        """Say how the backend is opened on a folder."""
        raise NotImplementedError

    def test_what_was_acknowledged_survives_a_power_cut(self, open_backend: OpenBackend, tmp_path: Path) -> None:
        """After a cut at any moment all that was acknowledged is so, nothing is torn, and the backend goes on."""
        assert broken_at_power_cuts(open_backend, tmp_path, cuts=300, chance=random.Random(1)) == []  # noqa: S311 - no secret


@dataclass(frozen=True, slots=True)
class _Done:
    """One operation, from before which step until after which step it ran; `put` is false of a delete."""

    name: str
    put: bool
    begun: int
    ended: int


def broken_at_power_cuts(open_backend: OpenBackend, folder: Path, *, cuts: int, chance: random.Random) -> list[str]:
    """Cut the power while a backend works, and say which promise was broken when.

    Args:
        open_backend: how the backend is opened.
        folder: an empty folder to work in.
        cuts: how often; each moment is tried in turn, so some hundreds are needed to see all of them.
        chance: draws what survives.

    Returns:
        A line for each broken promise; none if all were kept.
    """
    root = folder / "recorded"
    root.mkdir()
    done: list[_Done] = []
    backend = open_backend(root / _STORE)
    with recording(root) as steps:
        for name, put in _work():
            begun = len(steps)
            # Now and then from another process: what one instance remembers of folders must not be what makes it right.
            backend = chance.choice((backend, open_backend(root / _STORE)))
            if put:
                backend.put(name, [_BYTES[name][:10], memoryview(_BYTES[name])[10:]])
            else:
                backend.delete(name)
            done.append(_Done(name, put, begun, len(steps)))
    broken = []
    for cut in range(cuts):
        moment = len(steps) - cut % (len(steps) + 1)
        tree = after_power_cut(steps[:moment], chance, kept=_LUCK[cut % len(_LUCK)])
        with TemporaryDirectory(dir=folder) as there:
            write_tree(tree, Path(there))
            backend = open_backend(Path(there) / _STORE)
            broken += [f"after step {moment}: {what}" for what in _broken_in(backend, done, moment)]
    return broken


def _work() -> Iterator[tuple[str, bool]]:
    for _ in range(2):
        yield from ((name, True) for name in _BYTES)
        # Again, which mends a copy that went bad; then away, and back.
        yield "packs/ab/one.pack", True
        yield "packs/cd/three.pack", False
        yield "packs/ab/two.pack", False
        yield "packs/cd/three.pack", True


def _broken_in(backend: Backend, done: list[_Done], moment: int) -> Iterator[str]:
    for name, data in _BYTES.items():
        allowed = _allowed(name, done, moment)
        found = _look(backend, name, data)
        if found not in allowed:
            yield f"{name} is {found}, and should be {' or '.join(sorted(allowed))}"
    if strange := set(backend.names("packs")) - set(_BYTES):
        yield f"{', '.join(sorted(strange))} was never put"
    # What the cut left half done must not be in the way of the next; some moments show it, and a put takes its time.
    if moment % 20 == 0:
        backend.put("packs/ef/new.pack", [b"new"])
        if backend.read("packs/ef/new.pack", 0, 3) != b"new":
            yield "it does not go on"


def _allowed(name: str, done: list[_Done], moment: int) -> set[str]:
    """Return what may be found: what the last acknowledged operation left, and what one that was under way leaves."""
    allowed = {"absent"}
    for one in done:
        if one.name != name or one.begun >= moment:
            continue
        after = "whole" if one.put else "absent"
        allowed = {after} if one.ended <= moment else allowed | {after}
    return allowed


def _look(backend: Backend, name: str, data: bytes) -> str:
    try:
        found = backend.read(name, 0, backend.size(name))
    except NotFound:
        return "absent"
    except LastgoodError as error:
        return error.kind
    return "whole" if found == data else f"torn ({len(found)} bytes of {len(data)})"
