"""The Merkle tree over the events: RFC 6962 (section 2.1), with its verification as RFC 9162 (section 2.1) spells it out.

A node (level, index) is the hash of the complete subtree over the leaves from `index << level` to `(index + 1) << level`;
level 0 are the leaf hashes. Complete subtrees never change, so they are kept as they come to be: appending a leaf makes
one of them on average and log₂ n at most, and every root and every proof is put together of O(log n) of them.

    >>> leaves = [hashlib.sha256(bytes([0, number])).digest() for number in range(5)]
    >>> nodes = {(0, number): leaf for number, leaf in enumerate(leaves)}
    >>> for number in range(5):
    ...     nodes.update({(level, index): node for level, index, node in completed_by(number, leaves[number], lambda *at: nodes[at])})
    >>> proof = inclusion_proof(3, 5, lambda *at: nodes[at])
    >>> root_by_inclusion(leaves[3], 3, 5, proof) == tree_root(5, lambda *at: nodes[at])
    True
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lastgood.errors import Invalid

ReadNode = Callable[[int, int], bytes]
"""Returns the hash of a complete subtree, by its level and its index there."""

EMPTY_ROOT = hashlib.sha256(b"").digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node over its two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def completed_by(index: int, leaf: bytes, read: ReadNode) -> Iterator[tuple[int, int, bytes]]:
    """Yield level, index and hash of the subtrees, but for the leaf itself, that a leaf completes by being appended.

    Args:
        index: which leaf it is, counted from 0.
        leaf: its hash.
        read: knows the subtrees that were complete before.
    """
    level, node = 0, leaf
    while index & 1:
        node = node_hash(read(level, index - 1), node)
        level, index = level + 1, index >> 1
        yield level, index, node


def tree_root(size: int, read: ReadNode) -> bytes:
    """Return the root over the first `size` leaves."""
    return _range_root(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: ReadNode) -> list[bytes]:
    """Return the proof that a leaf is in the tree over the first `size` leaves (RFC 6962, section 2.1.1).

    Raises:
        Invalid: there is no such leaf in that tree.
    """
    if not 0 <= index < size:
        raise Invalid(f"there is no event {index} among the first {size}")
    proof: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(_range_root(middle, high, read))
            high = middle
        else:
            proof.append(_range_root(low, middle, read))
            low = middle
    return proof[::-1]


def consistency_proof(old: int, new: int, read: ReadNode) -> list[bytes]:
    """Return the proof that the tree over `old` leaves is a beginning of the one over `new` (RFC 6962, section 2.1.2).

    Raises:
        Invalid: the sizes are not in that order, or one is not positive.
    """
    if not 0 < old <= new:
        raise Invalid(f"a tree of {old} events cannot be a beginning of one of {new}")
    proof: list[bytes] = []
    low, high, is_whole = 0, new, True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_range_root(middle, high, read))
            high = middle
        else:
            proof.append(_range_root(low, middle, read))
            low, is_whole = middle, False
    if not is_whole:
        proof.append(_range_root(low, high, read))
    return proof[::-1]


def root_by_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """Return the root that an inclusion proof leads to (RFC 9162, section 2.1.3.2); None where it is none for these numbers."""
    if not 0 <= index < size:
        return None
    place, last, node = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            node = node_hash(step, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, step)
        place, last = place >> 1, last >> 1
    return node if last == 0 else None


@dataclass(frozen=True, slots=True)
class _Roots:
    """What a consistency proof leads to."""

    old: bytes
    new: bytes


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether a consistency proof shows that one tree is a beginning of another (RFC 9162, section 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    roots = _roots_by_consistency(old, new, [old_root, *proof] if old & (old - 1) == 0 else list(proof))
    return roots == _Roots(old_root, new_root)


def _roots_by_consistency(old: int, new: int, steps: Sequence[bytes]) -> _Roots | None:
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    if not steps:
        return None
    old_node = new_node = steps[0]
    for step in steps[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old_node, new_node = node_hash(step, old_node), node_hash(step, new_node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new_node = node_hash(new_node, step)
        place, last = place >> 1, last >> 1
    return _Roots(old_node, new_node) if last == 0 else None


def _range_root(low: int, high: int, read: ReadNode) -> bytes:
    """Return the root over the leaves from `low` to `high`, where `low` is a multiple of the largest subtree in between."""
    nodes: list[bytes] = []
    while low < high:
        level = (high - low).bit_length() - 1
        nodes.append(read(level, low >> level))
        low += 1 << level
    root = nodes.pop()
    while nodes:
        root = node_hash(nodes.pop(), root)
    return root


def _split(size: int) -> int:
    """Return the largest power of two below a size of two or more."""
    return 1 << (size - 1).bit_length() - 1
