"""One block of a set of serial numbers: a bitmap where they are dense, else Elias-Fano.

That is the high bits of each member in unary, then the low bits as they are.
"""

from tashika.pki.errors import Malformed

BLOCK = 256
"""Members of a block: a directory of 12 octets for them costs 0.4 bit each."""

MOST_OCTETS = 130
"""Of a bitmap, and of high bits, which are fewer: with one octet before, below 1,040 bits."""

BELOW = tuple((1 << bits) - 1 for bits in range(16 * MOST_OCTETS + 1))
"""Masks, which are needed some four times in a look-up: 0.3 MB that save a sixth of its time."""

IMPOSSIBLE = "a block of serial numbers has an impossible length"


def encode_block(members: list[int]) -> bytes:
    """Write ascending members as the smaller of a bitmap and Elias-Fano."""
    first, count = members[0], len(members)
    places = [member - first for member in members]
    reach = places[-1]
    low = max((reach // count).bit_length() - 1, 0)
    if reach < count + (reach >> low) + count * low:
        return b"\0" + _bitmap(places)
    mask = (1 << low) - 1
    high = _bitmap([(place >> low) + index for index, place in enumerate(places)])
    # Joined two by two, so that no number is long before the last steps.
    lows, width, octets = [place & mask for place in places], low, count * low + 7 >> 3
    while len(lows) > 1:
        lows += [0] * (len(lows) & 1)
        lows = [one | other << width for one, other in zip(lows[::2], lows[1::2], strict=True)]
        width *= 2
    return bytes((low,)) + high + lows[0].to_bytes(octets, "little")


def _bitmap(places: list[int]) -> bytes:
    """Set the bits at these places, the last of which is the highest."""
    digits = bytearray(b"0") * (places[-1] + 1)
    for place in places:
        digits[~place] = 0x31
    return int(digits, 2).to_bytes(places[-1] + 8 >> 3, "little")


def _split(block: bytes, size: int) -> int:
    """Return where the low bits of a block begin; raises Malformed."""
    split = len(block) - (size * block[0] + 7 >> 3) if block else 0
    if not 1 < split <= MOST_OCTETS:
        raise Malformed(IMPOSSIBLE)
    return split


def decode_block(block: bytes, first: int, size: int) -> list[int]:
    """Read `size` members, the first of which is known; raises Malformed."""
    split = _split(block, size)
    low = block[0]
    digits = bin(int.from_bytes(block[1:split], "little"))[:1:-1]
    ones = [place for place, digit in enumerate(digits) if digit == "1"]
    if not low:
        return [first + place for place in ones]
    rest, mask, members = int.from_bytes(block[split:], "little"), (1 << low) - 1, list[int]()
    for index, place in enumerate(ones):
        members.append(first + ((place - index) << low | rest & mask))
        rest >>= low
    return members
