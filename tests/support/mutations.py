"""Valid DER made wrong in the ways that attackers and bugs make it wrong.

Seeded: the same seed and bytes give the same mutant, so that a failure can be
run again.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

from tashika.pki import der
from tashika.pki.errors import Malformed

_TAGS = (*range(0x20), 0x24, 0x30, 0x31, *range(0x80, 0x89), *range(0xA0, 0xA9), 0xFF)
_CONTENTS = (
    b"",
    b"\x00",
    b"\x01",
    b"\x80",
    b"\xff",
    b"\x00\x00",
    b"\x00\x7f",
    b"\xff\xff",
    b"\x7f" + b"\xff" * 31,
    b"\x00" + b"\xff" * 32,
    b"\x7f" * 2500,  # more digits than Python turns into text
    b"\x81" * 60 + b"\x01",
    b"000229000000Z",
    b"19000229000000Z",
    b"99991231235959Z",
    b"20260401000000.5Z",
    b"00000000000000Z",
)
_LENGTHS = (b"\x80", b"\x81\x00", b"\x82\x00\x01", b"\x84\xff\xff\xff\xff", b"\x85\x01", b"\xff")
_MAX_NESTING = 600


@dataclass(slots=True)
class Node:
    """One element: octet strings that hold an element are opened too."""

    tag: bytes
    content: bytes = b""
    children: list["Node"] = field(default_factory=list)
    length: bytes | None = None
    """What to write for the length instead of the truth."""

    def encode(self) -> bytes:
        content = self.content
        if self.children:
            content = b"".join([child.encode() for child in self.children]) + content
        if self.length is None:
            return self.tag + der.wrap(der.SEQUENCE, content)[1:]
        return self.tag + self.length + content

    def walk(self) -> list["Node"]:
        found = [self]
        for child in self.children:
            found += child.walk()
        return found

    def copy(self) -> "Node":
        return Node(self.tag, self.content, [child.copy() for child in self.children])


def plant(data: bytes) -> Node:
    """Read one whole element as a tree."""
    return _seedling(data).copy()


def _read(data: bytes) -> Node:
    tag, start, stop = der.tlv(data, 0, len(data))
    content = data[start:stop]
    if stop != len(data):
        raise Malformed("not one element")
    if tag & 0x20:
        return Node(data[:1], children=list(_siblings(content)))
    if tag == der.OCTET_STRING:
        try:
            return Node(data[:1], children=[_read(content)])
        except Malformed:
            pass
    return Node(data[:1], content)


def _siblings(content: bytes) -> Iterator[Node]:
    reader = der.Reader(content)
    while reader.more:
        yield _read(reader.element())


_seedling = lru_cache(maxsize=16)(_read)
"""Most are mutated hundreds of times."""


def mutants(data: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Yield `count` wrong relatives of a valid structure."""
    random = Random(seed)
    for _ in range(count):
        yield mutate(data, random)


def mutate(data: bytes, random: Random) -> bytes:
    """Make one to three changes, to the tree or to the bytes."""
    if random.random() < 0.3:
        return _damage(data, random)
    root = plant(data)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        node = random.choice(root.walk())
        random.choice(_CHANGES)(node, random)
    return root.encode()


def _damage(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data))
    until = at + random.randrange(8)
    return random.choice(
        (
            data[:at],
            data[at:],
            data[:at] + data[until:],
            data[:at] + random.randbytes(1) + data[at + 1 :],
            data[:at] + bytes((data[at] ^ 1 << random.randrange(8),)) + data[at + 1 :],
            data[:at] + random.randbytes(3) + data[at:],
            data + random.randbytes(1 + random.randrange(3)),
        )
    )


def _retag(node: Node, random: Random) -> None:
    node.tag = random.choice((bytes((random.choice(_TAGS),)), b"\x3f\x81\x01", b"\x1f\x02"))


def _lie(node: Node, random: Random) -> None:
    long_form = b"\x81" + bytes((len(node.content) & 0x7F,))
    node.length = random.choice((*_LENGTHS, long_form, random.randbytes(1)))


def _refill(node: Node, random: Random) -> None:
    node.children, node.content = [], random.choice((*_CONTENTS, random.randbytes(5)))


def _append(node: Node, random: Random) -> None:
    node.content += random.choice((b"\x00", b"\x05\x00", b"\x30\x00", random.randbytes(3)))


def _nest(node: Node, random: Random) -> None:
    tag = random.choice((b"\x30", b"\xa0", b"\x04", node.tag))
    for _ in range(random.choice((1, 2, _MAX_NESTING))):
        # By the bytes: a tree of that depth could not be walked.
        node.content, node.children = Node(tag, node.content, node.children).encode(), []


def _repeat(node: Node, random: Random) -> None:
    if node.children:
        node.children += [random.choice(node.children)] * random.choice((1, 2, 40))


def _drop(node: Node, random: Random) -> None:
    if node.children:
        node.children.remove(random.choice(node.children))


def _shuffle(node: Node, random: Random) -> None:
    random.shuffle(node.children)


def _transplant(node: Node, random: Random) -> None:
    if node.children:
        donor = random.choice(node.walk()).encode()
        node.children, node.content = [], donor + node.content


_CHANGES: tuple[Callable[[Node, Random], None], ...] = (
    _retag,
    _lie,
    _refill,
    _append,
    _nest,
    _repeat,
    _drop,
    _shuffle,
    _transplant,
)


def broken_off(data: bytes) -> list[bytes]:
    """Return every beginning of a structure that is shorter than it."""
    return [data[:end] for end in range(len(data))]


def with_trailing_bytes(data: bytes) -> list[bytes]:
    """Append an empty UTF8String inside each element that has children, and after the whole."""
    found = [data + b"\x00"]
    for place in range(len(plant(data).walk())):
        root = plant(data)
        node = root.walk()[place]
        if node.children:
            node.content = b"\x0c\x00"
            found.append(root.encode())
    return found
