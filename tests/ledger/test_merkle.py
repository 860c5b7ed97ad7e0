"""The tree is RFC 6962's: its published roots and proofs, and every proof of random trees, whole and with anything changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lastgood.errors import Invalid
from lastgood.model.merkle import (
    completed_by,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    node_hash,
    root_by_inclusion,
    tree_root,
)
from tests.model.values import effort

# The inputs, roots and proofs that Certificate Transparency's implementations test themselves with.
INPUTS = [
    bytes.fromhex(one) for one in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = {
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


class Tree:
    """The nodes of a tree, kept as the catalog keeps them, and how many of them were asked for."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.nodes = {(0, index): leaf for index, leaf in enumerate(leaves)}
        self.asked = 0
        for index, leaf in enumerate(leaves):
            for level, place, node in completed_by(index, leaf, self.read):
                self.nodes[level, place] = node
        self.asked = 0

    def read(self, level: int, index: int) -> bytes:
        self.asked += 1
        return self.nodes[level, index]


def leaf_of(data: bytes) -> bytes:
    return hashlib.sha256(b"\0" + data).digest()


def recursive_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, as it is written there."""
    if len(leaves) == 1:
        return leaves[0]
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return node_hash(recursive_root(leaves[:half]), recursive_root(leaves[half:]))


CT = Tree([leaf_of(one) for one in INPUTS])


@pytest.mark.parametrize("size", range(len(ROOTS)))
def test_roots_are_the_published_ones(size: int) -> None:
    assert tree_root(size, CT.read).hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_inclusion_proofs_are_the_published_ones(index: int, size: int) -> None:
    proof = inclusion_proof(index, size, CT.read)
    assert [step.hex() for step in proof] == INCLUSION[index, size]
    assert root_by_inclusion(CT.nodes[0, index], index, size, proof) == bytes.fromhex(ROOTS[size])


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_consistency_proofs_are_the_published_ones(old: int, new: int) -> None:
    proof = consistency_proof(old, new, CT.read)
    assert [step.hex() for step in proof] == CONSISTENCY[old, new]
    assert is_consistent(old, new, bytes.fromhex(ROOTS[old]), bytes.fromhex(ROOTS[new]), proof)


sizes = st.integers(1, 300)
seeds = st.binary(min_size=1, max_size=8)


def leaves_of(seed: bytes, size: int) -> list[bytes]:
    return [leaf_of(seed + number.to_bytes(4)) for number in range(size)]


@effort(100)
@given(seeds, sizes, st.data())
def test_every_inclusion_proof_holds_and_with_anything_changed_it_does_not(seed: bytes, size: int, data: st.DataObject) -> None:
    leaves = leaves_of(seed, size)
    tree = Tree(leaves)
    root = recursive_root(leaves)
    assert tree_root(size, tree.read) == root
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, tree.read)
    assert root_by_inclusion(leaves[index], index, size, proof) == root

    assert root_by_inclusion(flipped(leaves[index], data), index, size, proof) != root
    other = data.draw(st.integers(0, size + 3).filter(lambda one: one != index))
    assert root_by_inclusion(leaves[index], other, size, proof) != root
    for wrong in wrong_proofs(proof, data):
        assert root_by_inclusion(leaves[index], index, size, wrong) != root


@effort(100)
@given(seeds, sizes, st.data())
def test_every_consistency_proof_holds_and_with_anything_changed_it_does_not(seed: bytes, size: int, data: st.DataObject) -> None:
    leaves = leaves_of(seed, size)
    tree = Tree(leaves)
    old = data.draw(st.integers(1, size))
    old_root, root = recursive_root(leaves[:old]), recursive_root(leaves)
    proof = consistency_proof(old, size, tree.read)
    assert is_consistent(old, size, old_root, root, proof)

    assert not is_consistent(old, size, flipped(old_root, data), root, proof)
    assert not is_consistent(old, size, old_root, flipped(root, data), proof)
    for wrong in wrong_proofs(proof, data):
        assert not is_consistent(old, size, old_root, root, wrong)
    fork = [*leaves_of(seed + b"fork", old), *leaves[old:]]
    assert not is_consistent(old, size, old_root, recursive_root(fork), consistency_proof(old, size, Tree(fork).read))


def flipped(digest: bytes, data: st.DataObject) -> bytes:
    place = data.draw(st.integers(0, len(digest) * 8 - 1))
    changed = bytearray(digest)
    changed[place // 8] ^= 1 << place % 8
    return bytes(changed)


def wrong_proofs(proof: list[bytes], data: st.DataObject) -> list[list[bytes]]:
    wrong = [[*proof, leaf_of(b"more")]]
    if proof:
        place = data.draw(st.integers(0, len(proof) - 1))
        wrong += [proof[:-1], proof[1:], [*proof[:place], flipped(proof[place], data), *proof[place + 1 :]]]
    return wrong


@pytest.mark.parametrize(
    "prove", [lambda size, read: inclusion_proof(size // 3, size, read), lambda size, read: consistency_proof(size // 3, size, read)]
)
def test_a_proof_asks_for_few_nodes(prove: Callable[[int, Callable[[int, int], bytes]], list[bytes]]) -> None:
    size = 5_000
    tree = Tree(leaves_of(b"", size))
    prove(size, tree.read)
    assert tree.asked < 100


def test_an_append_completes_one_node_on_average() -> None:
    assert len(Tree(leaves_of(b"", 4_096)).nodes) == 2 * 4_096 - 1


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_of_a_leaf_that_is_not_there_nothing_is_proven(index: int, size: int) -> None:
    with pytest.raises(Invalid):
        inclusion_proof(index, size, CT.read)


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (-1, 5)])
def test_of_sizes_in_the_wrong_order_nothing_is_proven(old: int, new: int) -> None:
    with pytest.raises(Invalid):
        consistency_proof(old, new, CT.read)
    assert not is_consistent(old, new, bytes(32), bytes(32), [])
