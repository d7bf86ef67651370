"""The doctor's examination: from the files over the way there to the answer."""

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tashika.causes import Cause
from tashika.cli.doctor.finding import Finding, Gravity, Symptom
from tashika.client import Client
from tashika.credential import Credential
from tashika.errors import CertificateRefused, PkiError
from tashika.issuance import verify_issued
from tashika.pki.certificates import load_certificate, validity
from tashika.policy import CertIdHash, Nonce, Policy
from tashika.report import Report
from tashika.transport import require_url, shown

_SOON = timedelta(days=30)
"""A new certificate has to be ordered, registered and put in place."""
_CLOCKS_AGREE = timedelta(seconds=5)
"""Machines that follow NTP differ by less than one; answers are dated to the second."""
_EASIER: dict[Cause, tuple[dict[str, Any], ...]] = {
    Cause.NONCE_MISSING: ({"nonce": Nonce.OPPORTUNISTIC},),
    Cause.UNKNOWN: ({"certid_hash": CertIdHash.SHA1},),
    Cause.UNAUTHORIZED: ({"certid_hash": CertIdHash.SHA1},),
    Cause.MALFORMED_REQUEST: ({"certid_hash": CertIdHash.SHA1}, {"nonce": Nonce.OFF}),
}
"""What may be asked instead where a responder is old; each step once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a relying party has set up."""

    urls: tuple[str, ...]
    certificate: bytes
    issuer: bytes
    client_certificate: bytes | None
    credential: Credential | None
    tls: ssl.SSLContext | None
    names_asker: bool
    """Whether something of it tells a responder who asks."""
    clock: Callable[[], datetime]


def examine(setup: Setup) -> Iterator[Finding]:
    """Yield what is found; what rests on something that failed is not tried."""
    for each in setup.urls:
        require_url(each)
    if setup.client_certificate:
        yield from _client_certificate(setup.client_certificate, setup.clock())
    try:
        verify_issued(setup.certificate, setup.issuer, at=setup.clock())
    except CertificateRefused as refused:
        subject = "--issuer" if refused.cause is Cause.ISSUER_UNSUITABLE else "--cert"
        yield Finding(Gravity.FAILURE, subject, refused.cause, refused.detail)
        return
    for url in setup.urls:
        way = list(_way_there(url, setup))
        yield from way
        if all(each.gravity is not Gravity.FAILURE for each in way):
            yield from _answer(url, setup)


def _client_certificate(data: bytes, at: datetime) -> Iterator[Finding]:
    subject = "--client-cert"
    try:
        begins, ends = validity(load_certificate(data))
    except PkiError as wrong:
        yield Finding(Gravity.FAILURE, subject, Symptom.CLIENT_CERTIFICATE_UNFIT, str(wrong))
        return
    span = f"{begins:%Y-%m-%d} to {ends:%Y-%m-%d}"
    if not begins <= at <= ends:
        yield Finding(Gravity.FAILURE, subject, Symptom.CLIENT_CERTIFICATE_UNFIT, span)
    elif ends - at < _SOON:
        yield Finding(Gravity.WARNING, subject, Symptom.CLIENT_CERTIFICATE_ENDS_SOON, span)


class _Way(NamedTuple):
    is_this_machine: bool
    tls_ends: datetime | None


