"""Making a registry: a folder, a catalog with its first events, and a key that signs them; all of it or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lastgood.catalog.creation import create_catalog
from lastgood.catalog.database import Database
from lastgood.catalog.records import Appender
from lastgood.errors import AlreadyExists, of_os_error
from lastgood.ids import RegistryId
from lastgood.model.changes.body import Body
from lastgood.model.changes.ledger import KeySet, VerifierKeyText
from lastgood.model.changes.registry import RegistryCreated, RetentionRecorded
from lastgood.registry.context import Context
from lastgood.registry.embedded import CATALOG, Settings, context_of
from lastgood.registry.host import key_file
from lastgood.workspace.durable import sync_folder


def create_registry(folder: Path, settings: Settings, registry: RegistryId, retention: RetentionRecorded | None) -> None:
    """Make an empty registry in a folder that is made if needed.

    Args:
        folder: the `.lastgood` folder.
        settings: what to make it with.
        registry: its random id.
        retention: the policy to record, so that storage never grows without one.

    Raises:
        AlreadyExists: there is one, or something else has its name.
        ReadOnly, NotAllowed, StorageFull: the folder cannot be written.
    """
    made: list[Path] = []

    def begin(database: Database) -> None:
        context = context_of(folder, settings, database)
        key = context.sealing.make_key(registry).key
        made.append(key_file(folder, key))
        first = [RegistryCreated(registry), KeySet(VerifierKeyText(key), None, None)]
        _record(context, [*first, retention] if retention is not None else first)

    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise AlreadyExists(f"{folder} is there already and is no folder; it was left as it is") from error
    except OSError as error:
        raise of_os_error(error, f"{folder} cannot be made") from error
    try:
        create_catalog(folder / CATALOG, begin)
        if is_new:
            sync_folder(folder.parent)
    except BaseException:
        _unmake(folder if is_new else None, made)
        raise


def _record(context: Context, first: Sequence[Body]) -> None:
    with context.database.writing() as session:
        ledger = Appender(session, context.operation(None), context.clock, context.entropy)
        for body in first:
            ledger.append(body)
    context.sealing.seal(context.database)


def _unmake(folder: Path | None, keys: Sequence[Path]) -> None:
    # Only an empty folder can be removed so, and nobody else's work is in an empty one.
    with suppress(OSError):
        for path in keys:
            path.unlink(missing_ok=True)
            path.parent.rmdir()
    with suppress(OSError):
        if folder is not None:
            folder.rmdir()
