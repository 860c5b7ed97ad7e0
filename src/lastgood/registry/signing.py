"""Signed releases: somebody with the key says that exactly these files are exactly this release.

What is signed is a Statement of in-toto over the manifest and every file, made of the release alone and in one way only, so
that the registry keeps the signature and makes the statement again whenever it is asked (`ledger.envelope`).

    {"_type": "https://in-toto.io/Statement/v1", "predicateType": "urn:lastgood:release:1",
     "subject": [{"name": "bot/manifest.json", "digest": {"sha256": "…"}}, {"name": "prompts/system.md", …}],
     "predicate": {"pipeline": "bot", "release": "…", "state": "…", "behavior": "…", "created": "…"}}
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from lastgood.canonical import Json, canonical_json
from lastgood.catalog import releases, signatures
from lastgood.catalog.database import Session
from lastgood.clock import format_instant
from lastgood.errors import Integrity, Invalid
from lastgood.ids import ReleaseId
from lastgood.ledger.envelope import is_payload_signed, sign_payload, write_envelope
from lastgood.ledger.notes import VerifierKey
from lastgood.model.changes.ledger import VerifierKeyText
from lastgood.model.changes.releases import ReleaseSigned, SignatureText
from lastgood.model.history import ReleaseRecord
from lastgood.model.placement import FileReader
from lastgood.model.release import Manifest
from lastgood.registry.context import Context
from lastgood.registry.points import points_at
from lastgood.registry.sealing import signing_keys
from lastgood.store.reader import ObjectReader

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:lastgood:release:1"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed a release, and the signature's bytes."""

    key: VerifierKey
    signature: bytes


def statement_of(manifest: Manifest, reader: FileReader) -> bytes:
    """Return the statement that is signed for a release.

    Raises:
        Integrity: a listing of it cannot be read.
    """
    files = {"lastgood.toml": manifest.workspace_file}
    files.update({one.entry.path: one.digest for one in points_at(manifest, reader) if one.entry is not None})
    subjects: list[Json] = [{"name": f"{manifest.pipeline}/manifest.json", "digest": {"sha256": str(manifest.release)}}]
    subjects += [{"name": path, "digest": {"sha256": str(digest)}} for path, digest in sorted(files.items())]
    return canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "pipeline": str(manifest.pipeline),
                "release": str(manifest.release),
                "state": str(manifest.state),
                "behavior": str(manifest.behavior),
                "created": format_instant(manifest.created),
            },
        }
    )


def sign_release(context: Context, record: ReleaseRecord) -> Signature:
    """Sign a release with the key that signs the history; one that it signed already is left as it is.

    Raises:
        Integrity: a listing of it cannot be read, or the key is not the right one; nothing was changed.
        NotFound, NotAllowed, Unavailable: the key cannot be used; nothing was changed.
    """
    with context.database.reading() as session:
        manifest = releases.release_manifest(session, record.release)
    payload = statement_of(manifest, ObjectReader(context.backend, context.index))
    with context.changing(context.operation(None)) as (session, ledger):
        key = signing_keys(session)[-1][1]
        for known in _signatures(session, record.release):
            if known.key == key and is_payload_signed(payload, key, known.signature):
                return known
        made = Signature(key, sign_payload(payload, context.sealing.signer(key)))
        text = SignatureText(base64.b64encode(made.signature).decode())
        ledger.append(ReleaseSigned(record.pipeline, record.release, VerifierKeyText(key), text))
    return made


def check_signatures(context: Context, manifest: Manifest) -> list[Signature]:
    """Return the signatures of a release, all of which are right.

    Raises:
        Integrity: one is not, or is by a key that never signed this history.
    """
    with context.database.reading() as session:
        found = _signatures(session, manifest.release)
        keys = {key for _, key in signing_keys(session)}
    if not found:
        return []
    payload = statement_of(manifest, ObjectReader(context.backend, context.index))
    for one in found:
        if one.key not in keys:
            raise Integrity(f"the release is signed by {one.key.id.hex()}, a key that never signed this history")
        if not is_payload_signed(payload, one.key, one.signature):
            raise Integrity(f"the signature of the release by {one.key.id.hex()} is not right")
    return found


def envelope_of(context: Context, manifest: Manifest) -> bytes | None:
    """Return the newest signature of a release in an envelope with its statement; None where it is not signed."""
    found = check_signatures(context, manifest)
    if not found:
        return None
    payload = statement_of(manifest, ObjectReader(context.backend, context.index))
    return write_envelope(payload, found[-1].key, found[-1].signature)


def _signatures(session: Session, release: ReleaseId) -> list[Signature]:
    try:
        rows = signatures.signatures_of(session, release)
        return [Signature(VerifierKey.parse(key), base64.b64decode(signature, validate=True)) for key, signature in rows]
    except (binascii.Error, ValueError, Invalid) as error:
        raise Integrity("a signature that the catalog has is none") from error


def is_signed(session: Session, release: ReleaseId) -> bool:
    """Say whether a release is signed by a key that signs this history; the signature was checked when it was recorded."""
    keys = {str(key) for _, key in signing_keys(session)}
    return any(key in keys for key, _ in signatures.signatures_of(session, release))
