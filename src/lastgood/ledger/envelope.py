"""Envelopes (https://github.com/secure-systems-lab/dsse, version 1): a payload, its type, and who signed both.

A release is signed as an in-toto Statement (https://in-toto.io/Statement/v1) about its manifest and every file of it, so
that `cosign`, `in-toto` and the like can check it without knowing lastgood.

    >>> pre_authentication("a/b", b"hello")
    b'DSSEv1 3 a/b 5 hello'
"""

from __future__ import annotations

import base64
import binascii

from lastgood.canonical import Json, canonical_json, parse_json_object
from lastgood.errors import Integrity, Invalid
from lastgood.ledger.notes import SIGNATURE_BYTES, Signer, VerifierKey, is_signed_by
from lastgood.model.fields import Fields

STATEMENT = "application/vnd.in-toto+json"


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed: no other payload and no other type has the same."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign_payload(payload: bytes, signer: Signer) -> bytes:
    """Return the signature of a statement.

    Raises:
        Integrity: what the signer gave is not its signature.
    """
    message = pre_authentication(STATEMENT, payload)
    signature = signer.sign(message)
    if not is_signed_by(signer.key, message, signature):
        raise Integrity(f"the signer of {signer.key.name} gave a signature that its key does not confirm")
    return signature


def is_payload_signed(payload: bytes, key: VerifierKey, signature: bytes) -> bool:
    """Say whether a signature of a statement is right."""
    return len(signature) == SIGNATURE_BYTES and is_signed_by(key, pre_authentication(STATEMENT, payload), signature)


def write_envelope(payload: bytes, key: VerifierKey, signature: bytes) -> bytes:
    """Write the envelope of a signed statement."""
    signed: Json = {"keyid": str(key), "sig": base64.b64encode(signature).decode()}
    return canonical_json({"payloadType": STATEMENT, "payload": base64.b64encode(payload).decode(), "signatures": [signed]})


def read_envelope(document: bytes) -> tuple[bytes, VerifierKey, bytes]:
    """Return payload, key and signature of an envelope with one signature; whether that is right has to be asked.

    Raises:
        Invalid: it is no such envelope.
    """
    fields = Fields(parse_json_object(document), "an envelope")
    signatures = fields.value("signatures")
    if fields.text("payloadType") != STATEMENT or not isinstance(signatures, list) or len(signatures) != 1:
        raise Invalid("an envelope holds one statement of in-toto, with one signature")
    signed = Fields(signatures[0], "a signature")
    try:
        payload, signature = (base64.b64decode(one, validate=True) for one in (fields.text("payload"), signed.text("sig")))
    except (binascii.Error, ValueError) as error:
        raise Invalid("an envelope is not in base64") from error
    return payload, VerifierKey.parse(signed.text("keyid")), signature
