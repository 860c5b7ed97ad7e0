"""What is signed, its checkpoints, and proofs that can be checked without the registry.

prove_inclusion(context, 17)        that event 17 is in the signed history
prove_consistency(context, 12)      that the history signed at 12 events is a beginning of it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lastgood.catalog import releases, tree
from lastgood.catalog.database import Session
from lastgood.errors import Integrity, Invalid, NotFound
from lastgood.ids import LeafHash, RegistryId
from lastgood.ledger.checkpoint import Checkpoint
from lastgood.ledger.notes import VerifierKey, open_note
from lastgood.model.event import leaf_hash
from lastgood.model.merkle import consistency_proof, inclusion_proof, is_consistent, root_by_inclusion
from lastgood.registry.context import Context
from lastgood.registry.host import Host, read_host, write_host
from lastgood.registry.sealing import signing_keys


@dataclass(frozen=True, slots=True)
class LedgerState:
    """What is known of the ledger as a whole.

    Attributes:
        size: how many events there are.
        signed: how many of them the newest checkpoint is about.
        keys: from which event on, and which key signed; the last one signs now.
        host: which commands sign and witness on this host.
    """

    registry: RegistryId
    size: int
    signed: int
    note: bytes | None
    keys: Sequence[tuple[int, VerifierKey]]
    host: Host


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That an event is in a signed history (RFC 6962, section 2.1.1): with the note, all that is needed to check it."""

    index: int
    leaf: LeafHash
    event: bytes
    proof: Sequence[bytes]
    note: bytes


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """That one history is a beginning of another (RFC 6962, section 2.1.2)."""

    old: int
    proof: Sequence[bytes]
    note: bytes


def ledger_state(context: Context) -> LedgerState:
    """Return what is known of the ledger as a whole."""
    with context.database.reading() as session:
        return LedgerState(
            registry=releases.registry_id(session),
            size=tree.tree_size(session),
            signed=tree.signed_size(session),
            note=tree.latest_checkpoint(session),
            keys=signing_keys(session),
            host=read_host(context.folder),
        )


def prove_inclusion(context: Context, index: int) -> InclusionProof:
    """Prove that an event is in the newest signed history.

    Raises:
        NotFound: there is no such event there.
        Integrity: the tree is not what was signed.
    """
    with context.database.reading() as session:
        checkpoint, note = _signed(session)
        found = tree.leaves(session, index, 1)
        if not 0 <= index < checkpoint.size or not found or found[0][0] != index:
            raise NotFound(f"there is no event {index} among the {checkpoint.size} that are signed", hint="lastgood ledger show")
        document = found[0][2]
        proof = inclusion_proof(index, checkpoint.size, tree.read_nodes(session))
    leaf = leaf_hash(document)
    if root_by_inclusion(leaf, index, checkpoint.size, proof) != checkpoint.root:
        raise Integrity(f"event {index} is not what was signed", hint="lastgood verify --replay")
    return InclusionProof(index, leaf, document, proof, note)


def prove_consistency(context: Context, old: int) -> ConsistencyProof:
    """Prove that the history as it was at a size is a beginning of the newest signed one.

    Raises:
        Invalid: the size is not positive, or larger than what is signed.
        Integrity: the tree is not what was signed.
    """
    with context.database.reading() as session:
        checkpoint, note = _signed(session)
        if not 0 < old <= checkpoint.size:
            raise Invalid(f"{checkpoint.size} events are signed, so a history of {old} is no beginning of theirs")
        read = tree.read_nodes(session)
        proof = consistency_proof(old, checkpoint.size, read)
        old_root = tree.root_at(session, old)
    if not is_consistent(old, checkpoint.size, old_root, checkpoint.root, proof):
        raise Integrity("the ledger's tree is not what was signed", hint="lastgood verify --replay")
    return ConsistencyProof(old, proof, note)


def newest_checkpoint(context: Context) -> bytes:
    """Return the newest signed note.

    Raises:
        NotFound: nothing was signed yet.
    """
    with context.database.reading() as session:
        return _signed(session)[1]


def set_witness(context: Context, command: tuple[str, ...] | None) -> None:
    """Say which command of this host is told of each new checkpoint; None for none."""
    write_host(context.folder, Host(read_host(context.folder).signer, command))


def _signed(session: Session) -> tuple[Checkpoint, bytes]:
    note = tree.latest_checkpoint(session)
    if note is None:
        raise NotFound("nothing of this history is signed yet; the next change signs it")
    keys = [key for _, key in signing_keys(session)]
    return Checkpoint.parse(open_note(note, keys).text), note


def accept_history(context: Context) -> LedgerState:
    """Say, for this user's machine, that the history which is there now is the right one, whatever was seen before."""
    state = ledger_state(context)
    memory = context.sealing.memory
    memory.forget_history()
    if state.note is not None:
        memory.remember(state.note)
    return state
