"""Files that the refresher holds back and two persons let through (T16).

A release is of one file, by its SHA-256, and of no other: the next file of the same partition
is measured as any. The proposal is the record; who may propose and approve is `proposals`.
"""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tashika_server.agreements.errors import BadScope
from tashika_server.agreements.wording import worded
from tashika_server.book import Change
from tashika_server.book import tables as t
from tashika_server.policy import Guarded

__all__ = ["Release", "Released", "release_file", "released_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """An order to take in a file that goes beyond the issuer's bounds."""

    sha256: str
    """Of the file, in hexadecimal."""
    issuer: str
    partition: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A file that may be taken in."""

    sha256: str
    issuer: str
    partition: str
    reason: str


def release_file(change: Change, order: Release) -> Released:
    """Let one file through; BadScope unless it is named by its digest."""
    if not re.fullmatch(r"[0-9a-f]{64}", order.sha256):
        raise BadScope(
            f'"{order.sha256}" is no SHA-256',
            rule="a file is released by its SHA-256, in 64 hexadecimal digits",
            remedy="`tashika-server index held` lists the files that wait",
        )
    done = Released(
        sha256=order.sha256,
        issuer=order.issuer,
        partition=order.partition,
        reason=worded(order.reason, "reason"),
    )
    change.record("crl.release", f"crl {order.sha256}", before=None, after=done)
    return done


def released_files(connection: Connection) -> frozenset[str]:
    """Return the SHA-256 of every file that was ever released."""
    approved = select(t.proposal.c.payload).where(
        t.proposal.c.action == Guarded.RELEASE, t.proposal.c.state == "approved"
    )
    return frozenset(payload["sha256"] for payload in connection.scalars(approved))
