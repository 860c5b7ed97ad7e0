"""Which key signs the history: made new, handed to a command, or replaced because it was lost.

A new key is recorded by an event (`ledger.key_set`) that carries the old key's consent: a note that names the new key,
signed by the old one. Where the old key is lost there is no consent; then every `verify` on a machine on which nobody has
confirmed the new key names the change as a problem, since somebody who is not its owner could have made it, too.

    set_key(context, "the laptop was stolen", is_lost=True)
"""

from __future__ import annotations

from lastgood.catalog import releases
from lastgood.catalog.records import Appender
from lastgood.errors import Conflict, Integrity, Invalid, NotFound
from lastgood.ledger.notes import VerifierKey, open_note, sign_note
from lastgood.model.changes.ledger import KeySet, SignedNoteText, VerifierKeyText
from lastgood.registry.context import Context
from lastgood.registry.host import Host, read_host, write_host
from lastgood.registry.sealing import signing_keys

CONSENT_HINT = "if you know of it: lastgood ledger trust {}"
_CONSENT = "lastgood.key/1"


def consent_text(key: str) -> str:
    """Return what a key signs to hand over to another."""
    return f"{_CONSENT}\n{key}\n"


def gave_consent(before: VerifierKey, body: KeySet) -> bool:
    """Say whether the key before agreed to the one that an event sets."""
    if body.consent is None:
        return False
    try:
        opened = open_note(body.consent.encode(), [before])
    except (Invalid, Integrity):
        return False
    return opened.signed_by == (before,) and opened.text == consent_text(body.key)


def set_key(
    context: Context, reason: str, *, is_lost: bool = False, command: tuple[str, ...] | None = None, key: VerifierKey | None = None
) -> VerifierKey:
    """Let another key sign from now on: a new one in a file of this host, or one that a command holds.

    Args:
        context: the registry.
        reason: why.
        is_lost: the old key cannot give its consent; this machine then trusts the new one.
        command: what signs, as a list of words; `key` is then the key it signs with.
        key: the verifier key of the command.

    Raises:
        NotFound, NotAllowed, Integrity, Unavailable: the old key cannot give its consent; nothing was changed.
        Conflict: that key signs already.
    """
    with context.database.writing() as session:
        keys = signing_keys(session)
        registry = releases.registry_id(session)
        if keys and key == keys[-1][1]:
            if command is None or read_host(context.folder).signer == command:
                raise Conflict(f"{key.id.hex()} signs this history already; nothing was changed")
        else:
            ledger = Appender(session, context.operation(None), context.clock, context.entropy)
            new = key or context.sealing.make_key(registry).key
            consent = None
            if keys and not is_lost:
                consent = SignedNoteText(sign_note(consent_text(str(new)), context.sealing.signer(keys[-1][1])).decode())
            ledger.append(KeySet(VerifierKeyText(new), consent, ledger.text(reason)))
    # After the commit: a crash before this line leaves a key that the next command misses, and says how to name again.
    host = read_host(context.folder)
    if host.signer != command:
        write_host(context.folder, Host(command, host.witness))
    with context.database.reading() as session:
        current = signing_keys(session)[-1][1]
    if is_lost:
        context.sealing.memory.trust([str(current)])
    context.sealing.seal(context.database)
    return current


def trust_key(context: Context, key_id: str) -> VerifierKey:
    """Confirm, for this user's machine, a key that came without the consent of the one before.

    Raises:
        NotFound: no such key ever signed this history.
    """
    with context.database.reading() as session:
        keys = signing_keys(session)
    for _, key in keys:
        if key.id.hex() == key_id.lower():
            context.sealing.memory.trust([str(key)])
            return key
    raise NotFound(f"no key {key_id[:20]} ever signed this history", hint="lastgood ledger show")
