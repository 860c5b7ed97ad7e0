"""Sealing: after each change the history up to it is signed, before anybody is told that the change stands.

The order, in words: the change commits; then the root over all events is put together, checked against the last signed
one, and signed; then the note is kept, unless a larger one is. What a crash in between leaves unsigned is a tail: the next
change checks it, event by event, and signs it together with its own. So nothing is signed that was rolled back, and what
was signed once is a beginning of all that is signed later.

The key is in a file under `.lastgood/keys`, or a command named in `.lastgood/ledger.json` holds it. Which key signs is
recorded in the ledger (`ledger.key_set`); another one in its place is refused. A registry that has none yet, since an older
version made it, gets one with its next change.

    with sealing.changing(session, ledger): ...        # inside the change's transaction
    sealing.seal(database)                              # after it
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lastgood.catalog import releases, tree
from lastgood.catalog.database import Database, Session
from lastgood.catalog.records import Appender
from lastgood.errors import Integrity, Invalid, LastgoodError, Unsealed
from lastgood.ids import RegistryId
from lastgood.ledger.checkpoint import Checkpoint, origin_of
from lastgood.ledger.notes import Signer, VerifierKey, open_note, sign_note
from lastgood.ledger.signer import CommandSigner, FileSigner, new_signer, read_key_file, write_key_file
from lastgood.model.changes.ledger import KeySet, VerifierKeyText
from lastgood.model.event import leaf_hash
from lastgood.model.merkle import completed_by, consistency_proof, is_consistent
from lastgood.model.operation import Entropy
from lastgood.registry.host import key_file, read_host
from lastgood.registry.memory import Memory
from lastgood.registry.witness import tell_witness

SEED_BYTES = 32
_PAGE = 500


@dataclass(frozen=True, slots=True)
class Sealing:
    """Signs the history of one registry.

    Attributes:
        folder: its `.lastgood` folder, where the key is.
        entropy: where the random bytes of a new key come from.
        memory: what this user's machine remembers of the history.
        warn: told what went wrong after a change stood and was signed.
    """

    folder: Path
    entropy: Entropy
    memory: Memory
    warn: Callable[[str], None]

    @contextmanager
    def changing(self, session: Session, ledger: Appender) -> Iterator[None]:
        """See to it, around a change, that it can be signed: a key that is missing or wrong stops it before it begins.

        Raises:
            NotFound, NotAllowed, Unavailable, Integrity: the key cannot be used; nothing was changed.
            Integrity: the history is not the one that this user's machine saw before; nothing was changed.
        """
        keys = signing_keys(session)
        if keys:
            self.signer(keys[-1][1])
        self._require_what_was_seen(session)
        yield
        if not keys and tree.tree_size(session):
            # Inside the transaction, so that of two who would make one the second finds it recorded.
            ledger.append(KeySet(VerifierKeyText(self.make_key(releases.registry_id(session)).key), None, None))

    def _require_what_was_seen(self, session: Session) -> None:
        # Else the next checkpoint would be remembered in the place of the one that tells what happened.
        note = self.memory.recall().note
        seen = None if note is None else _text_of(note)
        if seen is None or not seen.size or seen.origin != origin_of(releases.registry_id(session)):
            return
        size = tree.tree_size(session)
        if size >= seen.size and tree.root_at(session, seen.size) == seen.root:
            return
        what = f"has {size} events, and this machine saw {seen.size}" if size < seen.size else f"differs in its first {seen.size} events"
        raise Integrity(
            f"this is not the history that was here before: it {what}; nothing was changed",
            hint="lastgood verify says more; if it was put back on purpose: lastgood ledger accept",
        )

    def signer(self, key: VerifierKey) -> Signer:
        """Return what signs with the key that is recorded.

        Raises:
            NotFound, NotAllowed: the file of the key is not there, or may not be read.
            Integrity: it holds another key.
        """
        host = read_host(self.folder)
        if host.signer is not None:
            return CommandSigner(key, host.signer)
        path = key_file(self.folder, key)
        signer = read_key_file(path)
        if signer.key != key:
            raise Integrity(
                f"{path} holds another key than the one that signs this history; nothing was changed",
                hint="put the right key back, or record the change: lastgood ledger key --new --reason …",
            )
        return signer

    def make_key(self, registry: RegistryId) -> FileSigner:
        """Make a new private key, durable before anybody counts on it; it signs once the ledger says so.

        Raises:
            NotAllowed, StorageFull, ReadOnly, Unavailable: it cannot be kept.
        """
        signer = new_signer(origin_of(registry), self.entropy(SEED_BYTES))
        write_key_file(key_file(self.folder, signer.key), signer)
        return signer

    def seal(self, database: Database) -> None:
        """Sign the history as it is, unless that was done.

        Raises:
            Unsealed: it could not be signed; every change stands, and the next one signs it, too.
        """
        try:
            with database.reading() as session:
                signed, size = tree.latest_checkpoint(session), tree.tree_size(session)
                if signed is None and not size:
                    return
                keys = signing_keys(session)
                if not keys:
                    return
                before = None if signed is None else _read(signed, keys)
                if before is not None and before.size >= size:
                    return
                now = Checkpoint(origin_of(releases.registry_id(session)), size, _checked_root(session, before, size))
            note = sign_note(now.text(), self.signer(keys[-1][1]))
            with database.writing() as session:
                tree.add_checkpoint(session, size, note)
        except LastgoodError as error:
            raise Unsealed(
                f"the change stands, but the history could not be signed: {error.message}", hint=error.hint, details={"outcome": "stands"}
            ) from error
        self.memory.remember(note)
        try:
            tell_witness(self.folder, note)
        except LastgoodError as error:
            self.warn(error.message)


def signing_keys(session: Session) -> list[tuple[int, VerifierKey]]:
    """Return from which event on, and which key signs; the last one signs now.

    Raises:
        Integrity: what the catalog says of one is no key.
    """
    try:
        return [(sequence, VerifierKey.parse(key)) for sequence, key in tree.every_key(session)]
    except Invalid as error:
        raise Integrity(f"the catalog's keys are not what they should be: {error}") from error


def _read(note: bytes, keys: list[tuple[int, VerifierKey]]) -> Checkpoint:
    try:
        return Checkpoint.parse(open_note(note, [key for _, key in keys]).text)
    except Invalid as error:
        raise Integrity(f"the newest checkpoint is not right: {error}") from error


def _text_of(note: bytes) -> Checkpoint | None:
    """Read what this user's own machine remembers; whether its signature is right is a matter of `verify`."""
    try:
        return Checkpoint.parse(open_note(note, ()).text)
    except Invalid:
        return None


