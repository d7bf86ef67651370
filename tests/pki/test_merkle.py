"""Merkle trees against RFC 9162's own recursion, and what a proof must never prove."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.strategies import steady
from tashika.pki.errors import BadProof
from tashika.pki.merkle import Tree, check_proof, leaf_hash, proof, root

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
"""The leaves that Certificate Transparency's reference code has been tested with from its start."""

ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Their roots at the sizes 0 to 8."""


def mth(data: Sequence[bytes]) -> bytes:
    """MTH of RFC 9162 2.1.1, word for word."""
    if not data:
        return sha256().digest()
    if len(data) == 1:
        return sha256(b"\x00" + data[0]).digest()
    k = split(len(data))
    return sha256(b"\x01" + mth(data[:k]) + mth(data[k:])).digest()


def path(m: int, data: Sequence[bytes]) -> list[bytes]:
    """PATH of RFC 9162 2.1.3.1, word for word."""
    if len(data) == 1:
        return []
    k = split(len(data))
    if m < k:
        return [*path(m, data[:k]), mth(data[k:])]
    return [*path(m - k, data[k:]), mth(data[:k])]


def split(n: int) -> int:
    """Return the largest power of two smaller than n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def hashes(data: Sequence[bytes]) -> list[bytes]:
    return [leaf_hash(each) for each in data]


def numbered(size: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(size)]


@pytest.mark.parametrize(("size", "expected"), list(enumerate(ROOTS)))
def test_known_trees_have_known_roots(size: int, expected: str):
    assert root(hashes(LEAVES[:size])).hex() == expected


@steady
@given(st.lists(st.binary(max_size=4), max_size=70))
def test_a_root_is_the_one_of_the_rfc(data: list[bytes]):
    assert root(hashes(data)) == mth(data)


def test_a_growing_tree_knows_every_root_on_the_way():
    tree, data = Tree(), [b"%d" % number for number in range(66)]
    for size, each in enumerate(data):
        assert (tree.size, tree.root()) == (size, mth(data[:size]))
        tree.add(leaf_hash(each))


@pytest.mark.parametrize("size", [*range(1, 18), 31, 32, 33, 64, 65])
def test_every_leaf_has_the_proof_of_the_rfc_and_it_holds(size: int):
    data = [b"%d" % number for number in range(size)]
    leaves, top = hashes(data), mth(data)
    for index in range(size):
        steps = proof(leaves, index)
        assert list(steps) == path(index, data)
        check_proof(leaves[index], index, size, steps, top)


@pytest.mark.parametrize("size", range(1, 18))
def test_a_proof_holds_for_one_leaf_at_one_place_only(size: int):
    leaves = numbered(size)
    top = root(leaves)
    for index in range(size):
        steps = proof(leaves, index)
        for other in range(-1, size + 2):
            if other != index:
                with pytest.raises(BadProof):
                    check_proof(leaves[index], other, size, steps, top)
        with pytest.raises(BadProof):
            check_proof(leaf_hash(b"another"), index, size, steps, top)


@steady
@given(st.data(), st.integers(1, 40))
def test_a_proof_that_was_touched_proves_nothing(data: st.DataObject, size: int):
    leaves = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    steps = list(proof(leaves, index))
    match data.draw(st.sampled_from(["longer", "shorter", "turned", "altered"])):
        case "longer":
            steps.insert(data.draw(st.integers(0, len(steps))), leaf_hash(b"more"))
        case "shorter" if steps:
            steps.pop(data.draw(st.integers(0, len(steps) - 1)))
        case "turned" if len(set(steps)) > 1:
            steps.reverse()
        case _:
            steps[-1:] = [leaf_hash(b"other")]
    with pytest.raises(BadProof):
        check_proof(leaves[index], index, size, steps, root(leaves))


@steady
@given(st.binary(min_size=32, max_size=32), st.integers(), st.integers(), st.lists(st.binary()))
def test_nothing_but_bad_proof_escapes(leaf: bytes, index: int, size: int, steps: list[bytes]):
    with pytest.raises(BadProof):
        check_proof(leaf, index, size, steps, bytes(32))


def test_a_node_cannot_be_passed_off_as_a_leaf():
    left, right = numbered(2)
    assert leaf_hash(left + right) != root([left, right])


@pytest.mark.parametrize(("size", "index"), [(0, 0), (3, 3), (3, -1)])
def test_there_is_no_proof_for_a_leaf_that_is_not_there(size: int, index: int):
    with pytest.raises(BadProof):
        proof(numbered(size), index)


def test_two_leaves_that_change_places_change_the_root():
    first, second, third = numbered(3)
    assert len({root([first, second, third]), root([second, first, third])}) == 2
