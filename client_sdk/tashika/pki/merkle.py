"""Merkle trees as in Certificate Transparency (RFC 9162 2.1), over SHA-256.

Not for deciding what a leaf says, nor for signing a root. Leaves go in as hashes, so
that millions of them need no more memory than their count has bits.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from tashika.pki.errors import BadProof

HASH_BYTES = 32

# RFC 9162 2.1.1: without the first octet, a node could be passed off as a leaf.
_LEAF, _NODE = b"\x00", b"\x01"


def leaf_hash(data: bytes) -> bytes:
    """Hash one leaf."""
    return sha256(_LEAF + data).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(_NODE + left + right).digest()


class Tree:
    """A tree that grows to the right and knows its root at any size."""

    __slots__ = ("_perfect", "size")

    def __init__(self) -> None:
        self.size = 0
        self._perfect: list[bytes] = []
        """The roots of the largest perfect subtrees, from the left: one for each bit of size."""

    def add(self, leaf: bytes) -> None:
        """Append the hash of a leaf."""
        node, carried = leaf, self.size
        while carried & 1:
            node = _node_hash(self._perfect.pop(), node)
            carried >>= 1
        self._perfect.append(node)
        self.size += 1

    def root(self) -> bytes:
        """Return the hash of the whole tree; that of nothing is the hash of no octets."""
        if not self._perfect:
            return sha256().digest()
        *others, node = self._perfect
        for left in reversed(others):
            node = _node_hash(left, node)
        return node


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root over the hashes of all leaves."""
    tree = Tree()
    for each in leaves:
        tree.add(each)
    return tree.root()


def proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """Return the inclusion proof of one leaf (RFC 9162 2.1.3.1), from the leaf to the root.

    Raises BadProof where there is no such leaf. Hashes the whole tree each time.
    """
    if not 0 <= index < len(leaves):
        raise BadProof(f"a tree of {len(leaves)} leaves has none with index {index}")
    path, level = [], list(leaves)
    while len(level) > 1:
        if (sibling := index ^ 1) < len(level):
            path.append(level[sibling])
        # The last node of an odd level has no sibling and rises as it is.
        above = [_node_hash(*level[at : at + 2]) for at in range(0, len(level) - 1, 2)]
        level = above + level[len(above) * 2 :]
        index >>= 1
    return tuple(path)


def check_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the tree of this size and root has this leaf's hash at ``index``.

    RFC 9162 2.1.3.2, step by step. Raises BadProof.
    """
    if not 0 <= index < size:
        raise BadProof(f"a tree of {size} leaves has none with index {index}")
    here, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise BadProof("the proof is longer than the tree is high")
        if here & 1 or here == last:
            node = _node_hash(sibling, node)
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            node = _node_hash(node, sibling)
        here, last = here >> 1, last >> 1
    if last != 0:
        raise BadProof("the proof is shorter than the tree is high")
    if node != root:
        raise BadProof("the proof does not lead to the root")
