"""Reading a bundle into a registry: the same release, byte for byte, with what proves where it comes from (`bundle_form`).

The order: the archive and its manifest are proven; the event is held against the signed history it comes from, and the
manifest against the event; then the files are taken in, each proven by its digest, and it is seen that none is missing and
none is too many; at last one transaction records packs and event. Until then nothing refers to what was taken in, so a
bundle that is wrong anywhere leaves the registry as it was.

A release that is here already stays as it is, but that what a retention policy let go of it is kept again. Its number here
is the next one: across registries a release is its digest.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from lastgood.canonical import Json, canonical_json, parse_json_object
from lastgood.catalog import placement, releases
from lastgood.catalog.database import Session
from lastgood.catalog.records import Appender
from lastgood.catalog.removals import removals_of
from lastgood.errors import Integrity, Invalid, NewerSchema, NotFound, of_os_error
from lastgood.ids import FileDigest, RegistryId, TextDigest
from lastgood.ledger.checkpoint import origin_of
from lastgood.ledger.envelope import is_payload_signed, read_envelope
from lastgood.ledger.notes import VerifierKey
from lastgood.ledger.proofs import Proven, check_proof
from lastgood.model.changes.ledger import SignedNoteText
from lastgood.model.changes.releases import ReleaseImported, is_making
from lastgood.model.event import Event, author_of, read_event, text_digest
from lastgood.model.fields import Fields
from lastgood.model.history import ReleaseRecord
from lastgood.model.placement import Staged
from lastgood.model.release import Manifest, read_manifest
from lastgood.registry.archive import ArchiveReader, Member
from lastgood.registry.bundle_form import BUNDLE, EVENT, FILES, PROOF, RELEASE, SIGNATURE, TEXTS, BundleContents
from lastgood.registry.context import Context
from lastgood.registry.intake import DeferredIntake
from lastgood.registry.keeping import keep_again
from lastgood.registry.points import points_at
from lastgood.registry.publish import add_packs, keep_alive, refuse_purged
from lastgood.registry.signing import statement_of

LARGEST_LISTING = 2 << 30
_ERASED = "(erased)"


@dataclass(frozen=True, slots=True)
class ImportedRelease:
    """What became of a bundle.

    Attributes:
        created: false where the release was here already.
        origin: the registry it comes from.
        event: which event of that registry's history made it.
        keys: the keys that signed that history, as far as the bundle says.
        signed_by: the key that signed the release itself, if one did.
    """

    release: ReleaseRecord
    created: bool
    origin: RegistryId
    event: int
    keys: tuple[VerifierKey, ...]
    signed_by: VerifierKey | None


@dataclass(frozen=True, slots=True)
class _Claimed:
    """What a bundle's documents say, after they were held against each other."""

    manifest: Manifest
    event: Event
    author: str
    message: str | None
    checkpoint: str
    keys: tuple[VerifierKey, ...]
    envelope: bytes | None


def import_bundle(context: Context, file: Path, trusted: Sequence[str] = ()) -> ImportedRelease:
    """Take the release of a bundle into a registry.

    Args:
        context: the registry.
        file: the bundle.
        trusted: verifier keys that the history it comes from must be signed by; none means whichever it names.

    Raises:
        Integrity: it is no bundle, or anything in it is not what it should be; nothing was changed.
        NewerSchema: a newer version wrote it.
        NotFound, NotAllowed, Unavailable: it cannot be read.
    """
    try:
        with file.open("rb") as opened:
            return _Import(context, ArchiveReader(opened, BUNDLE), trusted).run()
    except OSError as error:
        raise of_os_error(error, f"{file} cannot be read") from error


