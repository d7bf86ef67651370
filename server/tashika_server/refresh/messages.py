"""What the refresher and the confined process that reads a CRL for it say to each other.

Three messages, JSON, each one packet: the head, the order to go on, and how it ended. Only
what the confined process needs is imported here; strict reading of its words is `hearing`'s.
"""

import json
from dataclasses import asdict, dataclass

from tashika.pki.crl_head import CrlHead

__all__ = ["MAX_MESSAGE_BYTES", "Order", "ended", "head_message", "read_order", "refusal"]

MAX_MESSAGE_BYTES = 192 * 1024
"""A head of 64 KiB in hexadecimal; a socket takes 208 KiB at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """How the entries are to be read; times are seconds since 1970."""

    begin: int
    end: int
    """No entry may be dated outside of these two."""
    max_entries: int
    is_delta: bool
    other_issuer: str | None
    """Of an indirect CRL, the DER Name in hexadecimal whose entries alone are wanted."""

    def message(self) -> bytes:
        """Write it."""
        return json.dumps(asdict(self)).encode()


def read_order(message: bytes) -> Order:
    """Read an order; it comes from the refresher and is trusted."""
    return Order(**json.loads(message))


def head_message(head: CrlHead) -> bytes:
    """Write the head of a CRL."""
    said = asdict(head) | {
        "issuer_name": head.issuer_name.hex(),
        "authority_key_id": None if head.authority_key_id is None else head.authority_key_id.hex(),
        "this_update": int(head.this_update.timestamp()),
        "next_update": None if head.next_update is None else int(head.next_update.timestamp()),
        "listed": [head.listed.start, head.listed.stop],
    }
    return json.dumps({"head": said}).encode()


def ended(entries: int, *, in_spare: bool) -> bytes:
    """Write that all went well: how many records there are, and in which of the two files."""
    return json.dumps({"ended": {"entries": entries, "in_spare": in_spare}}).encode()


def refusal(check: str, detail: str) -> bytes:
    """Write why this CRL cannot be taken in."""
    return json.dumps({"refused": {"check": check, "detail": detail}}).encode()
