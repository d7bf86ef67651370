"""The checks of a CRL's head, of which `accept` has the numbered list.

Each raises NotTaken with the check's name. Not for its entries, nor for its differences.
"""

import hashlib
import os
from datetime import datetime, timedelta
from functools import partial
from typing import BinaryIO

from cryptography import x509
from cryptography.x509 import Certificate

from tashika.pki.algorithms import digest, read_algorithm, verify_digest
from tashika.pki.certid import IssuerIdentity
from tashika.pki.crl_head import CrlHead, Scope, read_frame
from tashika.pki.errors import PkiError
from tashika.pki.names import same_name
from tashika_server.index import Mark
from tashika_server.issuer import Covers, Partition
from tashika_server.refresh.source import Check, Kind, NotTaken, Source

__all__ = [
    "MAX_SKEW",
    "NotNews",
    "check_base",
    "check_critical",
    "check_issuer",
    "check_next_update",
    "check_number",
    "check_scope",
    "check_signature",
    "check_this_update",
    "check_validity",
]

MAX_SKEW = timedelta(minutes=5)
"""How far an issuer's clock may be ahead of ours (C13)."""
PIECE = 1 << 20


class NotNews(Exception):
    """A CRL is in order, and the index has been brought beyond it in another way."""


def check_issuer(head: CrlHead, signer: Certificate) -> None:
    """Check that a list names its signer and the signer's key (T14)."""
    if head.issuer_name != signer.subject.public_bytes():
        raise NotTaken(Check.ISSUER, "another issuer is named; look at the URL of the partition")
    if head.authority_key_id not in (None, _key_id(signer)):
        raise NotTaken(
            Check.ISSUER,
            "the key is of another generation of this issuer; look at the URL of the partition",
        )


def _key_id(signer: Certificate) -> bytes:
    try:
        return signer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return digest("sha1", IssuerIdentity.of(signer).key)  # RFC 5280 4.2.1.2, method 1


def check_signature(file: BinaryIO, signer: Certificate) -> None:
    """Check that the signer, who may sign CRLs, has signed the file, which is read as a stream."""
    try:
        permitted = signer.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        permitted = True
    if not permitted:  # RFC 5280 6.3.3 (f)
        raise NotTaken(Check.SIGNATURE, "the issuer's certificate may not sign CRLs; replace it")
    try:
        frame = read_frame(partial(_window, file), os.fstat(file.fileno()).st_size)
        algorithm = read_algorithm(frame.algorithm)
        said = _digest(file, frame.tbs, algorithm.hash_name)
        verify_digest(signer.public_key(), algorithm, frame.signature, said)
    except PkiError as wrong:
        raise NotTaken(Check.SIGNATURE, f"{wrong}; fetch it over another way") from wrong


def _window(file: BinaryIO, at: int, count: int) -> bytes:
    return os.pread(file.fileno(), count, at)


def _digest(file: BinaryIO, within: range, hash_name: str) -> bytes:
    digesting = hashlib.new(hash_name)
    for at in range(within.start, within.stop, PIECE):
        digesting.update(_window(file, at, min(PIECE, within.stop - at)))
    return digesting.digest()


def check_scope(head: CrlHead, source: Source) -> None:
    """Check that a list speaks for this partition, and for all of it (RFC 5280 5.2.5)."""
    scope, partition = head.scope or Scope(), source.partition
    name, signer = partition.name, partition.crl_issuer
    if scope.some_reasons:
        raise NotTaken(
            Check.REASONS,
            "it is of some reasons only, and a partition here has all reasons of its "
            "certificates; ask the issuer for a CRL with onlySomeReasons left out",
        )
    if scope.names and not name:
        raise NotTaken(
            Check.SCOPE, "it is one partition but should be complete; list the issuer's partitions"
        )
    if name and not scope.names:
        raise NotTaken(Check.SCOPE, "it names no distribution point but should be a partition")
    if name and not any(_same_point(each, name) for each in scope.names):
        raise NotTaken(Check.SCOPE, "it is another partition's; look at the URL of this one")
    if scope.indirect and signer is None:
        raise NotTaken(
            Check.SCOPE, "it is an indirect CRL; if that is right, give its signer as crl_issuer"
        )
    if signer and signer.subject != source.issuer.certificate.subject and not scope.indirect:
        raise NotTaken(
            Check.SCOPE, "it is no indirect CRL and another's; look at the partition's crl_issuer"
        )
    _check_kinds(scope, partition)