class _Import:
    """One bundle on its way into a registry."""

    def __init__(self, context: Context, reader: ArchiveReader[BundleContents], trusted: Sequence[str]) -> None:
        self._context = context
        self._reader = reader
        self._trusted = trusted

    def run(self) -> ImportedRelease:
        members = self._reader.members()
        documents: dict[str, bytes] = {}
        count = sum(not member.name.startswith(FILES) for member in self._reader.contents.members)
        for _ in range(count):
            member, pieces = next(members)
            documents[member.name] = b"".join(pieces)
        try:
            claimed = self._claims(documents)
        except NewerSchema:
            raise
        except Invalid as error:
            raise _wrong(str(error)) from error
        with self._context.database.reading() as session:
            known = releases.release_by_id(session, claimed.manifest.release)
            latest = releases.latest_release(session, claimed.manifest.pipeline)
            parent = None if latest is None else releases.release_manifest(session, latest.release)
            is_whole = known is not None and not removals_of(session, known.release)
        with DeferredIntake(self._context, parent) as intake:
            signed_by = self._take_in(claimed, members, intake)
            if known is not None and is_whole:
                return self._answer(claimed, known, signed_by, created=False)
            return self._publish(claimed, intake.finish(), signed_by)

    def _claims(self, documents: dict[str, bytes]) -> _Claimed:
        contents = self._reader.contents
        manifest = read_manifest(documents[RELEASE])
        if manifest.release != contents.release:
            raise _wrong("its release is not the one that it is called")
        proof = Fields(parse_json_object(documents[PROOF]), "the proof")
        proven: Proven = check_proof(documents[PROOF], self._trusted, None)
        event = read_event(documents[EVENT])
        if proven.event != event.sequence or proven.document != documents[EVENT] or proven.origin != origin_of(contents.registry):
            raise _wrong("the proof in it is about another event")
        if not is_making(event.body, manifest.release) or canonical_json(dict(event.body.manifest)) != manifest.document:
            raise _wrong("the event in it made another release")
        texts = Fields(parse_json_object(documents[TEXTS]), "the texts")
        return _Claimed(
            manifest=manifest,
            event=event,
            author=_read_text(texts.optional("author"), author_of(event)) or _ERASED,
            message=_read_text(texts.optional("message"), event.body.message),
            checkpoint=proof.text("checkpoint"),
            keys=tuple(VerifierKey.parse(key) for key in proof.texts("keys")),
            envelope=documents.get(SIGNATURE),
        )

    def _take_in(self, claimed: _Claimed, members: Iterator[tuple[Member, Iterator[bytes]]], intake: DeferredIntake) -> VerifierKey | None:
        """Receive every file, and see that they are those of the release and no others."""
        manifest = claimed.manifest
        listings = _Listings()
        wanted = {one.content.listing for one in manifest.components.values() if one.content.listing is not None} | {
            manifest.workspace_file
        }
        names: dict[FileDigest, str] = {}
        seen: set[FileDigest] = set()
        for member, pieces in members:
            digest = FileDigest.parse(member.digest)
            if digest in wanted:
                data = b"".join(pieces) if member.size <= LARGEST_LISTING else b""
                listings.add(digest, data)
                intake.receive_bytes(data)
                if wanted <= listings.known():
                    names = _names_of(manifest, listings)
            elif digest not in names:
                raise _wrong(f"it holds the file {digest.short}, which its release does not")
            else:
                self._receive(intake, member, pieces, names[digest])
            seen.add(digest)
        missing = (wanted | names.keys()) - seen
        if missing:
            raise _wrong(f"it lacks the file {min(missing).short}")
        if claimed.envelope is None:
            return None
        payload, key, signature = read_envelope(claimed.envelope)
        if payload != statement_of(manifest, listings) or not is_payload_signed(payload, key, signature):
            raise _wrong("the signature of its release is not right")
        return key

    def _receive(self, intake: DeferredIntake, member: Member, pieces: Iterator[bytes], name: str) -> None:
        source = io.BufferedReader(_Pieces(pieces))
        received = intake.receive(cast("BinaryIO", source), member.size, name)
        if str(received.digest) != member.digest or received.size != member.size:
            raise _wrong(f"{member.name} is not what was written")

    def _publish(self, claimed: _Claimed, staged: Staged, signed_by: VerifierKey | None) -> ImportedRelease:
        with self._context.changing(self._context.operation(None)) as (session, ledger):
            known = releases.release_by_id(session, claimed.manifest.release)
            add_packs(self._context, session, staged.packs)
            if known is None:
                refuse_purged(self._context, session, claimed.manifest)
                if staged.generation not in {None, placement.current_generation(session)}:
                    keep_alive(self._context, session, claimed.manifest)
                self._append(session, ledger, claimed)
            else:
                keep_again(self._context, session, ledger, [known.release])
            record = releases.require_release(session, claimed.manifest.release)
        return self._answer(claimed, record, signed_by, created=known is None)

    def _append(self, session: Session, ledger: Appender, claimed: _Claimed) -> None:
        latest = releases.latest_release(session, claimed.manifest.pipeline)
        ledger.append(
            ReleaseImported(
                pipeline=claimed.manifest.pipeline,
                release=claimed.manifest.release,
                number=1 if latest is None else latest.number + 1,
                manifest=parse_json_object(claimed.manifest.document),
                message=ledger.text(claimed.message),
                author=cast("TextDigest", ledger.text(claimed.author)),
                origin=self._reader.contents.registry,
                event=claimed.event.sequence,
                checkpoint=SignedNoteText.parse(claimed.checkpoint),
            )
        )

    def _answer(self, claimed: _Claimed, record: ReleaseRecord, signed_by: VerifierKey | None, *, created: bool) -> ImportedRelease:
        origin = self._reader.contents.registry
        return ImportedRelease(record, created, origin, claimed.event.sequence, claimed.keys, signed_by)


class _Listings:
    """The listings of a bundle, as a reader of files (`model.placement.FileReader`)."""

    def __init__(self) -> None:
        self._files: dict[FileDigest, bytes] = {}

    def add(self, digest: FileDigest, data: bytes) -> None:
        if hashlib.sha256(data).digest() != digest:
            raise _wrong(f"the file {digest.short} is not what was written")
        self._files[digest] = data

    def known(self) -> set[FileDigest]:
        return set(self._files)

    def read_file(self, digest: FileDigest, *, limit: int | None = None) -> bytes:
        if digest not in self._files or (limit is not None and len(self._files[digest]) > limit):
            raise NotFound(f"file {digest.short} is not in the bundle")
        return self._files[digest]


class _Pieces(io.RawIOBase):
    """Pieces of bytes as a file that is read once, from its beginning."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        taken = min(len(buffer), len(self._rest))
        buffer[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken


def _names_of(manifest: Manifest, listings: _Listings) -> dict[FileDigest, str]:
    return {one.digest: one.entry.path for one in points_at(manifest, listings) if one.entry is not None}


def _read_text(claimed: Json, digest: TextDigest | None) -> str | None:
    if claimed is None or digest is None:
        return None
    fields = Fields(claimed, "a text of the bundle")
    text = fields.text("text")
    try:
        salt = bytes.fromhex(fields.text("salt"))
    except ValueError:
        salt = b""
    if text_digest(salt, text) != digest:
        raise _wrong("a text in it is not what its event says")
    return text


def _wrong(what: str) -> Integrity:
    return Integrity(f"this bundle is not right: {what}; nothing was changed", hint="get the bundle again")