def _checked_root(session: Session, before: Checkpoint | None, size: int) -> bytes:
    """Return the root over all events, after seeing that what is new says what its hashes say, and follows what was signed.

    Raises:
        Integrity: it is not so; the history is not signed.
    """
    read = tree.read_nodes(session)
    start = 0 if before is None else before.size
    _check_tail(session, start, size)
    root = tree.root_at(session, size)
    if before is not None and before.size:
        proof = consistency_proof(before.size, size, read)
        if not is_consistent(before.size, size, before.root, root, proof):
            raise Integrity(
                f"the first {before.size} events are not those that were signed; the history is not signed any further",
                hint="lastgood verify --replay",
            )
    return root


def _check_tail(session: Session, start: int, size: int) -> None:
    read = tree.read_nodes(session)
    at = start
    while at < size:
        page = tree.leaves(session, at, _PAGE)
        for sequence, leaf, document in page:
            wrong = sequence != at or leaf_hash(document) != leaf
            if wrong or any(read(level, place) != node for level, place, node in completed_by(at, leaf, read)):
                raise Integrity(f"event {at} is not what its hash says; the history is not signed any further", hint="lastgood verify")
            at += 1
        if not page:
            raise Integrity(f"event {at} is missing; the history is not signed any further", hint="lastgood verify")
