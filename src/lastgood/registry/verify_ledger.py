"""Verifying the ledger: is the history the one that was signed, and the one that was seen before?

The events are read once, in order. On the way the tree is put together again, of which O(log n) nodes are held, and at the
size of each checkpoint its root is compared: of those kept in the registry, of one that was kept elsewhere (`--against`),
and of the last one that this user's machine saw. So the first event that is not what was signed lies between the last
checkpoint that fits and the first that does not, and these are told.

    LedgerCheck(context, against=b"…").run()  ->  LedgerFindings(problems=["event 4 is …"], …)
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from lastgood.catalog import records, releases, tree
from lastgood.errors import Integrity, Invalid, LastgoodError, NewerSchema
from lastgood.ids import LeafHash, TextDigest
from lastgood.ledger.checkpoint import Checkpoint, origin_of
from lastgood.ledger.notes import VerifierKey, open_note
from lastgood.model.changes.ledger import KeySet
from lastgood.model.event import Event, leaf_hash, read_event, texts_of
from lastgood.model.merkle import EMPTY_ROOT, node_hash
from lastgood.registry.context import Context
from lastgood.registry.ledger_keys import CONSENT_HINT, gave_consent


@dataclass(frozen=True, slots=True)
class _Claim:
    """A note that says what the history was: how it is called, and what it says."""

    what: str
    note: bytes
    checkpoint: Checkpoint


@dataclass(slots=True)
class LedgerFindings:
    """What was found.

    Attributes:
        problems: what is not as it should be, in words.
        unconfirmed: those of the problems that are keys which came without consent.
        notes: what is worth knowing.
        events: how many events there are.
        texts: the erasable texts that events name.
        newest: the newest note that is right, to be remembered.
    """

    problems: list[str] = field(default_factory=list)
    unconfirmed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    events: int = 0
    texts: set[TextDigest] = field(default_factory=set)
    newest: bytes | None = None


class LedgerCheck:
    """One pass over the events.

    Args:
        context: the registry.
        against: a signed note that was kept elsewhere.
    """

    def __init__(self, context: Context, against: bytes | None = None) -> None:
        self._context = context
        self._against = against
        self._found = LedgerFindings()
        self._keys: list[tuple[int, VerifierKey]] = []
        self._roots: dict[int, bytes] = {0: EMPTY_ROOT}
        self._peaks: list[tuple[int, bytes]] = []

    def run(self) -> LedgerFindings:
        """Read all events and compare."""
        with self._context.database.reading() as session:
            notes = list(tree.checkpoint_notes(session))
            origin = origin_of(releases.registry_id(session))
        kept = [claim for size, note in notes if (claim := self._read_kept(size, note, origin)) is not None]
        elsewhere = self._read_elsewhere(origin)
        self._walk({claim.checkpoint.size for claim in (*kept, *elsewhere)})
        believed = [claim for claim in kept if self._is_signed(claim)] + [claim for claim in elsewhere if self._is_signed_by_any(claim)]
        self._compare(sorted(believed, key=lambda claim: claim.checkpoint.size))
        self._note_tail(notes)
        if not self._found.problems and notes:
            self._found.newest = notes[-1][1]
        return self._found

    def _read_kept(self, size: int, note: bytes, origin: str) -> _Claim | None:
        what = f"the checkpoint over {size} events"
        claim = self._claim(what, note)
        if claim is not None and (claim.checkpoint.size, claim.checkpoint.origin) != (size, origin):
            self._problem(f"{what} is about {claim.checkpoint.size} events of {claim.checkpoint.origin}")
            return None
        return claim

    def _read_elsewhere(self, origin: str) -> list[_Claim]:
        claims: list[_Claim] = []
        given = None if self._against is None else self._claim("the checkpoint given", self._against)
        if given is not None and given.checkpoint.origin != origin:
            self._problem(f"{given.what} is of {given.checkpoint.origin}, and this is {origin}")
        elif given is not None:
            claims.append(given)
        remembered = self._context.sealing.memory.recall().note
        seen = None if remembered is None else self._claim("the last checkpoint that this machine saw", remembered)
        if seen is not None and seen.checkpoint.origin != origin:
            self._found.notes.append(f"another registry was here before, {seen.checkpoint.origin}; that says nothing of this one")
        elif seen is not None:
            claims.append(seen)
        return claims

    def _claim(self, what: str, note: bytes) -> _Claim | None:
        try:
            return _Claim(what, note, Checkpoint.parse(open_note(note, ()).text))
        except Invalid as error:
            self._problem(f"{what} is not right: {error}")
            return None

    def _is_signed(self, claim: _Claim) -> bool:
        """Say whether a checkpoint of this registry is signed by the key that signed at its size."""
        signing = [key for sequence, key in self._keys if sequence < claim.checkpoint.size][-1:]
        return self._check_signature(claim, signing, "is not signed by the key that the history names")

    def _is_signed_by_any(self, claim: _Claim) -> bool:
        keys = [key for _, key in self._keys]
        return self._check_signature(claim, keys, "is signed by a key that this history does not know: the key was replaced")

    def _check_signature(self, claim: _Claim, keys: Sequence[VerifierKey], otherwise: str) -> bool:
        try:
            if open_note(claim.note, keys).signed_by:
                return True
            self._problem(f"{claim.what} {otherwise}")
        except Integrity as error:
            self._problem(f"{claim.what} is not right: {error}")
        return False

    def _walk(self, sizes: AbstractSet[int]) -> None:
        for expected, (sequence, leaf, document) in enumerate(records.stored_events(self._context.database)):
            if sequence != expected:
                gap = f"event {expected}" if sequence == expected + 1 else f"events {expected} to {sequence - 1}"
                self._problem(f"the ledger jumps from event {expected - 1} to event {sequence}: {gap} cannot be found")
                return
            self._found.events += 1
            event = self._read(sequence, leaf, document)
            if event is not None and isinstance(event.body, KeySet):
                self._check_key(event.sequence, event.body)
            self._push(leaf_hash(document))
            if self._found.events in sizes:
                self._roots[self._found.events] = self._root()

    def _read(self, sequence: int, leaf: LeafHash, document: bytes) -> Event | None:
        if leaf != leaf_hash(document):
            self._problem(f"event {sequence} is not what its leaf hash says")
            return None
        try:
            event = read_event(document)
        except NewerSchema:
            raise
        except LastgoodError as error:
            self._problem(f"event {sequence} cannot be read: {error}")
            return None
        if event.sequence != sequence:
            self._problem(f"event {sequence} says it is event {event.sequence}")
        self._found.texts.update(texts_of(event))
        return event

    def _check_key(self, sequence: int, body: KeySet) -> None:
        try:
            key = VerifierKey.parse(body.key)
        except Invalid as error:
            self._problem(f"event {sequence} sets no key: {error}")
            return
        if self._keys and not gave_consent(self._keys[-1][1], body):
            old, new = self._keys[-1][1].id.hex(), key.id.hex()
            if str(key) in self._context.sealing.memory.recall().trusted:
                self._found.notes.append(f"event {sequence} replaced the signing key {old} by {new} without its consent; you trust it")
            else:
                what = f"event {sequence} replaced the signing key {old} by {new} without its consent; {CONSENT_HINT.format(new)}"
                self._found.unconfirmed.append(what)
                self._problem(what)
        self._keys.append((sequence, key))

    def _push(self, leaf: bytes) -> None:
        """Add a leaf to the complete subtrees that the events so far make, of which there are log₂ n at most."""
        level, node = 0, leaf
        while self._peaks and self._peaks[-1][0] == level:
            node = node_hash(self._peaks.pop()[1], node)
            level += 1
        self._peaks.append((level, node))

    def _root(self) -> bytes:
        root = self._peaks[-1][1]
        for _, node in self._peaks[-2::-1]:
            root = node_hash(node, root)
        return root

    def _compare(self, claims: Sequence[_Claim]) -> None:
        """Name the first event that is not what was signed: it lies behind the last checkpoint that fits."""
        fits = 0
        for claim in claims:
            size = claim.checkpoint.size
            root = self._roots.get(size)
            if root == claim.checkpoint.root:
                fits = size
                continue
            if root is None:
                first = self._found.events
                self._problem(f"{_over(claim)} is too long, {first} are there: the history was cut off, event {first} is missing")
            else:
                last = f"event {fits}" if fits == size - 1 else f"one of the events {fits} to {size - 1}"
                self._problem(f"{_over(claim)} is of another history: {last} is the first that is not what was signed")
            return

    def _note_tail(self, notes: Sequence[tuple[int, bytes]]) -> None:
        signed = notes[-1][0] if notes else 0
        size = self._found.events
        if self._keys and signed < size:
            tail = f"event {signed} is" if size == signed + 1 else f"events {signed} to {size - 1} are"
            self._found.notes.append(f"{tail} not signed yet: whoever added them was cut short; the next change signs them")

    def _problem(self, what: str) -> None:
        self._found.problems.append(what)


def _over(claim: _Claim) -> str:
    return claim.what if "over" in claim.what else f"{claim.what}, over {claim.checkpoint.size} events,"
