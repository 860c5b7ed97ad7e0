"""Verifying the ledger: is the history the one that was signed, and the one that was seen before?

The events are read once, in order. On the way the tree is put together again, of which O(log n) nodes are held, and at the
size of each checkpoint its root is compared: of those kept in the registry, of one that was kept elsewhere (`--against`),
and of the last one that this user's machine saw. So the first event that is not what was signed lies between the last
checkpoint that fits and the first that does not, and these are told.

    LedgerCheck(context, against=b"…").run()  ->  LedgerFindings(problems=("event 4 is …",), …)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
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

_KEPT, _AGAINST, _SEEN = "a checkpoint of this registry", "the checkpoint given", "the last checkpoint that this machine saw"


@dataclass(frozen=True, slots=True)
class _Claim:
    """A root that somebody signed for a size, and how that is called."""

    what: str
    checkpoint: Checkpoint


@dataclass(slots=True)
class LedgerFindings:
    """What was found.

    Attributes:
        problems: what is not as it should be, in words.
        notes: what is worth knowing.
        events: how many events there are.
        texts: the erasable texts that events name.
        newest: the newest note that is right, to be remembered.
    """

    problems: list[str] = field(default_factory=list)
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
        self._claims: dict[int, list[_Claim]] = defaultdict(list)
        self._fits = 0
        self._is_broken = False
        self._peaks: list[tuple[int, bytes]] = []

    def run(self) -> LedgerFindings:
        """Read all events and compare."""
        found = self._found
        with self._context.database.reading() as session:
            keys = tree.every_key(session)
            notes = list(tree.checkpoint_notes(session))
            origin = origin_of(releases.registry_id(session))
        known = [VerifierKey.parse(key) for _, key in keys]
        self._claim_kept(notes, keys, known, origin)
        self._claim_elsewhere(known, origin)
        self._compare(0, EMPTY_ROOT)
        self._walk()
        self._miss_what_was_signed()
        self._note_tail(notes, keys)
        if not found.problems and notes:
            found.newest = notes[-1][1]
        return found

    def _claim_kept(
        self, notes: Sequence[tuple[int, bytes]], keys: Sequence[tuple[int, str]], known: list[VerifierKey], origin: str
    ) -> None:
        for size, note in notes:
            what = f"the checkpoint over {size} events"
            try:
                opened = open_note(note, known)
                checkpoint = Checkpoint.parse(opened.text)
            except (Invalid, Integrity) as error:
                self._problem(f"{what} is not right: {error}")
                continue
            signing = [key for sequence, key in keys if sequence < size][-1:]
            if checkpoint.size != size or checkpoint.origin != origin:
                self._problem(f"{what} is about {checkpoint.size} events of {checkpoint.origin}")
            elif not signing or VerifierKey.parse(signing[0]) not in opened.signed_by:
                self._problem(f"{what} is not signed by the key that the history names")
            else:
                self._claims[size].append(_Claim(_KEPT, checkpoint))

    def _claim_elsewhere(self, known: list[VerifierKey], origin: str) -> None:
        if self._against is not None:
            self._claim(_AGAINST, self._against, known, origin)
        remembered = self._context.sealing.memory.recall().note
        if remembered is not None:
            self._claim(_SEEN, remembered, known, origin)

    def _claim(self, what: str, note: bytes, known: list[VerifierKey], origin: str) -> None:
        try:
            opened = open_note(note, known)
            checkpoint = Checkpoint.parse(opened.text)
        except (Invalid, Integrity) as error:
            self._problem(f"{what} is not right: {error}")
            return
        if checkpoint.origin != origin:
            if what == _SEEN:
                self._found.notes.append(
                    f"another registry was here before, {checkpoint.origin}; what was seen of it says nothing of this one"
                )
            else:
                self._problem(f"{what} is of {checkpoint.origin}, and this is {origin}")
        elif not opened.signed_by:
            self._problem(f"{what} is signed by a key that this history does not know: the key was replaced, or the note is not ours")
        else:
            self._claims[checkpoint.size].append(_Claim(what, checkpoint))

    def _walk(self) -> None:
        key_before: VerifierKey | None = None
        for expected, (sequence, leaf, document) in enumerate(records.stored_events(self._context.database)):
            self._found.events += 1
            if sequence != expected:
                gap = f"event {expected}" if sequence == expected + 1 else f"events {expected} to {sequence - 1}"
                self._problem(f"the ledger jumps from event {expected - 1} to event {sequence}: {gap} cannot be found")
                self._is_broken = True
                return
            event = self._read(sequence, leaf, document)
            if event is not None and isinstance(event.body, KeySet):
                key_before = self._check_key(event.sequence, event.body, key_before)
            self._push(leaf_hash(document))
            if expected + 1 in self._claims:
                self._compare(expected + 1, self._root())

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

    def _check_key(self, sequence: int, body: KeySet, before: VerifierKey | None) -> VerifierKey | None:
        try:
            key = VerifierKey.parse(body.key)
        except Invalid as error:
            self._problem(f"event {sequence} sets no key: {error}")
            return before
        if before is not None and not gave_consent(before, body):
            if body.key in self._context.sealing.memory.recall().trusted:
                self._found.notes.append(f"event {sequence} replaced the signing key without the consent of the one before; you trust it")
            else:
                old, new = before.id.hex(), key.id.hex()
                self._problem(f"event {sequence} replaced the signing key {old} by {new} without its consent; {CONSENT_HINT.format(new)}")
        return key

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

    def _compare(self, size: int, root: bytes) -> None:
        for claim in self._claims.pop(size, ()):
            if claim.checkpoint.root == root:
                self._fits = size
            elif not self._is_broken:
                self._is_broken = True
                last = f"event {self._fits}" if self._fits == size - 1 else f"one of the events {self._fits} to {size - 1}"
                self._problem(f"{claim.what}, over {size} events, is of another history: {last} is the first that is not what was signed")

    def _miss_what_was_signed(self) -> None:
        size = self._found.events
        for signed, claims in sorted(self._claims.items()):
            if signed > size and not self._is_broken:
                self._is_broken = True
                there = f"and there are {size}: the history was cut off, event {size} is the first missing"
                self._problem(f"{claims[0].what} is over {signed} events, {there}")

    def _note_tail(self, notes: Sequence[tuple[int, bytes]], keys: Sequence[tuple[int, str]]) -> None:
        signed = notes[-1][0] if notes else 0
        size = self._found.events
        if keys and signed < size:
            tail = f"event {signed} is" if size == signed + 1 else f"events {signed} to {size - 1} are"
            self._found.notes.append(f"{tail} not signed yet: whoever added them was cut short; the next change signs them")

    def _problem(self, what: str) -> None:
        self._found.problems.append(what)