def _check_kinds(scope: Scope, partition: Partition) -> None:
    if scope.only_ca or scope.only_attribute:
        raise NotTaken(Check.SCOPE, "it leaves users' certificates out; look at the URL")
    if scope.only_user and not partition.name and partition.covers is Covers.EVERYTHING:
        raise NotTaken(
            Check.SCOPE,
            "it is of users' certificates only; if no others are asked about, say "
            'covers = "user-certificates"',
        )


def _same_point(one: str, other: str) -> bool:
    # Directory names compare loosely, URIs to the letter: /A.crl is not /a.crl.
    return one == other or ("://" not in one and same_name(one, other))


def check_critical(head: CrlHead) -> None:
    """Check that nothing in the head insists on being understood and is not."""
    if head.unknown_critical:
        raise NotTaken(
            Check.CRITICAL, f"critical extension {head.unknown_critical[0]} is not understood"
        )


def check_number(head: CrlHead, mark: Mark | None, kind: Kind, sha256: bytes) -> int:
    """Check that the number rises (RFC 5280 5.2.3) and return it; raises NotNews too."""
    number = head.number
    if number is None:
        raise NotTaken(Check.NUMBER, "it has no number; ask the issuer (RFC 5280 5.2.3)")
    if mark is None or number > mark.number:
        return number
    by_delta = mark.delta if mark.delta and mark.delta.complete < mark.number else None
    if number == mark.number:
        # RFC 5280 5.2.4: the complete CRL and the delta of one moment share their number.
        if by_delta and kind is Kind.COMPLETE:
            return number
        if kind is Kind.COMPLETE or (by_delta and by_delta.sha256 != sha256):
            raise NotTaken(Check.NUMBER, f"its number {number} has had another content before")
        raise NotNews
    if kind is Kind.DELTA or (by_delta and number > by_delta.complete):
        raise NotNews
    # The number only grows: this is a replay or a restored backup of the CA.
    raise NotTaken(Check.NUMBER, f"its number {number} comes after {mark.number}")


def check_this_update(head: CrlHead, mark: Mark | None, at: datetime) -> None:
    """Check that a list is neither of the future nor from before the last one."""
    if head.this_update > at + MAX_SKEW:
        raise NotTaken(Check.THIS_UPDATE, f"it is of {head.this_update:%F %T}Z; look at the clocks")
    if mark and head.this_update < mark.this_update:
        raise NotTaken(
            Check.THIS_UPDATE,
            f"it is of {head.this_update:%F %T}Z, before {mark.this_update:%F %T}Z of the last one",
        )


def check_next_update(head: CrlHead, at: datetime, longest: timedelta) -> datetime:
    """Check that a list has not had its time, nor too much of it, and return until when it has."""
    if head.next_update is None:
        raise NotTaken(Check.NEXT_UPDATE, "it has no nextUpdate; ask the issuer (RFC 5280 5.1.2.5)")
    if head.next_update <= at:
        raise NotTaken(Check.NEXT_UPDATE, f"it was to be replaced by {head.next_update:%F %T}Z")
    check_validity(head.this_update, head.next_update, longest)
    return head.next_update


def check_validity(this_update: datetime, next_update: datetime, longest: timedelta) -> None:
    """Check that what is said does not claim to hold for longer than its issuer's bounds (T11)."""
    if next_update - this_update > longest:
        raise NotTaken(
            Check.VALIDITY,
            f"it would hold for {(next_update - this_update).days} days; if that is right, raise "
            "max_validity in the issuer's bounds",
        )


def check_base(head: CrlHead, mark: Mark | None, kind: Kind) -> None:
    """Make sure that a delta follows on what the index has (RFC 5280 5.2.4 (c), (d))."""
    base = head.base_number
    if kind is Kind.COMPLETE:
        if base is not None:
            raise NotTaken(Check.DELTA, "it is a delta; give the URL of the complete CRL")
        return
    if base is None:
        raise NotTaken(Check.DELTA, "it is no delta; look at the URL of the partition's deltas")
    if head.number is None or base >= head.number:
        raise NotTaken(Check.DELTA, f"it is based on number {base}, which is not before its own")
    if mark is None or base > mark.number:
        raise NotTaken(
            Check.BASE,
            f"it is based on number {base} and the index has {mark.number if mark else 'none'}; "
            "the complete CRL is fetched",
        )
