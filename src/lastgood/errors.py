"""The error tree, grouped by what the caller would do about it.

    LastgoodError                       exit 1   http 500
    ├── CommandFailed                                       a command that was to be run for somebody did not succeed
    ├── NotFound                        exit 3   http 404   ask for something that is there
    │   └── Gone                                            its bytes were let go by a policy, or purged
    ├── Conflict                        exit 5   http 409   look again, then retry
    │   ├── StaleBase                                       others committed since this workspace's base
    │   ├── StaleEnvironment                                somebody moved the environment first
    │   ├── CanaryRunning                                   a canary has to be promoted or aborted first
    │   ├── AlreadyExists                                   there already, with other content
    │   └── ChangedWhileReading                             a file was written while it was read
    ├── Refused                         exit 6   http 403   a gate, a policy or a guard says no
    │   ├── BadRelease                                      somebody marked its behavior bad
    │   ├── NothingGood                                     nowhere to roll back to
    │   ├── GateRefused                                     a gate of the environment's policy says no
    │   ├── OwnApproval                                     an author approves their own release
    │   ├── CredentialFound                                 a file looks like it holds a secret
    │   └── PurgedFile                                      a file was purged, and must not be kept again
    ├── Invalid                         exit 2   http 422   correct the input
    │   ├── InvalidName                                     a name or a digest
    │   ├── InvalidRevision                                 a revision expression
    │   ├── InvalidPath                                     a path that must not be in a release
    │   ├── InvalidWorkspace                                lastgood.toml, or the files it names
    │   ├── InvalidManifest                                 a release manifest or an event
    │   ├── InvalidCase                                     an input of the payback page
    │   ├── InvalidArchive                                  an archive that was to be imported
    │   └── NewerSchema                                     written by a newer lastgood
    ├── NotAllowed                      exit 4   http 401   get the right or the permission
    ├── Integrity                       exit 7   http 500   bytes or history are not what they should be
    └── Unavailable                     exit 8   http 503   wait or make room, then retry
        ├── Busy                                            another writer holds the registry
        ├── CollectedMeanwhile                              the collector took bytes that a change counted on
        ├── StorageFull                                     no room on the disk
        ├── ReadOnly                                        the registry's folder cannot be written
        ├── Unsealed                                        the change stands, its history could not be signed yet
        ├── LiveFolderBehind                                the environment moved, its live folder did not follow yet
        └── ClockWentBack                                   the clock is more than five minutes behind history

Rules: each class has a stable `kind`, an exit code, an HTTP status and a hint; a message says what happened and what
is intact, the hint is the next command to type.

    >>> error = NotFound("there is no release r9", hint="lastgood log")
    >>> error.kind, error.exit_code, error.hint
    ('not-found', 3, 'lastgood log')
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import ClassVar


class LastgoodError(Exception):
    """Something that lastgood says on purpose.

    Args:
        message: what happened, and what stayed intact.
        hint: the next command or step, if there is one.
        details: facts for programs, JSON values only.
    """

    kind: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500
    default_hint: ClassVar[str | None] = None

    def __init__(self, message: str, *, hint: str | None = None, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint if hint is not None else self.default_hint
        self.details: dict[str, object] = dict(details or {})


class CommandFailed(LastgoodError):
    """A command that was run for somebody, such as a suite's, did not succeed; nothing was recorded."""

    kind, http_status = "command-failed", 422


class NotFound(LastgoodError):
    """What was asked for is not there."""

    kind, exit_code, http_status = "not-found", 3, 404


class Gone(NotFound):
    """It was there; a policy let its bytes go, or somebody purged them. Its record is kept."""

    kind, http_status = "gone", 410


class Conflict(LastgoodError):
    """Somebody else was first; nothing was changed."""

    kind, exit_code, http_status = "conflict", 5, 409


class StaleBase(Conflict):
    """Others committed since the release this workspace is based on."""

    kind = "stale-base"
    default_hint = "lastgood status, then lastgood commit --onto latest"


class StaleEnvironment(Conflict):
    """The environment was moved by somebody else first."""

    kind = "stale-environment"
    default_hint = "lastgood env show ENV, then try again"


class CanaryRunning(Conflict):
    """A canary runs in the environment, and has to be promoted or aborted first."""

    kind = "canary-running"
    default_hint = "lastgood deploy ENV --promote, or --abort"


class AlreadyExists(Conflict):
    """Something of that name is there already, with other content."""

    kind = "already-exists"


class ChangedWhileReading(Conflict):
    """A file was written while it was being read."""

    kind = "changed-while-reading"
    default_hint = "wait until nothing writes to it, then lastgood commit again"


class Refused(LastgoodError):
    """A gate, a policy or a guard says no; nothing was changed."""

    kind, exit_code, http_status = "refused", 6, 403


class BadRelease(Refused):
    """The release behaves like one that somebody marked bad."""

    kind = "bad-release"
    default_hint = "lastgood mark good REV --why …, if that was a mistake"


