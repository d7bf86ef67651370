"""The simulated predecessor issuers: one for each prefecture and generation, run by one body.

The law before 2013 had the governor of each of 47 prefectures issue (S002), each with keys, serial
numbers and CRLs of its own, and one designated body do the work for all. Here each has a few
certificates, one of them revoked, a complete CRL and one responder; nobody is issued any more.
All keys are P-256, so that a hundred issuers are made in a second or two.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from tashika.pki.profile import Family
from tashika.pki.standing import Reason
from tashika_server.certificate_file import read_certificate
from tashika_server.lab.authorities import Authority, authority_certificate
from tashika_server.lab.certificates import holder_certificate
from tashika_server.lab.crls import Listed, revocation_list
from tashika_server.lab.keys import read_key
from tashika_server.lab.layout import write, write_certificate, write_key, write_register
from tashika_server.lab.municipalities import Municipality, municipalities
from tashika_server.lab.naming import predecessor_name, predecessor_name_in_japanese
from tashika_server.lab.people import synthetic_person
from tashika_server.lab.premises import Premises
from tashika_server.lab.responders import RENEWED_BEFORE, responder_certificate

__all__ = [
    "GENERATIONS",
    "OPERATOR",
    "PREFECTURES",
    "found_prefectures",
    "predecessors",
    "publish_prefectures",
]

PREFECTURES = 47
OPERATOR = "Simulated designated body (O=JPKI-SIM)"
GENERATIONS: Mapping[int, timedelta] = {1: timedelta(days=2600), 2: timedelta(days=1250)}
"""How long ago each generation began, as with the present issuers."""
ISSUED_AGO, VALID = timedelta(days=300), timedelta(days=3 * 365)
"""Of holders' certificates: three years, fixed by that law."""
REVOKED_AGO = timedelta(days=100)
_CA, _RESPONDER, _GOOD, _REVOKED = 1, 2, 3, 4
"""The first serials of every issuer; later ones are renewed responders."""
_MEMORY = "prefectures.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Issuer:
    """What is remembered of one issuer."""

    place: str
    """The code of a municipality of the prefecture."""
    generation: int
    next_serial: int = _REVOKED + 1
    number: int = 0
    revoked_at: int = 0

    @property
    def name(self) -> str:
        """Its name in files and in the configuration, as `predecessor-13-g1`."""
        return f"predecessor-{self.place[:2]}-g{self.generation}"


def predecessors(premises: Premises) -> dict[str, Path]:
    """Name the predecessor issuers of a world with their CRLs' files; none unless it has some."""
    return {each.name: premises.layout.crl(each.name, each.place) for each in _remembered(premises)}


def found_prefectures(premises: Premises, count: int, *, at: datetime) -> None:
    """Make the issuers of the first `count` prefectures; the caller publishes."""
    issuers = [
        _Issuer(place=place, generation=generation)
        for place in islice(_places(), count)
        for generation in GENERATIONS
    ]
    for each in issuers:
        _found(premises, each, at=at)
    revoked_at = int((at - REVOKED_AGO).timestamp())
    _remember(premises, (replace(each, revoked_at=revoked_at) for each in issuers))


def publish_prefectures(premises: Premises, *, at: datetime) -> int:
    """Renew responders that run out and sign every CRL as of `at`; returns how many.

    Numbers and serials are used up before anything is signed with them, so a crash leaves a gap
    and never one that is used twice.
    """
    at = at.astimezone(UTC).replace(microsecond=0)
    due = {each.name for each in _remembered(premises) if _is_due(premises, each, at)}
    issuers = [
        replace(each, number=each.number + 1, next_serial=each.next_serial + (each.name in due))
        for each in _remembered(premises)
    ]
    _remember(premises, issuers)
    for each in issuers:
        authority = _authority(premises, each)
        if each.name in due:
            _certify_responder(premises, authority, serial=each.next_serial - 1, at=at)
        write_register(premises.layout.register(each.name), range(_CA, each.next_serial))
        entry = Listed(
            issuer=each.name,
            municipality=each.place,
            serial=_REVOKED,
            not_after=at + VALID,
            revoked_at=datetime.fromtimestamp(each.revoked_at, UTC),
            reason=Reason.KEY_COMPROMISE,
            invalid_since=None,
        )
        signed = revocation_list(authority, None, [entry], number=each.number, at=at)
        write(premises.layout.crl(each.name, each.place), signed)
    return len(issuers)


def _found(premises: Premises, issuer: _Issuer, *, at: datetime) -> None:
    place, layout = _places()[issuer.place], premises.layout
    key = ec.generate_private_key(ec.SECP256R1())
    names = predecessor_name(place), predecessor_name_in_japanese(place)
    begin = at - GENERATIONS[issuer.generation]
    certificate = authority_certificate(Family.SIGNATURE, key, serial=_CA, at=begin, names=names)
    write_key(layout.authority_key(issuer.name), key)
    write_certificate(layout.issuer(issuer.name), certificate)
    authority = _authority(premises, issuer)
    _certify_responder(premises, authority, serial=_RESPONDER, at=at)
    for serial in (_GOOD, _REVOKED):
        holder = ec.generate_private_key(ec.SECP256R1())
        issued = holder_certificate(
            synthetic_person(premises.plan.seed, serial, (place,)),
            holder.public_key(),
            authority=authority,
            serial=serial,
            at=at - ISSUED_AGO,
            not_after=at - ISSUED_AGO + VALID,
            style=premises.style,
        )
        path = layout.predecessor_certificate(issuer.name, serial)
        write_key(path.with_suffix(".key"), holder)
        write_certificate(path, issued)


def _certify_responder(
    premises: Premises, authority: Authority, *, serial: int, at: datetime
) -> None:
    """Certify the responder anew, with the key that it has; the file that is replaced is one."""
    path = premises.layout.signer(authority.name)
    if not path.with_suffix(".key").exists():
        write_key(path.with_suffix(".key"), ec.generate_private_key(ec.SECP256R1()))
    public_key = read_key(path.with_suffix(".key")).public_key()
    write_certificate(path, responder_certificate(authority, "", public_key, serial=serial, at=at))


def _is_due(premises: Premises, issuer: _Issuer, at: datetime) -> bool:
    end = read_certificate(premises.layout.signer(issuer.name)).not_valid_after_utc
    return end < at + RENEWED_BEFORE


def _authority(premises: Premises, issuer: _Issuer) -> Authority:
    return Authority(
        name=issuer.name,
        family=Family.SIGNATURE,
        certificate=read_certificate(premises.layout.issuer(issuer.name)),
        key=read_key(premises.layout.authority_key(issuer.name)),
    )


@cache
def _places() -> dict[str, Municipality]:
    """Return one municipality of each prefecture by its code, in the order of the codes."""
    first: dict[str, Municipality] = {}
    for place in municipalities(2 * PREFECTURES):
        first.setdefault(place.code[:2], place)
    return {first[code].code: first[code] for code in sorted(first)[:PREFECTURES]}


def _remembered(premises: Premises) -> list[_Issuer]:
    try:
        rows: list[dict[str, Any]] = json.loads(_file(premises).read_text())
    except FileNotFoundError:
        return []
    return [_Issuer(**row) for row in rows]


def _remember(premises: Premises, issuers: Iterable[_Issuer]) -> None:
    rows = [{name: getattr(each, name) for name in _Issuer.__slots__} for each in issuers]
    write(_file(premises), json.dumps(rows).encode())


def _file(premises: Premises) -> Path:
    return premises.layout.root / _MEMORY
