"""One live folder on disk: releases side by side, a link to the current one, and one to the canary while it runs.

Rules: a name in `releases/` that is 64 hex digits is a whole release, durable before it got the name; `current` and
`canary` are each switched by one rename; only folders so named are ever removed, and never one that a link leads to;
whatever else is found is left alone. One lock, taken for each step or around several, keeps two deployers on one host apart.

    folder = LiveFolder(Path("run/prod"), Followed(registry.id, pipeline, environment), entropy)
    with folder.locked():
        folder.prepare(manifest, registry.files)
        folder.switch(manifest.release)
        folder.prune({manifest.release})
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lastgood.canonical import parse_json_object
from lastgood.errors import AlreadyExists, Invalid, LastgoodError, NotAllowed, NotFound, of_os_error
from lastgood.ids import ReleaseId
from lastgood.live.followed import Followed
from lastgood.live.lock import WAIT_SECONDS, locked
from lastgood.live.seal import put_right, take_seal, touched_since
from lastgood.model.operation import Entropy
from lastgood.model.release import Manifest
from lastgood.registry.checkout import FileCache, FileStreams, checkout, files_of_release
from lastgood.workspace.durable import make_folder, replace_file, sync_folder

RELEASES = "releases"
CURRENT = "current"
CANARY = "canary"
OWN_FOLDER = ".lastgood-live"

_RELEASE = re.compile(r"[0-9a-f]{64}")
_LINK = re.compile(rf"{RELEASES}/([0-9a-f]{{64}})/?")
_MOST_NAMED = 3


class LiveFolder:
    """A live folder; used by one thread.

    Args:
        root: the folder; it is made when something is first written.
        followed: what it follows; a folder follows one environment for ever.
        entropy: where random bytes come from.
        wait: how many seconds to wait for another process at the most.
        cache: whole files of this host; copies of them are taken, never links, and nothing more is kept in it.
    """

    def __init__(
        self, root: Path, followed: Followed, entropy: Entropy, *, wait: float = WAIT_SECONDS, cache: FileCache | None = None
    ) -> None:
        self.root = Path(os.path.abspath(root))  # noqa: PTH100  # resolve() would follow the folder's own link
        self._followed = followed
        self._entropy = entropy
        self._wait = wait
        self._cache = cache
        self._releases = self.root / RELEASES
        self._own = self.root / OWN_FOLDER
        self._incoming = self._own / "incoming"
        self._seals = self._own / "seals"
        self._depth = 0
        self._links: dict[ReleaseId, Path] = {}
        self._gone: list[Path] = []

    def current(self) -> ReleaseId | None:
        """Return the release that `current` leads to, None where it leads to none.

        Raises:
            AlreadyExists: `current` is something else than a link.
            NotAllowed, Unavailable: it cannot be read.
        """
        return self._leads_to(CURRENT)

    def touched(self) -> list[str] | None:
        """Return the paths of the current release that somebody may have changed since they were written, without reading one.

        None where there is nothing to go by: no current release, or no seal of it.
        """
        with suppress(OSError, LastgoodError):
            release = self.current()
            name = "" if release is None else str(release)
            touched = touched_since(self._releases / name, _read_if_there(self._seal(name))) if name else None
            return None if touched is None else sorted(touched)
        return None

    @property
    def served(self) -> Path:
        """Where a service reads the current release."""
        return self.root / CURRENT

    def canary(self) -> ReleaseId | None:
        """Return the release that `canary` leads to, None where no such link is there.

        Raises:
            as `current`.
        """
        return self._leads_to(CANARY)

    def _leads_to(self, name: str) -> ReleaseId | None:
        release = self._linked(name)
        if release is None:
            return None
        try:
            return release if self._path(release).is_dir() else None
        except OSError as error:
            raise of_os_error(error, f"{self._path(release)} cannot be read") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder's lock for a `with` statement; within it every other method takes no lock of its own.

        Raises:
            AlreadyExists: the folder cannot be a live folder, or follows another environment.
            Busy: another process holds it.
            NotAllowed, ReadOnly, StorageFull: the folder cannot be written.
        """
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        with self._reporting():
            self._make()
        try:
            with locked(self._own / "lock", str(self.root), wait=self._wait):
                with self._reporting():
                    self._claim()
                    self._require_writable()
                self._depth = 1
                yield
        finally:
            self._depth = 0
            self._remove_gone()

    def prepare(self, manifest: Manifest, files: FileStreams) -> None:
        """Have the files of a release in `releases/`, whole, untouched and durable, and the link to it at hand.

        Raises:
            Integrity: a byte is not what it should be.
            StorageFull, ReadOnly, NotAllowed: the files cannot be written.
            AlreadyExists: something else stands where the release belongs.
        """
        folder = self._path(manifest.release)
        with self.locked(), self._reporting():
            if manifest.release in self._links:
                return
            if self._is_there(folder):
                self._mend(folder, manifest, files)
            else:
                self._write(folder, manifest, files)
            # A link this long takes room of its own, so that a full disk is noticed here and not when it has to switch.
            self._links[manifest.release] = self._new_link(manifest.release)

    def switch(self, release: ReleaseId) -> None:
        """Let `current` lead to a release that is prepared.

        Raises:
            NotFound: it is not prepared.
            AlreadyExists: `current` is something else than a link.
        """
        self._switch(CURRENT, release)

    def switch_canary(self, release: ReleaseId | None) -> None:
        """Let `canary` lead to a release that is prepared, or take the link away.

        Raises:
            as `switch`.
        """
        if release is not None:
            self._switch(CANARY, release)
            return
        with self.locked(), self._reporting():
            self._linked(CANARY)
            (self.root / CANARY).unlink(missing_ok=True)
            sync_folder(self.root)

    def _switch(self, name: str, release: ReleaseId) -> None:
        with self.locked(), self._reporting():
            if not self._is_there(self._path(release)):
                raise NotFound(f"{self.root} does not hold the release {release.short}; nothing was switched")
            self._linked(name)
            link = self._links.pop(release, None) or self._new_link(release)
            # One rename: whoever opens a path below `current` finds the old release or the new one, and a crash leaves
            # one of the two.
            link.rename(self.root / name)
            sync_folder(self.root)

    def prune(self, keep: Collection[ReleaseId]) -> None:
        """Remove the releases that are not to be kept, but never one that `current` or `canary` leads to."""
        with self.locked(), self._reporting():
            kept = {str(release) for release in (*keep, self._linked(CURRENT), self._linked(CANARY)) if release is not None}
            gone = [name for name in self._listed() if name not in kept]
            for name in gone:
                self._gone.append((self._releases / name).rename(self._fresh(name[:12])))
            if gone:
                # A release loses its name, durably, before it loses its first file: no crash leaves a name in `releases/`
                # with a part of its files. The files go when the lock is free again, so that nobody who goes back waits.
                sync_folder(self._releases)
            self._drop_seals()

    def _make(self) -> None:
        require_usable(self.root)
        try:
            for folder in (self.root, self._own, self._incoming, self._seals, self._releases):
                make_folder(folder)
        except (FileExistsError, NotADirectoryError) as error:
            raise AlreadyExists(f"{self.root} cannot be a live folder: {error.filename} is no folder; nothing was changed") from error
        for folder in (self._own, self._incoming, self._seals, self._releases):
            if folder.is_symlink():
                raise AlreadyExists(f"{folder} is a link, which is not followed; nothing was changed")

    def _claim(self) -> None:
        """See that the folder follows our environment and no other, or make it so if it is new."""
        path, ours = self._own / "follows.json", self._followed.to_json()
        found = _read_if_there(path)
        if found is None:
            # Another process may have made these folders and died before they were durable; who is claimed is trusted.
            for folder in (self.root, self.root.parent):
                sync_folder(folder)
            replace_file(path, ours, temporary=self._fresh(path.name))
        elif found != ours:
            raise AlreadyExists(
                f"{self.root} follows {_told(found)}, not {self._followed.pipeline}/{self._followed.environment} of this"
                " registry; nothing was changed",
                hint=f"lastgood live {self._followed.environment} DIR, with another folder",
            )

    def _require_writable(self) -> None:
        """See beforehand that the links can be switched: the caller moves the environment in between."""
        self._linked(CURRENT)
        self._linked(CANARY)
        for folder in (self.root, self._releases):
            if not os.access(folder, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
                raise NotAllowed(f"{folder} cannot be written: permission denied; nothing was changed")

    def _write(self, folder: Path, manifest: Manifest, files: FileStreams) -> None:
        # Whoever else wrote into `incoming` held the lock that we hold now, so it is dead, or is only removing. What the dead
        # left is removed here, where room is needed, and not by a move back to a release that is there.
        self._sweep()
        entries = files_of_release(manifest, files)
        fresh = self._fresh(manifest.release.short)
        checkout(files, entries, fresh, suffix=self._suffix(), sync=True, cache=self._cache)
        self._keep_seal(folder.name, take_seal(fresh, entries))
        # Files and folders are on disk already, so the release's name means a whole release, even after a power cut; a
        # crash before this line leaves a folder for the next sweep.
        fresh.rename(folder)
        sync_folder(self._releases)

    def _mend(self, folder: Path, manifest: Manifest, files: FileStreams) -> None:
        """See that the files of a release that is there are still its files, and put back those that are not."""
        touched = touched_since(folder, _read_if_there(self._seal(folder.name)))
        if touched is not None and not touched:
            return
        entries = files_of_release(manifest, files)
        suspects = [entry for entry in entries if touched is None or entry.path in touched]
        put_right(folder, suspects, files, self._fresh("mended"))
        self._keep_seal(folder.name, take_seal(folder, entries))

    def _linked(self, name: str) -> ReleaseId | None:
        path = self.root / name
        try:
            target = path.readlink()
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno not in {errno.EINVAL, errno.ENOTDIR}:
                raise of_os_error(error, f"{path} cannot be read") from error
            raise AlreadyExists(
                f"{path} is not a link that can be switched; nothing was changed",
                hint=f"move {path} away, then repeat",
            ) from error
        found = _LINK.fullmatch(str(target))
        return ReleaseId.parse(found[1]) if found else None

    def _is_there(self, folder: Path) -> bool:
        try:
            found = folder.lstat()
        except FileNotFoundError:
            return False
        if not stat.S_ISDIR(found.st_mode):
            raise AlreadyExists(f"{folder} is not a folder; nothing was changed", hint=f"take {folder} away, then repeat")
        return True

    def _new_link(self, release: ReleaseId) -> Path:
        link = self._fresh(CURRENT)
        link.symlink_to(f"{RELEASES}/{release}")
        return link

    def _listed(self) -> list[str]:
        with os.scandir(self._releases) as found:
            return [one.name for one in found if _RELEASE.fullmatch(one.name) and one.is_dir(follow_symlinks=False)]

    def _sweep(self) -> None:
        self._links.clear()
        with os.scandir(self._incoming) as found:
            for one in found:
                _remove(Path(one.path))

    def _remove_gone(self) -> None:
        for path in (*self._gone, *self._links.values()):
            _remove(path)
        self._gone.clear()
        self._links.clear()

    def _drop_seals(self) -> None:
        there = set(self._listed())
        with os.scandir(self._seals) as found:
            for one in found:
                if one.name not in there:
                    Path(one.path).unlink(missing_ok=True)

    def _keep_seal(self, name: str, sealed: bytes) -> None:
        replace_file(self._seal(name), sealed, temporary=self._fresh("seal"))

    def _seal(self, name: str) -> Path:
        return self._seals / name

    def _path(self, release: ReleaseId) -> Path:
        return self._releases / str(release)

    def _fresh(self, name: str) -> Path:
        return self._incoming / f"{name}.{self._suffix()}"

    def _suffix(self) -> str:
        return self._entropy(8).hex()

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise of_os_error(error, f"the live folder {self.root} cannot be written") from error


def require_usable(root: Path) -> None:
    """Check that a folder is a live folder already, or new or empty, so that it can become one.

    Raises:
        AlreadyExists: it is a file, or holds something else.
        NotAllowed, Unavailable: it cannot be read.
    """
    try:
        with os.scandir(root) as found:
            names = [one.name for one, _ in zip(found, range(_MOST_NAMED), strict=False)]
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise AlreadyExists(f"{root} is not a folder; nothing was changed", hint="name a new or an empty folder") from error
    except OSError as error:
        raise of_os_error(error, f"{root} cannot be read") from error
    if names and not (root / OWN_FOLDER).is_dir():
        raise AlreadyExists(
            f"{root} holds {', '.join(map(repr, sorted(names)))} and is no live folder; nothing was changed",
            hint="name a new or an empty folder",
        )


def _remove(path: Path) -> None:
    """Remove what no reader has a name for; what cannot be removed now is left to the next sweep."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _read_if_there(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _told(found: bytes) -> str:
    with suppress(Invalid):
        document = parse_json_object(found)
        return f"{document.get('pipeline')}/{document.get('environment')} of the registry {document.get('registry')}"
    return "something that cannot be read"
