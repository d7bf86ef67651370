"""The ledger as docs/ledger.md describes it, written a second time: for checks, and for forgers.

Knows nothing of the server. Where the two differ, one of them is not what the page says.
"""

import json
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

NOTHING = "00" * 32
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}

Line = dict[str, Any]


def text_of(value: str | int | None) -> str:
    """Write one member."""
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value)
    signs = (_SHORT.get(each) or (f"\\u{ord(each):04x}" if each < " " else each) for each in value)
    return '"' + "".join(signs) + '"'


def octets_of(line: Line) -> bytes:
    """Write one line, without its LF."""
    members = (f'"{name}":{text_of(line[name])}' for name in sorted(line))
    return ("{" + ",".join(members) + "}").encode()


def digest_of(line: Line) -> str:
    return sha256(octets_of(line)).hexdigest()


def tree_hash(leaves: Sequence[str]) -> str:
    """RFC 9162 2.1.1, as it is defined there."""
    return _tree_hash([bytes.fromhex(each) for each in leaves]).hex()


def _tree_hash(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return sha256().digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + _tree_hash(leaves[:half]) + _tree_hash(leaves[half:])).digest()


def read(export: Iterable[bytes]) -> list[Line]:
    return [json.loads(each) for each in export]


def write(lines: Iterable[Line]) -> list[bytes]:
    """Write an export; its last line is made to fit."""
    *body, end = list(lines)
    octets = [octets_of(each) + b"\n" for each in body]
    kinds = [each["kind"] for each in body]
    counts = {"entries": kinds.count("entry"), "roots": kinds.count("root")}
    fitting = {**end, **counts, "digest": sha256(b"".join(octets)).hexdigest()}
    return [*octets, octets_of(fitting) + b"\n"]


def demand_sound(export: Iterable[bytes]) -> None:
    """Verify a whole ledger by the page alone."""
    export = list(export)
    head = previous_root = NOTHING
    number, leaves = 0, []
    beginning, *body, end = read(export)
    assert beginning == {
        "kind": "ledger",
        "format": "tashika-ledger/1",
        "first": 1,
        "previous": NOTHING,
        "previous_root": NOTHING,
    }
    for line, octets in zip(body, export[1:-1], strict=True):
        assert octets == octets_of(line) + b"\n"
        if line["kind"] == "entry":
            number += 1
            assert (line["number"], line["previous"]) == (number, head)
            head = digest_of(line)
            leaves.append(head)
        else:
            place = (number - len(leaves) + 1, number, previous_root)
            assert (line["first"], line["last"], line["previous"]) == place
            assert line["root"] == tree_hash(leaves)
            _demand_signed(line)
            previous_root, leaves = digest_of(line), []
    assert export[-1] == write([beginning, *body, end])[-1]


def _demand_signed(root: Line) -> None:
    unsigned = {name: value for name, value in root.items() if name != "signature"}
    key = load_der_public_key(bytes.fromhex(root["key"]))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(bytes.fromhex(root["signature"]), octets_of(unsigned), ec.ECDSA(hashes.SHA256()))


def written_anew(lines: Sequence[Line], key: ec.EllipticCurvePrivateKey) -> list[bytes]:
    """Make lines fit each other again, from the first to the last, and sign them with a key."""
    beginning, *body, end = lines
    head, previous_root, done, leaves = beginning["previous"], beginning["previous_root"], 0, []
    for line in body:
        if line["kind"] == "entry":
            line |= {"previous": head, "number": done + len(leaves) + 1}
            head = digest_of(line)
            leaves.append(head)
        else:
            line |= {"first": done + 1, "last": done + len(leaves), "root": tree_hash(leaves)}
            sign(line | {"previous": previous_root}, key, into=line)
            previous_root, done, leaves = digest_of(line), done + len(leaves), []
    return write([beginning, *body, end])


def sign(root: Line, key: ec.EllipticCurvePrivateKey, *, into: Line) -> None:
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    unsigned = {**root, "key": spki.hex()}
    unsigned.pop("signature", None)
    signature = key.sign(octets_of(unsigned), ec.ECDSA(hashes.SHA256()))
    into |= {**unsigned, "signature": signature.hex()}
