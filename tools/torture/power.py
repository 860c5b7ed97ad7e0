"""Power cuts: a disk of its own is shut down under a working project, and what was acknowledged is looked for afterwards.

How: an ext4 file system in a file, mounted on a loop device. A process commits, deploys, rolls back and collects there, and
writes down outside of the mount what was acknowledged. At a moment that is drawn the file system is shut down with the
ioctl EXT4_IOC_SHUTDOWN, from which on every call fails and nothing that is not on the disk yet gets there; it is unmounted,
mounted again (which replays its journal), and checked. Then it goes on, on the same project.

With `without_fsync` the store leaves out the fsync of its packs: the check has to notice that, or it notices nothing.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lastgood.cli.main import COMMANDS
from lastgood.errors import LastgoodError
from tools.torture.commands import collect, see_live
from tools.torture.oracle import state, wrongs
from tools.torture.project import FEW_WEIGHTS, MANY_WEIGHTS, BrokenPromiseError, Files, Project, Ran, warm_up
from tools.torture.tally import Tally

EXT4_IOC_SHUTDOWN = 0x8004587D
# Nothing more is written, not even the journal; the journal is; everything is, as by a freeze.
NO_LOG_FLUSH, LOG_FLUSH, FREEZE = 2, 1, 0
_HOW = (NO_LOG_FLUSH,) * 8 + (LOG_FLUSH, FREEZE)

DISK_BYTES = 64 << 20
CUTS_OF_A_PROJECT = 25
_COMMITS = 6
_PATIENCE = 10


def can_cut_power() -> bool:
    """Whether this process may make and mount a disk."""
    programs = ("mkfs.ext4", "e2fsck", "mount", "losetup")
    return os.geteuid() == 0 and all(shutil.which(one, path=_PATH) for one in programs) and _can_mount()


_PATH = f"{os.defpath}:/usr/sbin:/sbin"


def torture_power(folder: Path, *, cuts: int, seed: int, shard: int, without_fsync: bool = False) -> Tally:
    """Cut the power so many times.

    Args:
        folder: an empty folder to work in.
        cuts: how many times.
        seed: draws the moments.
        shard: the number of this shard, which seeds what it draws.
        without_fsync: leave out the fsync of packs, and stop at the first failure, which has to come.
    """
    warm_up()
    tally = Tally(is_quiet=without_fsync)
    while tally.counts["power cuts"] < cuts and not tally.failures:
        number = tally.counts["disks"]
        tally.count("disks")
        most = min(CUTS_OF_A_PROJECT, cuts - tally.counts["power cuts"])
        with _Disk(folder / f"disk-{shard}-{number}").mounted() as disk:
            victim = _Victim(disk, random.Random(f"{seed} {shard} {number}"), tally, without_fsync=without_fsync)
            victim.prepare()
            for _ in range(most):
                if not tally.failures:
                    victim.cut()
            if not tally.failures:
                victim.finish()
        if not tally.failures:
            shutil.rmtree(disk.folder)
    return tally


class _Disk:
    """An ext4 file system in a file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.place = folder / "mounted"
        self._image = folder / "image"

    @contextmanager
    def mounted(self) -> Iterator[_Disk]:
        """Make it and mount it, for a `with` statement."""
        self.place.mkdir(parents=True)
        with self._image.open("wb") as file:
            file.truncate(DISK_BYTES)
        _system("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", str(self._image))
        self._mount()
        try:
            yield self
        finally:
            _system("umount", "--lazy", str(self.place))

    def cut_power(self, how: int) -> None:
        """Let nothing more reach the disk."""
        opened = os.open(self.place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(opened, EXT4_IOC_SHUTDOWN, how.to_bytes(4, "little"))
        finally:
            os.close(opened)

    def come_back(self, *, check: bool) -> None:
        """Mount the disk again; `check` lets e2fsck replay the journal, and look whether the disk itself is sound."""
        _system("umount", str(self.place))
        if check:
            _system("e2fsck", "-fy", str(self._image), allowed=(0, 1))
        self._mount()

    def _mount(self) -> None:
        _system("mount", "-o", "loop,noatime", str(self._image), str(self.place))


class _Victim:
    """A project on a disk whose power is cut again and again."""

    def __init__(self, disk: _Disk, chance: random.Random, tally: Tally, *, without_fsync: bool) -> None:
        self._disk = disk
        self._chance = chance
        self._tally = tally
        self._without_fsync = without_fsync
        self._project = Project(disk.place / "project", disk.folder / "beside", chance, chance.choice((FEW_WEIGHTS, MANY_WEIGHTS)))
        self._acknowledged = disk.folder / "acknowledged"
        self._tried: list[Files] = []
        self._longest = 0.0

    def prepare(self) -> None:
        """Make the project; what was made before the first cut is on the disk."""
        self._project.prepare()
        began = time.monotonic()
        self._project.edit()
        self._project.commit()
        # Long enough for some commands, on this machine and as busy as it is.
        self._longest = _COMMITS * (time.monotonic() - began)
        os.sync()

    def cut(self) -> None:
        """Work, lose power, come back, and look."""
        self._acknowledged.write_bytes(b"")
        how = self._chance.choice(_HOW)
        worker = self._start(self._chance.random())
        time.sleep(self._chance.uniform(0, self._longest))
        self._disk.cut_power(how)
        os.waitpid(worker, 0)
        self._tally.count("power cuts")
        self._disk.come_back(check=self._chance.random() < 0.1)  # noqa: PLR2004 - one in ten
        revision = self._read_acknowledged()
        for wrong in self._wrongs(revision):
            self._tally.fail(f"after a power cut ({how}) in {self._disk.folder.name}: {wrong}")

    def finish(self) -> None:
        """Let the collector take what the cuts left, and look once more."""
        try:
            self._project.edit()
            self._project.commit()
            collect(self._project)
            wrong = list(wrongs(self._project))
        except (BrokenPromiseError, LastgoodError) as error:
            wrong = [str(error)]
        for one in wrong:
            self._tally.fail(f"at the end of {self._disk.folder.name}: {one}")
        self._tally.count("releases acknowledged", len(self._project.releases))

    def _start(self, seed: float) -> int:
        worker = os.fork()
        if worker:
            return worker
        try:
            self._work(random.Random(seed))
        finally:
            os._exit(0)

    def _work(self, chance: random.Random) -> None:
        """Do one thing after the other until one fails, and write down what was acknowledged: in the worker's process."""
        project = self._project
        project.chance = chance
        project.turn += chance.randrange(1_000_000)
        acknowledged = os.open(self._acknowledged, os.O_WRONLY | os.O_APPEND)
        more = [("gc", "--apply", "--grace", "0s")] * ("gc" in COMMANDS) + [("optimize",)] * ("optimize" in COMMANDS)
        while True:
            verb = chance.choice([("commit", "-m", "x"), ("commit", "-m", "y"), ("deploy", "prod"), ("rollback", "prod"), *more])
            files: Files = {}
            if verb[0] == "commit":
                project.edit()
                files = project.workspace_files()
                _write(acknowledged, {"tried": files})
            ran = self._run(*verb, "--json")
            # With nothing good left to go back to a rollback is refused, and that is all right.
            if ran.code == 0:
                _write(acknowledged, {"verb": verb[0], "answer": ran.answer, "files": files})
            elif ran.kind != "nothing-good":
                return

    def _run(self, *arguments: str) -> Ran:
        return self._project.wait(self._project.fork(*arguments, first=_leave_out_fsync if self._without_fsync else lambda: None))

    def _read_acknowledged(self) -> int:
        """Take over what the worker wrote down; return the last revision of prod that was acknowledged."""
        revision = 0
        self._tried = []
        for line in self._acknowledged.read_bytes().splitlines():
            said = json.loads(line)
            if "tried" in said:
                self._tried.append(said["tried"])
                continue
            self._tally.count(f"acknowledged: {said['verb']}")
            if said["verb"] == "commit":
                self._project.releases[said["answer"]["release"]] = said["files"]
            revision = said["answer"].get("revision", revision)
        return revision

    def _wrongs(self, revision: int) -> Iterator[str]:
        project = self._project
        try:
            releases, found, _ = state(project)
            for release in releases:
                # Not acknowledged, and there: then it is one that was tried, whole.
                if release not in project.releases:
                    self._tally.count("releases that were there unacknowledged")
                    yield from self._adopt(release)
            if found < revision:
                yield f"revision {revision} of prod was acknowledged, and it is at {found}"
            yield from wrongs(project)
            see_live(project)
            # The next command of anybody works; its bytes are what lies in the workspace now, however torn that is.
            project.edit()
            project.commit()
            yield from wrongs(project, only=tuple(project.releases)[-1:])
        except (BrokenPromiseError, LastgoodError, OSError) as error:
            yield f"{type(error).__name__}: {error}"

    def _adopt(self, release: str) -> Iterator[str]:
        for files in reversed(self._tried):
            self._project.releases[release] = files
            if not list(wrongs(self._project, only=(release,))):
                return
        yield f"the release {release[:12]}, which was not acknowledged, is none of those that were tried"


def _leave_out_fsync() -> None:
    importlib.import_module("lastgood.store.backend.local").__dict__["_fsync"] = lambda _: None


def _write(opened: int, said: dict[str, object]) -> None:
    os.write(opened, json.dumps(said).encode() + b"\n")


def _system(*command: str, allowed: tuple[int, ...] = (0,)) -> None:
    until = time.monotonic() + _PATIENCE
    while (done := subprocess.run(command, env={"PATH": _PATH}, capture_output=True, text=True, check=False)).returncode not in allowed:
        if time.monotonic() > until:
            raise BrokenPromiseError(f"{' '.join(command)} failed: {done.stderr}")
        # Whoever has the disk open is about to let go of it.
        time.sleep(0.02)


def _can_mount() -> bool:
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], env={"PATH": _PATH}, capture_output=True, check=False
    )
    loops = subprocess.run(["losetup", "--find"], env={"PATH": _PATH}, capture_output=True, check=False)
    return tried.returncode == 0 and loops.returncode == 0
