"""What every database of the catalog must answer about the ledger as a tree, its checkpoints and keys; part of `CatalogConformance`."""

# ruff: noqa: S101 - a suite is made of asserts

from __future__ import annotations

import pytest

from lastgood.catalog import signatures, tree
from lastgood.catalog.database import Database
from lastgood.catalog.records import stored_events
from lastgood.errors import Integrity
from lastgood.model.changes.ledger import KeySet, VerifierKeyText
from lastgood.model.changes.registry import RegistryCreated, RetentionRecorded
from lastgood.model.changes.releases import ReleaseSigned, SignatureText
from lastgood.model.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    node_hash,
    root_by_inclusion,
)
from lastgood.testing.catalog_suite import CatalogSuite
from lastgood.testing.history import BOT, REGISTRY, History

KEY = VerifierKeyText("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
OTHER_KEY = VerifierKeyText("other+00000000+AA==")
_EVENTS = 21


def _fill(database: Database) -> list[bytes]:
    history = History(database)
    history.append(RegistryCreated(REGISTRY))
    history.append(*(RetentionRecorded(BOT, {"keep_last": number}) for number in range(_EVENTS - 1)))
    return [bytes(leaf) for _, leaf, _ in stored_events(database)]


def _root(leaves: list[bytes]) -> bytes:
    """Return RFC 6962's root as its section 2.1 says it."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(_root(leaves[:half]), _root(leaves[half:]))


class LedgerConformance(CatalogSuite):
    """The tree grows with the events, proofs are put together of its nodes, and notes are kept as they were signed."""

    def test_an_empty_ledger_has_a_root(self, database: Database) -> None:
        """Nothing is signed, and no key is set."""
        with database.reading() as session:
            assert (tree.tree_size(session), tree.root_at(session, 0), tree.signed_size(session)) == (0, EMPTY_ROOT, 0)
            assert (tree.latest_checkpoint(session), tree.every_key(session), list(tree.checkpoint_notes(session))) == (None, [], [])

    def test_every_root_and_every_proof_is_right(self, database: Database) -> None:
        """At every size that the ledger ever had."""
        leaves = _fill(database)
        with database.reading() as session:
            read = tree.read_nodes(session)
            assert tree.tree_size(session) == _EVENTS
            for size in range(1, _EVENTS + 1):
                root = tree.root_at(session, size)
                assert root == _root(leaves[:size])
                for index in range(size):
                    assert root_by_inclusion(leaves[index], index, size, inclusion_proof(index, size, read)) == root
                    old = index + 1
                    assert is_consistent(old, size, _root(leaves[:old]), root, consistency_proof(old, size, read))

    def test_the_tree_keeps_one_node_an_event(self, database: Database) -> None:
        """On average: those of the complete subtrees above the leaves."""
        _fill(database)
        with database.reading() as session:
            (count,) = session.rows("SELECT count(*) FROM fact_nodes")[0]
        assert count == _EVENTS - _EVENTS.bit_count()

    def test_a_node_that_is_gone_is_damage(self, database: Database) -> None:
        """No root is put together of what is left."""
        _fill(database)
        with database.writing() as session:
            assert session.execute("DELETE FROM fact_nodes WHERE level = 4")
        with database.reading() as session, pytest.raises(Integrity, match="lacks a node over 16 events"):
            tree.root_at(session, _EVENTS)

    def test_a_checkpoint_is_kept_if_it_is_larger(self, database: Database, other: Database) -> None:
        """Of two that were signed at once the larger one stays, whichever comes first."""
        for size, note in ((3, b"three"), (2, b"two"), (3, b"three again"), (7, b"\x00seven\xff")):
            with database.writing() as session:
                tree.add_checkpoint(session, size, note)
        with other.reading() as session:
            assert list(tree.checkpoint_notes(session)) == [(3, b"three"), (7, b"\x00seven\xff")]
            assert (tree.latest_checkpoint(session), tree.signed_size(session)) == (b"\x00seven\xff", 7)

    def test_events_are_read_from_any_place(self, database: Database) -> None:
        """So many of them, in order."""
        leaves = _fill(database)
        with database.reading() as session:
            found = tree.leaves(session, 5, 3)
            assert [(sequence, leaf) for sequence, leaf, _ in found] == [(number, leaves[number]) for number in (5, 6, 7)]
            assert tree.leaves(session, _EVENTS, 3) == []

    def test_keys_and_signatures_are_found_in_order(self, database: Database) -> None:
        """A release that one key signs again has its newest signature only."""
        history = History(database)
        history.append(RegistryCreated(REGISTRY), KeySet(KEY, None, None))
        one, two = history.commit("one"), history.commit("two")
        history.append(KeySet(OTHER_KEY, None, None))
        first, second = SignatureText("A" * 86 + "=="), SignatureText("B" * 86 + "==")
        for key, signature in ((OTHER_KEY, first), (KEY, first), (OTHER_KEY, second)):
            history.append(ReleaseSigned(BOT, one.release, key, signature))
        with database.reading() as session:
            assert tree.every_key(session) == [(1, KEY), (4, OTHER_KEY)]
            assert signatures.signatures_of(session, one.release) == [(KEY, first), (OTHER_KEY, second)]
            assert signatures.signatures_of(session, two.release) == []