def _way_there(url: str, setup: Setup) -> Iterator[Finding]:
    subject, secured = shown(url), urlsplit(url).scheme == "https"
    try:
        way = _connect(url, (setup.tls or ssl.create_default_context()) if secured else None)
    except ssl.SSLCertVerificationError as wrong:
        yield Finding(Gravity.FAILURE, subject, Symptom.TLS_UNTRUSTED, wrong.verify_message)
    except ssl.SSLError as wrong:
        yield Finding(Gravity.FAILURE, subject, Symptom.TLS_FAILED, wrong.reason or "")
    except TimeoutError:
        yield Finding(Gravity.FAILURE, subject, Cause.TIMED_OUT, "no connection")
    except OSError as wrong:
        yield Finding(Gravity.FAILURE, subject, Cause.UNREACHABLE, wrong.strerror or "")
    except ValueError:  # UnicodeError too, of a host that DNS cannot even be asked about
        yield Finding(Gravity.FAILURE, subject, Cause.UNREACHABLE, "no host has such a name")
    else:
        yield Finding(Gravity.WELL, subject, Symptom.CONNECTED)
        if way.tls_ends and way.tls_ends - setup.clock() < _SOON:
            yield Finding(
                Gravity.WARNING, subject, Symptom.TLS_ENDS_SOON, f"{way.tls_ends:%Y-%m-%d}"
            )
        if not secured and not way.is_this_machine:
            yield Finding(Gravity.WARNING, subject, Symptom.IN_CLEAR)


def _connect(url: str, tls: ssl.SSLContext | None) -> _Way:
    """Connect and leave."""
    parts = urlsplit(url)
    address = (parts.hostname, parts.port or (443 if tls else 80))
    patience = Policy().deadlines.connect.total_seconds()
    with socket.create_connection(address, patience) as plain:
        here = ip_address(plain.getpeername()[0]).is_loopback
        if tls is None:
            return _Way(here, None)
        with tls.wrap_socket(plain, server_hostname=parts.hostname) as secured:
            stated = (secured.getpeercert() or {}).get("notAfter")
            ends = stated and datetime.fromtimestamp(ssl.cert_time_to_seconds(str(stated)), UTC)
            return _Way(here, ends or None)


def _answer(url: str, setup: Setup) -> Iterator[Finding]:
    subject = shown(url)
    policy, report = _ask(url, setup)
    if report.answer is None or report.cause is Cause.UNKNOWN:
        detail = next((each.detail for each in report.tried), report.detail)
        yield Finding(Gravity.FAILURE, subject, report.cause, detail)
        if report.cause is Cause.UNAUTHORIZED and not setup.names_asker:
            yield Finding(Gravity.FAILURE, subject, Symptom.NOBODY_ASKS)
        return
    yield Finding(Gravity.WELL, subject, Symptom.ANSWERED, report.cause)
    if policy.nonce is not Nonce.REQUIRED:
        yield Finding(Gravity.WARNING, subject, Symptom.NO_NONCE)
    elif off := _clock_off(report.answer.produced_at, asked=report.at, heard=setup.clock()):
        yield Finding(Gravity.WARNING, subject, Symptom.CLOCK_OFF, f"{off.total_seconds():+.0f} s")
    if policy.certid_hash is not CertIdHash.SHA256:
        yield Finding(Gravity.WARNING, subject, Symptom.NO_SHA256)
    if (age := report.at - report.answer.this_update) > policy.max_age / 2:
        yield Finding(Gravity.WARNING, subject, Symptom.DATA_OLD, str(age).partition(".")[0])


def _clock_off(signed: datetime, *, asked: datetime, heard: datetime) -> timedelta:
    """Return by how much a signature over our nonce is dated before the question, or after now."""
    off = min(signed - asked, timedelta(0)) + max(signed - heard, timedelta(0))
    return off if abs(off) > _CLOCKS_AGREE else timedelta(0)


def _ask(url: str, setup: Setup) -> tuple[Policy, Report]:
    """Ask strictly, then more easily as long as that may help."""
    policy, easier = Policy(), {cause: list(steps) for cause, steps in _EASIER.items()}
    while True:
        with Client(
            url, policy=policy, tls=setup.tls, credential=setup.credential, clock=setup.clock
        ) as client:
            report = client.check(setup.certificate, setup.issuer)
        steps = easier.get(report.cause)
        while steps and _has(policy, steps[0]):
            steps.pop(0)
        if not steps:
            return policy, report
        policy = replace(policy, **steps.pop(0))


def _has(policy: Policy, step: dict[str, Any]) -> bool:
    return all(getattr(policy, name) is value for name, value in step.items())
