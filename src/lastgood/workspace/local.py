"""What a workspace remembers of the registry: `.lastgood/workspace.json`.

Rules: the *base* is the release the workspace is based on. Before the transaction of a commit its release is written
down here as *pending*, durably; if that transaction commits, the pending release is in the catalog and *is* the base,
and if not, nobody knows it and it is ignored. So a kill at any moment between the two harms nothing. The file says for
which pipeline it speaks; for another one there is no base.

    state = read_state(workspace)
    write_pending(workspace, release)      # then the transaction
    settle(workspace, release)             # then nothing is pending any more
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lastgood.canonical import canonical_json, parse_json_object
from lastgood.errors import Invalid, InvalidWorkspace, NewerSchema, of_os_error
from lastgood.ids import ReleaseId
from lastgood.model.fields import Fields
from lastgood.model.release import check_schema
from lastgood.workspace.declaration import OWN_FOLDER, Workspace
from lastgood.workspace.durable import replace_file

FILE_NAME = "workspace.json"

_SCHEMA = "lastgood.workspace/1"
_LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class LocalState:
    """The release a workspace is based on, and one that was about to be published when it was last heard of."""

    base: ReleaseId | None = None
    pending: ReleaseId | None = None


def read_state(workspace: Workspace) -> LocalState:
    """Return what a workspace remembers; nothing, where it was never committed.

    Raises:
        InvalidWorkspace: the file cannot be read, or is not right.
        NewerSchema: a newer version of lastgood wrote it.
    """
    path = workspace.root / OWN_FOLDER / FILE_NAME
    try:
        # Without waiting, should somebody have put a FIFO there.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as source:
            data = source.read(_LARGEST + 1)
    except (FileNotFoundError, NotADirectoryError):
        return LocalState()
    except OSError as error:
        raise of_os_error(error, f"{path} cannot be read") from error
    try:
        return _parse(data, workspace)
    except NewerSchema:
        raise
    except Invalid as error:
        raise InvalidWorkspace(
            f"{path} is not right: {error.message}; nothing was changed",
            hint=f"rm {path}; the workspace is then based on the latest release",
        ) from error


def write_pending(workspace: Workspace, release: ReleaseId) -> None:
    """Write down, durably, which release is about to be published; the base stays.

    Raises:
        InvalidWorkspace: what is there is not right.
        NotAllowed, ReadOnly, StorageFull, Unavailable: it cannot be written.
    """
    _write(workspace, LocalState(read_state(workspace).base, release))


def settle(workspace: Workspace, base: ReleaseId) -> None:
    """Write down which release the workspace is based on, with nothing pending; raises as `write_pending`."""
    settled = LocalState(base, None)
    if read_state(workspace) != settled:
        _write(workspace, settled)


def _parse(data: bytes, workspace: Workspace) -> LocalState:
    if len(data) > _LARGEST:
        raise Invalid(f"it is larger than {_LARGEST:,} bytes")
    known = Fields(parse_json_object(data), FILE_NAME)
    check_schema(known.text("schema"), _SCHEMA)
    base, pending = (known.optional_text(name) for name in ("base", "pending"))
    if known.text("pipeline") != workspace.pipeline:
        return LocalState()
    return LocalState(ReleaseId.parse(base) if base else None, ReleaseId.parse(pending) if pending else None)


def _write(workspace: Workspace, state: LocalState) -> None:
    document = canonical_json(
        {
            "schema": _SCHEMA,
            "pipeline": str(workspace.pipeline),
            "base": str(state.base) if state.base else None,
            "pending": str(state.pending) if state.pending else None,
        }
    )
    path = workspace.root / OWN_FOLDER / FILE_NAME
    try:
        path.parent.mkdir(exist_ok=True)
        with _alone(path.parent):
            replace_file(path, document, temporary=path.with_name(f"{FILE_NAME}.new"))
    except OSError as error:
        raise of_os_error(error, f"{path} cannot be written") from error


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Let one command at a time write, for a `with` statement; the value is the folder's file descriptor."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Some network file systems cannot lock a folder; only two commands at once in one workspace would need it.
        with suppress(OSError):
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield opened
    finally:
        os.close(opened)
