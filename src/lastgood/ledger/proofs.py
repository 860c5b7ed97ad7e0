"""Checking a proof without a registry: what `lastgood ledger prove` wrote, against a key that the reader trusts.

    {"schema": "lastgood.proof/1", "kind": "inclusion", "index": 17, "event": BASE64, …}
    {"schema": "lastgood.proof/1", "kind": "consistency", "old": 12, …}

Both go on with `"proof": [HEX, …], "checkpoint": NOTE, "keys": [KEY, …]`.

The keys in a proof are those that the registry named; whoever trusts only one that came another way names it, and then a
checkpoint that this key did not sign proves nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass

from lastgood.canonical import JsonObject, parse_json_object
from lastgood.errors import Integrity, Invalid
from lastgood.ids import DIGEST_BYTES
from lastgood.ledger.checkpoint import Checkpoint
from lastgood.ledger.notes import VerifierKey, open_note
from lastgood.model.event import leaf_hash, read_event
from lastgood.model.fields import Fields
from lastgood.model.merkle import is_consistent, root_by_inclusion
from lastgood.model.release import check_schema

SCHEMA = "lastgood.proof/1"
LONGEST_PROOF = 128


def inclusion_document(index: int, event: bytes, proof: Sequence[bytes], note: bytes, keys: Sequence[str]) -> JsonObject:
    """Return a proof that an event is in a signed history."""
    return {
        "schema": SCHEMA,
        "kind": "inclusion",
        "index": index,
        "event": base64.b64encode(event).decode(),
        "proof": [step.hex() for step in proof],
        "checkpoint": note.decode(),
        "keys": list(keys),
    }


def consistency_document(old: int, proof: Sequence[bytes], note: bytes, keys: Sequence[str]) -> JsonObject:
    """Return a proof that a signed history goes on from what it was at a size."""
    return {
        "schema": SCHEMA,
        "kind": "consistency",
        "old": old,
        "proof": [step.hex() for step in proof],
        "checkpoint": note.decode(),
        "keys": list(keys),
    }


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof shows.

    Attributes:
        kind: `inclusion` or `consistency`.
        size: how many events the signed history has.
        event: the number of the event; None where none is proven.
        words: the same for people.
        origin: whose history it is, as its checkpoint says.
        document: the bytes of the event.
    """

    kind: str
    size: int
    event: int | None
    words: str
    origin: str
    document: bytes | None = None


def check_proof(document: bytes, trusted: Sequence[str], old: bytes | None) -> Proven:
    """Check a proof.

    Args:
        document: the proof.
        trusted: verifier keys that the reader knows; none means those that the proof itself names.
        old: the checkpoint that the history is said to go on from, where the proof is one of consistency.

    Raises:
        Invalid: it is no proof, or the old checkpoint is missing.
        Integrity: it is one, and proves nothing.
    """
    fields = Fields(parse_json_object(document), "a proof")
    check_schema(fields.text("schema"), SCHEMA)
    keys = [VerifierKey.parse(key) for key in trusted or fields.texts("keys")]
    checkpoint = _signed(fields.text("checkpoint").encode(), keys, "the proof's checkpoint")
    steps = [_step(text) for text in fields.texts("proof")]
    if len(steps) > LONGEST_PROOF:
        raise Invalid(f"a proof has at most {LONGEST_PROOF} steps")
    kind = fields.text("kind")
    if kind == "inclusion":
        return _inclusion(fields, checkpoint, steps)
    if kind == "consistency":
        return _consistency(fields, checkpoint, steps, keys, old)
    raise Invalid(f"a proof is of inclusion or of consistency, not of {kind[:40]!r}")


def _inclusion(fields: Fields, checkpoint: Checkpoint, steps: Sequence[bytes]) -> Proven:
    index = _number(fields, "index")
    try:
        event = base64.b64decode(fields.text("event"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("the event of the proof is not base64") from error
    if root_by_inclusion(leaf_hash(event), index, checkpoint.size, steps) != checkpoint.root:
        raise Integrity(f"the proof is wrong: its event is not number {index} of the signed history", hint="get the proof again")
    read = read_event(event)
    if read.sequence != index:
        raise Integrity(f"the proof is wrong: its event says it is number {read.sequence}")
    words = f"event {index} ({read.body.type}) is in the history of {checkpoint.origin}, signed over {checkpoint.size} events"
    return Proven("inclusion", checkpoint.size, index, words, checkpoint.origin, event)


def _consistency(fields: Fields, checkpoint: Checkpoint, steps: Sequence[bytes], keys: Sequence[VerifierKey], old: bytes | None) -> Proven:
    if old is None:
        raise Invalid("the old checkpoint is needed to check this proof", hint="lastgood ledger check PROOF --against FILE")
    before = _signed(old, keys, "the old checkpoint")
    size = _number(fields, "old")
    if before.size != size or before.origin != checkpoint.origin:
        raise Integrity(
            f"the proof is about {size} events of {checkpoint.origin}, the old checkpoint about {before.size} of {before.origin}"
        )
    if not is_consistent(size, checkpoint.size, before.root, checkpoint.root, steps):
        raise Integrity(f"the proof is wrong: the first {size} events are not those of the old checkpoint")
    words = f"the history of {checkpoint.origin} only grew, from {size} to {checkpoint.size} events"
    return Proven("consistency", checkpoint.size, None, words, checkpoint.origin)


def _signed(note: bytes, keys: Sequence[VerifierKey], what: str) -> Checkpoint:
    opened = open_note(note, keys)
    if not opened.signed_by:
        raise Integrity(f"{what} is not signed by a key that is trusted")
    return Checkpoint.parse(opened.text)


def _number(fields: Fields, name: str) -> int:
    value = fields.optional_int(name)
    if value is None:
        raise Invalid(f"the proof lacks the number {name!r}")
    return value


def _step(text: str) -> bytes:
    try:
        step = bytes.fromhex(text)
    except ValueError:
        step = b""
    if len(step) != DIGEST_BYTES:
        raise Invalid(f"{text[:80]!r} is no step of a proof: it has to be {DIGEST_BYTES} bytes in hex")
    return step
