"""From an issuer's settings to the Issuer: its certificate, its list of CRLs, its keys' files.

Everything is read here once, at the start; a file that is missing or not what it should be is
a problem at its key (T24). Whether a signer may sign is `signing`'s to say.
"""

import csv
import os
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from tashika.pki.algorithms import algorithm_for
from tashika.pki.certid import IssuerIdentity
from tashika.pki.certificates import extension, public_key
from tashika.pki.errors import PkiError
from tashika_server.certificate_file import BadFile, read_certificate
from tashika_server.config.problem import BadValue, Complaints
from tashika_server.config.settings import FeedSettings, IssuerSettings
from tashika_server.issuer import FRESHEST, Issuer, Partition, PushFeed

__all__ = ["load_issuer"]

FEED_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
"""Those that RFC 7518 3.4 has a name for."""
URL_SCHEMES = frozenset({"http", "https", "file", "lab"})


def load_issuer(settings: IssuerSettings, complaints: Complaints) -> Issuer | None:
    """Read what the settings of one issuer name; None after recording what is wrong."""
    key = f"issuer[{settings.name}]"
    certificate = complaints.attempt(f"{key}.certificate", _ca, settings.certificate)
    partitions = complaints.attempt(f"{key}.partitions", _partitions, settings)
    feed = None
    if settings.feed:
        feed = complaints.attempt(f"{key}.feed", _feed, settings.feed)
    if settings.register:
        complaints.attempt(f"{key}.register", _readable, settings.register)
    for signer in settings.signers:
        complaints.attempt(f"{key}.signers", _readable, signer.certificate)
        complaints.attempt(f"{key}.signers", _readable, signer.key)
    if certificate is None or partitions is None:
        return None
    return Issuer(
        name=settings.name,
        family=settings.family,
        certificate=certificate,
        identity=IssuerIdentity.of(certificate),
        partitions=partitions,
        register=settings.register,
        without_register=settings.without_register,
        never_issued=settings.never_issued,
        archive_cutoff=settings.archive_cutoff,
        bounds=settings.bounds,
        feed=feed,
        guarded=_guarded(certificate, settings),
        operator=settings.operator,
        probes=settings.probes,
        numbering=settings.numbering,
        published=settings.published,
        keep=settings.keep,
        keep_basis=settings.keep_basis,
    )


def _ca(file: Path) -> x509.Certificate:
    """Read a CA's certificate; nothing that is read of it later can fail any more."""
    certificate = read_certificate(file)
    try:
        IssuerIdentity.of(certificate)
        algorithm_for(public_key(certificate))
        basic = extension(certificate, x509.BasicConstraints)
    except PkiError as wrong:
        raise BadValue(f"{file} cannot be used: {wrong}", "name another certificate") from None
    if not basic or not basic.ca:
        raise BadValue(
            f"{file} is not a CA's certificate", "name that of the CA that issues and revokes"
        )
    return certificate


def _feed(settings: FeedSettings) -> PushFeed:
    try:
        key = load_pem_public_key(_content(settings.key))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in FEED_CURVES:
        raise BadValue(
            f"{settings.key} is no public key of a feed", "export a P-256, P-384 or P-521 key"
        )
    if urlsplit(_url(settings.url)).scheme == "file":
        raise BadValue("a feed cannot be a file", "begin it with http:, https: or lab:")
    return PushFeed(url=settings.url, key=key)


def _guarded(ca: x509.Certificate, settings: IssuerSettings) -> frozenset[int]:
    """Return the serials of this CA and of the signers that are there; others are complained of."""
    found = {ca.serial_number} if ca.issuer == ca.subject else set()
    for signer in settings.signers:
        with suppress(BadFile):
            found.add(read_certificate(signer.certificate).serial_number)
    return frozenset(found)


def _partitions(settings: IssuerSettings) -> tuple[Partition, ...]:
    match settings.partitions, settings.crl:
        case Path() as file, None:
            return _listed(file)
        case None, str() | tuple() as urls:
            return (_complete(settings, (urls,) if isinstance(urls, str) else urls),)
        case _:
            raise BadValue(
                "the issuer wants exactly one of partitions and crl",
                "give partitions = a CSV file of url,name, or crl = the URL of one complete CRL",
            )


def _complete(settings: IssuerSettings, urls: tuple[str, ...]) -> Partition:
    if not urls:
        raise BadValue("the complete CRL is nowhere", "give one URL or more as crl")
    url, *mirrors = map(_url, urls)
    crl_issuer = settings.crl_issuer
    return Partition(
        name="",
        url=url,
        mirrors=tuple(mirrors),
        delta=_delta(settings.delta_crl or ""),
        covers=settings.crl_covers,
        crl_issuer=read_certificate(crl_issuer) if crl_issuer else None,
    )


def _delta(text: str) -> str | None:
    return text if text == FRESHEST else _url(text) if text else None


def _listed(file: Path) -> tuple[Partition, ...]:
    """Read the CSV of partitions; names are unique (RFC 5280 5.2.5).

    Its header is `url,name`, or `url,name,delta`; several URLs stand with spaces between them.
    """
    found: dict[str, Partition] = {}
    try:
        lines = csv.reader(_content(file).decode().splitlines(), strict=True)
        header = next(lines, None)
        if header not in (["url", "name"], ["url", "name", "delta"]):
            raise BadValue(f"{file} is not a list of CRLs", "begin it with the line url,name")
        for line in lines:
            where = f"{file} line {lines.line_num}"
            if len(line) != len(header) or not all(line[:2]):
                raise BadValue(
                    f"{where} does not fit the header", "write url,name and quote the name"
                )
            url, *mirrors = map(_url, line[0].split(" "))
            partition = Partition(
                name=line[1],
                url=url,
                mirrors=tuple(mirrors),
                delta=_delta(line[2]) if line[2:] else None,
            )
            if found.setdefault(partition.name.casefold(), partition) is not partition:
                raise BadValue(f"{where} repeats a name", "keep one of the two")
    except (csv.Error, UnicodeDecodeError) as wrong:
        raise BadValue(f"{file}: {wrong}", "correct that place") from None
    if not found:
        raise BadValue(f"{file} lists no CRL", "add one line per CRL")
    return tuple(found.values())


def _url(text: str) -> str:
    try:
        scheme = urlsplit(text).scheme
    except ValueError:  # half an IPv6 address
        scheme = ""
    if scheme not in URL_SCHEMES or not re.fullmatch(r"[!-~]+", text):
        known = ", ".join(f"{each}:" for each in sorted(URL_SCHEMES))
        raise BadValue(f'"{text}" is not a URL that can be fetched', f"begin it with {known}")
    return text


def _readable(file: Path) -> None:
    if not file.is_file():
        raise BadValue(f"{file} is not there", "name an existing file")
    if not os.access(file, os.R_OK):
        raise BadValue(f"{file} may not be read", "give the service's user the right to")


def _content(file: Path) -> bytes:
    _readable(file)
    return file.read_bytes()
