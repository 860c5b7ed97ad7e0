"""Flipped bits: one bit of a small registry is changed, everything is asked, and the bit is put back.

Of a pack, each flipped bit must be found by `verify`, which names a pack, a chunk or a file. Of the catalog, each must be
found, or every answer (`verify`, `log`, `show`, `diff`, `env`, the bytes of each checkout) must be what it was. A checkout
never gives other bytes than those that were committed, whatever was flipped, and nothing shows its insides.
"""

from __future__ import annotations

import random
import resource
import shutil
import signal
import sqlite3
import struct
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import lastgood
from lastgood.api import OpenRegistry
from lastgood.errors import LastgoodError
from tools.torture.project import ACTOR, COMPONENTS, Files, tree_of, warm_up
from tools.torture.tally import Tally

MOST_MEMORY = 4 << 30
LONGEST_SECONDS = 20
TURNS = 3
_ASKED = 0.1
_WEIGHTS = 280_000

Answer = object
"""What something said; the kind of its error, where it said so."""


def torture_bits(folder: Path, *, seed: int, shard: int, shards: int, flips: int | None) -> Tally:
    """Flip a shard's share of the bits.

    Args:
        folder: an empty folder to work in.
        seed: draws which bit of a byte is flipped.
        shard: the number of this shard.
        shards: how many there are.
        flips: how many bits all shards flip together, spread evenly; None is one bit of every byte.
    """
    warm_up()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    chance = random.Random(f"{seed} {shard}")
    registry = _Registry(folder / f"bits-{shard}", Tally(), chance)
    registry.prepare()
    files = registry.files()
    total = sum(path.stat().st_size for path in files)
    stride = max(1, total // flips) if flips else 1
    position = 0
    for path in files:
        size = path.stat().st_size
        # Every file gets its part, and the shards take turns.
        for offset in range(-position % stride, size, stride):
            if ((position + offset) // stride) % shards == shard:
                registry.flip(path, offset, 1 << chance.randrange(8))
        position += size
    registry.tally.count("bytes of packs", sum(path.stat().st_size for path in files[:-1]) if shard == 0 else 0)
    registry.tally.count("bytes of the catalog", files[-1].stat().st_size if shard == 0 else 0)
    shutil.rmtree(folder / f"bits-{shard}")
    return registry.tally


@dataclass
class _Registry:
    """A registry with a bit of everything in it, and what it says when nothing is wrong with it."""

    folder: Path
    tally: Tally
    chance: random.Random

    def prepare(self) -> None:
        """Make some releases, with a deployment and a rollback."""
        for name in ("prompts", "models"):
            (self.folder / "project" / name).mkdir(parents=True)
        project = self.folder / "project"
        (project / "lastgood.toml").write_text(COMPONENTS)
        self.committed: dict[str, Files] = {}
        with lastgood.init(project, actor=ACTOR) as registry:
            for turn in range(TURNS):
                _write_workspace(project, turn)
                release = registry.commit(project, message=f"turn {turn}").release
                self.committed[str(release.release)] = {
                    path: digest for path, digest in tree_of(project).items() if not path.startswith(".lastgood")
                }
                registry.environments.deploy("prod", reason=f"because of {turn}")
            registry.environments.rollback("prod", reason="back")
        self.right = self._answers()
        self.rows = self._rows()
        self.tally.count("answers compared", len(self.right))

    def files(self) -> list[Path]:
        """Return the packs, and then the catalog."""
        own = self.folder / "project/.lastgood"
        return [*sorted((own / "store/packs").rglob("*.pack")), own / "catalog.db"]

    def flip(self, path: Path, offset: int, bit: int) -> None:
        """Flip one bit, ask everything, and put it back."""
        whole = path.read_bytes()
        mode = path.stat().st_mode
        damaged = bytearray(whole)
        damaged[offset] ^= bit
        path.chmod(0o644)
        path.write_bytes(damaged)
        is_pack = path.suffix == ".pack"
        what = f"bit {bit:#04x} of byte {offset} of {'a pack' if is_pack else 'the catalog'} ({len(whole)} bytes)"
        try:
            with _limited():
                self._judge(what, is_pack=is_pack)
        except Exception as error:  # noqa: BLE001 - whatever escapes from lastgood is what is looked for
            where = " < ".join(f"{frame.name} in {Path(frame.filename).name}" for frame in traceback.extract_tb(error.__traceback__)[-5:])
            self.tally.fail(f"{what}: {type(error).__name__}: {error} ({where})")
        finally:
            for other in path.parent.glob("catalog.db-*"):
                other.unlink()
            path.write_bytes(whole)
            path.chmod(mode)
        self.tally.count("bits flipped in packs" if is_pack else "bits flipped in the catalog")

    def _judge(self, what: str, *, is_pack: bool) -> None:
        found = _verify(self.folder / "project")
        is_found = found != []
        if not is_found and not is_pack and self.chance.random() > _ASKED and self._rows() == self.rows:
            self.tally.count("of no effect: the same rows")
            return
        answers = self._checkouts() if is_found else self._answers()
        self.tally.count("found by verify", int(is_found))
        if isinstance(found, list) and not all(any(word in one for word in _NAMED) for one in found):
            self.tally.fail(f"{what}: it was found and not named: {found}")
        is_found = is_found or any(isinstance(answer, _Refused) for answer in answers.values())
        for question, answer in answers.items():
            right = self.right[question]
            if not isinstance(answer, _Refused) and answer != right and ("checkout" in question or not is_found):
                self.tally.fail(f"{what}: {question} answered {str(answer)[:300]}, and not {str(right)[:300]}")
        if is_pack and found == []:
            self.tally.fail(f"{what}: verify did not find it")
        self.tally.count("detected" if is_found else "of no effect: the same answers")

    def _answers(self) -> dict[str, Answer]:
        """Ask everything, each question of a registry that was opened anew."""
        project = self.folder / "project"
        asked: dict[str, Callable[[OpenRegistry], Answer]] = {
            "log": lambda it: repr(it.releases.log()),
            "env": lambda it: repr((it.environments.list(), it.environments.history("prod"))),
            "diff": lambda it: repr(it.diff("r1", "latest")),
            "prod": lambda it: repr(it.releases.find("prod@good").release),
            **{f"show {release[:6]}": _shower(release) for release in self.committed},
        }
        answers = {question: _ask(project, ask) for question, ask in asked.items()}
        return answers | {"verify": _verify(project)} | self._checkouts()

    def _rows(self) -> object:
        """Return everything that SQLite says is in the catalog, and what it thinks of the file."""
        path = self.folder / "project/.lastgood/catalog.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as catalog:
            try:
                tables = catalog.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()
                damages = catalog.execute("PRAGMA integrity_check").fetchall()
                return tables, damages, [catalog.execute(f'SELECT * FROM "{name}"').fetchall() for name, sql in tables if _is_table(sql)]  # noqa: S608
            except sqlite3.Error as error:
                return str(error)

    def _checkouts(self) -> dict[str, Answer]:
        return {f"checkout {release[:6]}": _ask(self.folder / "project", self._checker(release)) for release in self.committed}

    def _checker(self, release: str) -> Callable[[OpenRegistry], Answer]:
        def check_out(registry: OpenRegistry) -> Answer:
            out = self.folder / "out"
            shutil.rmtree(out, ignore_errors=True)
            registry.checkout(release, out)
            # The right answer is what was committed, and not what came out when nothing was flipped.
            return "right" if tree_of(out) == self.committed[release] else "wrong bytes"

        return check_out


_NAMED = ("pack", "chunk", "file", "listing", "event", "text", "release", "manifest", "ledger", "index", "catalog")


def _is_table(sql: object) -> bool:
    # Of a catalog with a flipped bit it may be anything.
    return isinstance(sql, str) and sql.startswith("CREATE TABLE")


class _Refused(str):
    """The kind of an error that was an answer."""

    __slots__ = ()


def _shower(release: str) -> Callable[[OpenRegistry], Answer]:
    return lambda it: repr((it.releases.details(release), it.releases.manifest(it.releases.find(release).release.release)))


def _ask(project: Path, question: Callable[[OpenRegistry], Answer]) -> Answer:
    try:
        with lastgood.open(project, actor=ACTOR) as registry:
            return question(registry)
    except LastgoodError as error:
        return _Refused(error.kind)


def _verify(project: Path) -> list[str] | _Refused:
    """Return the problems that are found, or the kind of the error that kept from looking."""
    try:
        with lastgood.open(project, actor=ACTOR) as registry:
            return [problem.what for problem in registry.verify().problems]
    except LastgoodError as error:
        return _Refused(error.kind)


@contextmanager
def _limited() -> Iterator[None]:
    """Raise where something takes far too long, for a `with` statement."""

    def too_long(_signal: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"it took more than {LONGEST_SECONDS} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LONGEST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _write_workspace(project: Path, turn: int) -> None:
    """Write what needs every way in which a chunk may be encoded, and is nearly nothing once it is."""
    (project / "prompts/system.md").write_text(f"Cite the policy, version {turn}.\n" * 4)
    (project / "config.json").write_text(f'{{"temperature": 0.{turn}, "routes": {{"a": "b"}}}}')
    for number in range(4):
        (project / f"models/{number}.bin").write_bytes(bytes([number, turn]) * 40)
    # In many chunks, of which an edit changes one: a patch.
    lines = [b"line %06d says %02x to it\n" % (line, line * 40_503 % 251) for line in range(3_000)]
    lines[1_500] = b"but this one is of turn %d\n" % turn
    (project / "models/large.txt").write_bytes(b"".join(lines))
    # Numbers in long runs, in a file that is large enough to be laid out, and few of which change: planes, then differences.
    values = [1 + (value // 64 * 7_919 % 127) / 128 for value in range(_WEIGHTS)]
    values[:: _WEIGHTS // 20] = [1 + turn / 1e6] * len(values[:: _WEIGHTS // 20])
    header = b'{"w":{"dtype":"F32","shape":[%d],"data_offsets":[0,%d]}}' % (_WEIGHTS, 4 * _WEIGHTS)
    weights = struct.pack(f"<{_WEIGHTS}f", *values)
    (project / "models/weights.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + weights)
    if turn == TURNS - 1:
        # Nothing makes this shorter, so it stays as it is.
        (project / "models/noise.bin").write_bytes(random.Random(turn).randbytes(17_000))
