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
from lastgood.errors import Integrity, LastgoodError, Unsealed
from lastgood.ids import RegistryId
from lastgood.ledger.checkpoint import Checkpoint, origin_of
from lastgood.ledger.notes import Signer, VerifierKey, open_note, sign_note
from lastgood.ledger.signer import CommandSigner, FileSigner, new_signer, read_key_file, write_key_file
from lastgood.model.changes.ledger import KeySet
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
        """
        recorded = tree.current_key(session)
        if recorded is not None:
            self.signer(recorded)
        yield
        if recorded is None and tree.tree_size(session):
            # Inside the transaction, so that of two who would make one the second finds it recorded.
            ledger.append(KeySet(str(self.make_key(releases.registry_id(session)).key), None, None))

    def signer(self, recorded: str) -> Signer:
        """Return what signs with the key that is recorded.

        Raises:
            NotFound, NotAllowed: the file of the key is not there, or may not be read.
            Integrity: it holds another key.
        """
        host, key = read_host(self.folder), VerifierKey.parse(recorded)
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
                recorded = tree.current_key(session)
                if recorded is None:
                    return
                before = None if signed is None else _read(signed, tree.every_key(session))
                if before is not None and before.size >= size:
                    return
                now = Checkpoint(origin_of(releases.registry_id(session)), size, _checked_root(session, before, size))
            note = sign_note(now.text(), self.signer(recorded))
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


def _read(note: bytes, keys: list[tuple[int, str]]) -> Checkpoint:
    return Checkpoint.parse(open_note(note, [VerifierKey.parse(key) for _, key in keys]).text)


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
