"""The files of a folder that may become a pipeline, and which of them already belong to a component.

Rules: hidden names, virtual environments, caches and build folders are passed over and links are not followed; what
`.lastgoodignore` names is left out; a folder that cannot be read is passed over too, since this only makes proposals.
The list ends after 50,000 files. No path is in two components, and all can stand in one release.

    inventory = Inventory(root)
    inventory.propose("prompts", Kind.PROMPT, ["prompts"])
    inventory.found
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path

from lastgood.errors import InvalidPath
from lastgood.model.component import Kind
from lastgood.model.paths import check_path, check_together
from lastgood.workspace.declaration import NEVER_WALKED
from lastgood.workspace.ignore import IGNORE_FILE, LARGEST, IgnoreRules
from lastgood.workspace.starter import Proposal

MOST_FILES = 50_000
MOST_PROPOSALS = 100
DEEPEST = 12

_MOST_PATHS = 50
_NOT_OURS = frozenset({
    "build", "dist", "env", "htmlcov", "lightning_logs", "logs", "mlruns", "node_modules", "site-packages", "target", "venv",
    "virtualenv", "wandb",
})  # fmt: skip


class Inventory:
    """The files of a folder, by their paths from there, and the components proposed so far."""

    def __init__(self, root: Path) -> None:
        """List the files.

        Raises:
            OSError: the folder itself cannot be read.
            InvalidWorkspace: its ignore file is not right.
        """
        self.root = root
        self.files = sorted(islice(_list(root, _ignore_rules(root)), MOST_FILES))
        self.found: list[Proposal] = []
        self._taken: list[str] = []
        self._known = frozenset(self.files)
        self._by_folder: dict[str, list[str]] = {}
        for path in self.files:
            self._by_folder.setdefault(os.path.dirname(path), []).append(path)

    def __contains__(self, path: str) -> bool:
        """Say whether there is a file of that path."""
        return path in self._known

    def below(self, folder: str) -> list[str]:
        """Return the files below a folder."""
        # "0" is the character after "/", so the paths below a folder lie between the two in order.
        return self.files[bisect_left(self.files, folder + "/") : bisect_left(self.files, folder + "0")]

    def directly_in(self, folder: str) -> list[str]:
        """Return the files that lie in a folder itself; the root is the empty text."""
        return self._by_folder.get(folder, [])

    def folders_in(self, folder: str) -> list[str]:
        """Return the folders that lie in a folder itself."""
        start = len(folder) + 1
        inside = {path[start:].partition("/") for path in self.below(folder)}
        return sorted({f"{folder}/{name}" for name, slash, _ in inside if slash})

    def is_free(self, path: str) -> bool:
        """Say whether a path is in no component yet, and none is below it."""
        return not any(path == one or path.startswith(one + "/") or one.startswith(path + "/") for one in self._taken)

    def propose(
        self,
        name: str,
        kind: Kind,
        paths: Iterable[str],
        *,
        keys: Mapping[str, str] | None = None,
        remark: str | None = None,
    ) -> None:
        """Propose a component of what of some paths is free and may stand in a release, if that is anything."""
        free = [one for path in paths for one in self._free(path)]
        kept = []
        for path in free if len(free) <= _MOST_PATHS and len(self.found) < MOST_PROPOSALS else ():
            if self._fits(path):
                self._taken.append(path)
                kept.append(path if path in self else path + "/")
        if kept:
            self.found.append(Proposal(self._name(name), kind, tuple(kept), keys or {}, remark))

    def _free(self, path: str) -> list[str]:
        """Return a path if it is free, else those of its files and folders that are."""
        if self.is_free(path):
            return [path]
        inside = sorted({f"{path}/{name[len(path) + 1 :].partition('/')[0]}" for name in self.below(path)})
        return [one for child in inside for one in self._free(child)]

    def _fits(self, path: str) -> bool:
        try:
            check_path(path)
            check_together([*self._taken, path])
        except InvalidPath:
            return False
        return True

    def _name(self, wanted: str) -> str:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("._-")[:50] or "component"
        names = {proposal.name for proposal in self.found}
        number = 1
        unique = name
        while unique in names:
            number += 1
            unique = f"{name}-{number}"
        return unique


def _ignore_rules(root: Path) -> IgnoreRules:
    rules = IgnoreRules()
    with suppress(FileNotFoundError), (root / IGNORE_FILE).open("rb") as source:
        rules.enter("", source.read(LARGEST + 1))
    return rules


def _list(root: Path, rules: IgnoreRules) -> Iterator[str]:
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(root / folder) as scan:
                entries = sorted(scan, key=lambda entry: entry.name)
        except OSError:
            if not folder:
                raise
            continue
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        prefix = folder + "/" if folder else ""
        below = []
        for entry in entries:
            path = prefix + entry.name
            if _is_ours(entry, path, rules):
                if entry.is_dir(follow_symlinks=False):
                    below.append(path)
                else:
                    yield path
        waiting += reversed(below if folder.count("/") < DEEPEST else [])


def _is_ours(entry: os.DirEntry[str], path: str, rules: IgnoreRules) -> bool:
    if entry.name.startswith(".") or entry.name in NEVER_WALKED:
        return False
    is_folder = entry.is_dir(follow_symlinks=False)
    if is_folder and (entry.name.lower() in _NOT_OURS or entry.name.endswith(".egg-info")):
        return False
    return (is_folder or entry.is_file(follow_symlinks=False)) and not rules.leave_out(path, is_folder=is_folder)