class NothingGood(Refused):
    """An environment has no earlier release that is neither bad nor suspect."""

    kind = "nothing-good"
    default_hint = "lastgood rollback ENV --to REV"


class GateRefused(Refused):
    """A gate of the environment's policy refuses the release, and nobody may or did override it."""

    kind = "gate-refused"
    default_hint = "lastgood policy show ENV"


class OwnApproval(Refused):
    """Somebody approves a release that they made themselves, or that nobody can tell who made."""

    kind = "own-approval"
    default_hint = "ask somebody else to look at it: lastgood approve REV --env ENV"


class CredentialFound(Refused):
    """A file that would be committed looks like it holds a credential."""

    kind = "credential-found"
    default_hint = "take the secret out, or lastgood commit --allow-secrets"


class PurgedFile(Refused):
    """A file was purged, so it is not kept again before somebody lifts that."""

    kind = "purged-file"


class Invalid(LastgoodError):
    """The input is not what it must be; nothing was changed."""

    kind, exit_code, http_status = "invalid", 2, 422


class InvalidName(Invalid):
    """A name or a digest has the wrong form."""

    kind = "invalid-name"


class InvalidRevision(Invalid):
    """A revision expression has the wrong form."""

    kind = "invalid-revision"
    default_hint = "write r42, a tag, a digest prefix, prod, prod~1, prod@3w, prod@good or latest"


class InvalidPath(Invalid):
    """A path that must not be in a release."""

    kind = "invalid-path"
    default_hint = "rename or remove it, or list it in .lastgoodignore"


class InvalidWorkspace(Invalid):
    """lastgood.toml, or the files it names, are not right."""

    kind = "invalid-workspace"


class InvalidManifest(Invalid):
    """A manifest or an event does not have its schema's form."""

    kind = "invalid-manifest"


class InvalidCase(Invalid):
    """An input of the payback page is not a number that it can be, or its file is not right."""

    kind = "invalid-case"
    default_hint = "lastgood case --help lists the inputs"


class InvalidArchive(Invalid):
    """An archive that was to be imported is damaged, or holds what it must not; `details["reason"]` says which."""

    kind = "invalid-archive"


class NewerSchema(Invalid):
    """Something was written by a newer version of lastgood."""

    kind = "newer-schema"
    default_hint = "upgrade lastgood"


class NotAllowed(LastgoodError):
    """The actor, or the process, has no permission."""

    kind, exit_code, http_status = "not-allowed", 4, 401


class Integrity(LastgoodError):
    """Bytes or history are not what they should be; nothing wrong was served."""

    kind, exit_code, http_status = "integrity", 7, 500
    default_hint = "lastgood verify"


class Unavailable(LastgoodError):
    """Something that is needed is not there just now; nothing was changed."""

    kind, exit_code, http_status = "unavailable", 8, 503


class Busy(Unavailable):
    """Another writer holds the registry for longer than the wait."""

    kind = "busy"
    default_hint = "try again"


class CollectedMeanwhile(Unavailable):
    """The collector took bytes away that this change had counted on."""

    kind = "collected-meanwhile"
    default_hint = "try again: what is missing is then kept anew"


class StorageFull(Unavailable):
    """There is no room left where the bytes must go."""

    kind = "storage-full"
    default_hint = "free some space, then try again"


class ReadOnly(Unavailable):
    """The registry's folder cannot be written."""

    kind = "read-only"


class Unsealed(Unavailable):
    """A change was made and stands, but the history with it could not be signed; the next change signs it, too."""

    kind = "unsealed"


class LiveFolderBehind(Unavailable):
    """An environment was moved, and that stands, but its live folder was not switched yet; the next command does it."""

    kind = "live-folder-behind"


class ClockWentBack(Unavailable):
    """The clock is behind the last recorded event by more than five minutes."""

    kind = "clock-went-back"
    default_hint = "set the clock right, or repeat with --accept-clock"


_PERMISSION = frozenset({errno.EACCES, errno.EPERM})
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def of_os_error(error: OSError, what: str) -> LastgoodError:
    """Return the error of the tree that an operating system's error means.

    Args:
        error: what the operating system said.
        what: what could not be done, as the beginning of a sentence, such as "runs/a cannot be written".
    """
    if error.errno in _NO_ROOM:
        return StorageFull(f"{what}: no room is left on the disk; nothing was changed")
    if error.errno == errno.EROFS:
        return ReadOnly(f"{what}: the file system is read-only; nothing was changed")
    if error.errno in _PERMISSION:
        return NotAllowed(f"{what}: permission denied; nothing was changed", hint="check who owns it and its mode")
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return NotFound(f"{what}: no such file or folder; nothing was changed")
    if error.errno == errno.ENAMETOOLONG:
        return InvalidPath(f"{what}: the path is too long for the file system; nothing was changed")
    return Unavailable(f"{what}: {error.strerror or error}; nothing was changed")
