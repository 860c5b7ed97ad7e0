"""Writing a bundle: one file that carries a release to another registry, and proves itself on the way (`bundle_form`).

Everything is read through the store, which proves it, and proven once more by its digest as it is written. The file gets its
name when it is whole and durable, and never replaces another.

    export_bundle(context, record, Path("r42.bundle"))
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from lastgood.canonical import Json, canonical_json
from lastgood.catalog import records, releases
from lastgood.catalog.database import Session
from lastgood.errors import AlreadyExists, Integrity, NotFound, of_os_error
from lastgood.ids import FileDigest, ReleaseId, TextDigest
from lastgood.ledger.proofs import inclusion_document
from lastgood.model.changes.releases import is_making
from lastgood.model.event import author_of, read_event
from lastgood.model.history import ReleaseRecord
from lastgood.model.release import Manifest
from lastgood.registry.archive import Member, write_beginning, write_end, write_member
from lastgood.registry.backup import give_name
from lastgood.registry.bundle_form import EVENT, FILES, PROOF, RELEASE, SIGNATURE, TEXTS, BundleContents
from lastgood.registry.context import Context
from lastgood.registry.gone import gone_error
from lastgood.registry.ledger_proofs import ledger_state, prove_inclusion
from lastgood.registry.points import points_at
from lastgood.registry.signing import envelope_of
from lastgood.store.reader import ObjectReader
from lastgood.workspace.durable import sync_folder

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Exported:
    """What a bundle holds: which release, how many files, and how many bytes the bundle has."""

    file: Path
    release: ReleaseId
    files: int
    bytes: int
    is_signed: bool


def export_bundle(context: Context, record: ReleaseRecord, target: Path, progress: Progress | None = None) -> Exported:
    """Write a release into a new file.

    Args:
        context: the registry.
        record: the release.
        target: the file.
        progress: told how many bytes more were written.

    Raises:
        AlreadyExists: there is something of that name.
        Integrity: a byte of the release is not what it should be, or it is not in the signed history; nothing was written.
        StorageFull, NotAllowed, NotFound, Unavailable: the file cannot be written.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100  # resolve() would follow the target's own link
    if os.path.lexists(target):
        raise AlreadyExists(f"{target} is there already; it was left as it is", hint="name a new file")
    with context.database.reading() as session:
        manifest = releases.release_manifest(session, record.release)
        registry = releases.registry_id(session)
    reader = ObjectReader(context.backend, context.index)
    documents = _documents(context, record, manifest)
    files = _files(manifest, reader, context)
    members = [Member(name, len(data), "sha256", hashlib.sha256(data).hexdigest()) for name, data in documents.items()]
    members += [Member(f"{FILES}{digest}", size, "sha256", str(digest)) for digest, size in files.items()]
    contents = BundleContents(registry, record.release, members)
    new = target.with_name(f".{target.name[:200]}.lastgood-{context.entropy(6).hex()}")

    def write(file: BinaryIO) -> None:
        write_beginning(file, contents)
        for name, data in documents.items():
            write_member(file, name, len(data), [data])
        for digest, size in files.items():
            write_member(file, f"{FILES}{digest}", size, (_told(piece, progress) for piece in reader.stream_file(digest)))
        write_end(file, contents)

    length = _make_file(new, target, write)
    return Exported(target, record.release, len(files), length, SIGNATURE in documents)


def _make_file(new: Path, target: Path, write: Callable[[BinaryIO], None]) -> int:
    try:
        with new.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            length = file.tell()
        give_name(new, target)
        sync_folder(target.parent)
    except FileExistsError as error:
        raise AlreadyExists(f"{target} was made by somebody else meanwhile; it was left as it is", hint="name a new file") from error
    except OSError as error:
        raise of_os_error(error, f"{target} cannot be written") from error
    finally:
        new.unlink(missing_ok=True)
    return length


def _told(piece: bytes | memoryview, progress: Progress | None) -> bytes | memoryview:
    if progress is not None:
        progress(len(piece))
    return piece


def _documents(context: Context, record: ReleaseRecord, manifest: Manifest) -> dict[str, bytes]:
    try:
        proof = prove_inclusion(context, record.sequence)
    except NotFound as error:
        raise Integrity(f"{record.label} is not in the signed history yet; nothing was written", hint="any change signs it") from error
    keys = [str(key) for _, key in ledger_state(context).keys]
    event = read_event(proof.event)
    if not is_making(event.body, record.release):
        raise Integrity(f"event {record.sequence} is not that of {record.label}; nothing was written")
    with context.database.reading() as session:
        texts: Json = {"author": _text(session, author_of(event)), "message": _text(session, event.body.message)}
    documents = {
        RELEASE: manifest.document,
        EVENT: proof.event,
        TEXTS: canonical_json(texts),
        PROOF: canonical_json(inclusion_document(proof.index, proof.event, proof.proof, proof.note, keys)),
    }
    envelope = envelope_of(context, manifest)
    return documents if envelope is None else documents | {SIGNATURE: envelope}


def _text(session: Session, digest: TextDigest | None) -> Json:
    salt, text = records.salted_text(session, digest)
    return None if text is None or salt is None else {"salt": salt.hex(), "text": text}


def _files(manifest: Manifest, reader: ObjectReader, context: Context) -> dict[FileDigest, int]:
    """Return every file that a release points at, with its size: what names others first."""
    found = dict.fromkeys(sorted({one.digest for one in points_at(manifest, reader) if one.entry is None}))
    found.update(dict.fromkeys(sorted({one.digest for one in points_at(manifest, reader) if one.entry is not None} - found.keys())))
    maps = context.index.find_files(list(found))
    missing = found.keys() - maps.keys()
    if missing:
        gone = gone_error(context, min(missing))
        if gone is not None:
            raise gone
        raise Integrity(f"file {min(missing).short} of the release is not kept here; nothing was written", hint="lastgood verify")
    return {digest: maps[digest].size for digest in found}
