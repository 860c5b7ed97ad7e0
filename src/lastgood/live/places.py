"""Where the live folders of this host are.

Two places say so: `live` of an environment in lastgood.toml, a folder inside the workspace; and `.lastgood/live.json` in
the workspace, written by `lastgood live ENV DIR`, a folder anywhere on this host, which counts more. Neither is ever part
of the registry.

    set_live_folder(workspace, EnvironmentName("prod"), Path("/srv/bot"))
    live_folders(workspace)                         # {EnvironmentName('prod'): PosixPath('/srv/bot')}
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path

from lastgood.canonical import canonical_json, parse_json_object
from lastgood.errors import Invalid, InvalidWorkspace, NewerSchema, of_os_error
from lastgood.ids import EnvironmentName
from lastgood.live.folder import OWN_FOLDER as OWN_FOLDER_OF_LIVE
from lastgood.live.folder import require_usable
from lastgood.live.lock import locked
from lastgood.model.fields import Fields
from lastgood.model.release import check_schema
from lastgood.workspace.declaration import OWN_FOLDER, WORKSPACE_FILE, Workspace
from lastgood.workspace.durable import make_folder, replace_file

PLACES = "live.json"

_SCHEMA = "lastgood.live/1"
_LARGEST = 1_000_000


def live_folders(workspace: Workspace) -> dict[EnvironmentName, Path]:
    """Return the live folders of a workspace's environments on this host.

    Raises:
        InvalidWorkspace: one leads out of the workspace, two are inside each other, or live.json is not right.
        NewerSchema: a newer version of lastgood wrote live.json.
    """
    return _with_declared(workspace, _read(workspace))


def set_live_folder(workspace: Workspace, environment: EnvironmentName, folder: Path | None) -> None:
    """Say where an environment's live folder is on this host; None forgets it, and then lastgood.toml counts again.

    Args:
        workspace: the workspace that remembers it.
        environment: the environment, which need not exist yet.
        folder: a new or an empty folder, or one that was a live folder before; what is in it stays.

    Raises:
        InvalidWorkspace: the folder cannot be one, or live.json is not right.
        AlreadyExists: the folder holds something else.
        NotAllowed, ReadOnly, StorageFull: live.json cannot be written; it is as it was.
    """
    own = workspace.root / OWN_FOLDER
    path = own / PLACES
    try:
        make_folder(own)
        with locked(own / "live.lock", str(path)):
            chosen = _read(workspace)
            chosen.pop(environment, None)
            if folder is not None:
                chosen[environment] = _usable(workspace, environment, folder)
                _with_declared(workspace, chosen)
            document = canonical_json({"schema": _SCHEMA, "folders": {str(name): str(one) for name, one in chosen.items()}})
            replace_file(path, document, temporary=path.with_name(f"{PLACES}.new"))
    except OSError as error:
        raise of_os_error(error, f"{path} cannot be written") from error


def _with_declared(workspace: Workspace, chosen: dict[EnvironmentName, Path]) -> dict[EnvironmentName, Path]:
    declared = {
        one.name: _inside(workspace, one.name, one.live)
        for one in workspace.environments
        if one.live is not None and one.name not in chosen
    }
    folders = declared | chosen
    _require_apart(folders)
    return folders


def _read(workspace: Workspace) -> dict[EnvironmentName, Path]:
    path = workspace.root / OWN_FOLDER / PLACES
    try:
        # Without waiting, should somebody have put a FIFO there.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            data = file.read(_LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise of_os_error(error, f"{path} cannot be read") from error
    try:
        return _parse(data)
    except NewerSchema:
        raise
    except Invalid as error:
        raise InvalidWorkspace(
            f"{path} is not right: {error.message}; nothing was changed",
            hint=f"remove {path}, then lastgood live ENV DIR for each folder of this host",
        ) from error


def _parse(data: bytes) -> dict[EnvironmentName, Path]:
    if len(data) > _LARGEST:
        raise Invalid(f"it is larger than {_LARGEST:,} bytes")
    known = Fields(parse_json_object(data), PLACES)
    check_schema(known.text("schema"), _SCHEMA)
    folders = {}
    for name, folder in known.mapping("folders").items():
        if not isinstance(folder, str) or not folder.startswith("/") or "\0" in folder:
            raise Invalid(f"the folder of {name[:80]!r} is not an absolute path")
        folders[EnvironmentName.parse(name)] = Path(folder)
    return folders


def _inside(workspace: Workspace, environment: EnvironmentName, live: str) -> Path:
    """Return a declared folder if it lies inside the workspace, links on the way to it included."""
    folder = workspace.root / live
    root = _resolved(workspace.root)
    if root not in _resolved(folder).parents:
        raise InvalidWorkspace(
            f"{WORKSPACE_FILE}: environments.{environment}.live: {live} leads out of the workspace; nothing was changed",
            hint=f"lastgood live {environment} {live} says so for this host, instead of in {WORKSPACE_FILE}",
        )
    _require_not_ours(workspace, environment, folder)
    return folder


def _usable(workspace: Workspace, environment: EnvironmentName, folder: Path) -> Path:
    """Return a folder if it can be a live folder of this host."""
    folder = Path(os.path.abspath(folder))  # noqa: PTH100  # resolve() would fix where links lead to today
    if not _is_utf8(str(folder)):
        raise InvalidWorkspace(f"{str(folder)!r} has a name that is not UTF-8; nothing was changed", hint="rename it")
    _require_not_ours(workspace, environment, folder)
    for component in workspace.components:
        for path in component.paths:
            if _overlap(_resolved(folder), _resolved(workspace.root / path)):
                raise InvalidWorkspace(
                    f"{folder} cannot be the live folder of {environment}: it meets {path} of the component"
                    f" {component.name}, which would be committed; nothing was changed",
                    hint=f"name a folder outside of {path}",
                )
    require_usable(folder)
    return folder


def _require_not_ours(workspace: Workspace, environment: EnvironmentName, folder: Path) -> None:
    there, root = _resolved(folder), _resolved(workspace.root)
    if there == root or there in root.parents or _overlap(there, root / OWN_FOLDER):
        raise InvalidWorkspace(
            f"{folder} cannot be the live folder of {environment}: it holds the workspace or its {OWN_FOLDER}; nothing was changed",
            hint="name a folder of its own",
        )
    for above in there.parents:
        if (above / OWN_FOLDER_OF_LIVE).is_dir():
            raise InvalidWorkspace(
                f"{folder} cannot be the live folder of {environment}: it is inside the live folder {above}; nothing was changed",
                hint="go to the workspace itself, or name a folder of its own",
            )


def _require_apart(folders: Mapping[EnvironmentName, Path]) -> None:
    for (one, first), (other, second) in _pairs(folders):
        if _overlap(_resolved(first), _resolved(second)):
            raise InvalidWorkspace(
                f"the live folders of {one} ({first}) and {other} ({second}) are one, or one holds the other; nothing was changed",
                hint=f"lastgood live {other} DIR, with a folder of its own",
            )


def _pairs(
    folders: Mapping[EnvironmentName, Path],
) -> Iterator[tuple[tuple[EnvironmentName, Path], tuple[EnvironmentName, Path]]]:
    return combinations(sorted(folders.items()), 2)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _overlap(one: Path, other: Path) -> bool:
    return one == other or one in other.parents or other in one.parents


def _resolved(path: Path) -> Path:
    """Return a path with every link on the way followed, however much of it is there."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise InvalidWorkspace(f"{path} cannot be followed to where it leads; nothing was changed") from error
