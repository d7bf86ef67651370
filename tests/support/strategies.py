"""Requests, responses and CRLs at random: the bytes, and what a reader should make of them.

asn1crypto writes the bytes, so that reader and writer share no mistake. The
signatures are noise: decoders look at none.
"""

import string
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import ClassVar

from asn1crypto import algos, core, crl, ocsp, x509
from cryptography import x509 as pyca
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tashika.pki import algorithms
from tashika.pki.algorithms import SignatureAlgorithm
from tashika.pki.certid import CertId
from tashika.pki.crl import CrlEntry, Scope
from tashika.pki.receipt import Receipt
from tashika.pki.request import OcspRequest
from tashika.pki.response import BasicResponse, SingleResponse
from tashika.pki.standing import Good, Reason, Revoked, Standing, Unknown

ALGORITHMS: dict[str, SignatureAlgorithm] = {
    "sha256_rsa": algorithms.RSA_SHA256,
    "sha384_rsa": algorithms.RSA_SHA384,
    "sha512_rsa": algorithms.RSA_SHA512,
    "sha256_ecdsa": algorithms.ECDSA_SHA256,
    "sha384_ecdsa": algorithms.ECDSA_SHA384,
    "sha512_ecdsa": algorithms.ECDSA_SHA512,
}
"""What asn1crypto calls the algorithms."""

HASHES = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.8": "2.16.840.1.101.3.4.2.8",  # SHA3-256, which we do not know
}

RECEIPT = "1.2.840.113556.1.8000.2554.44752.47074.36088.18438.46743.6530262.14365004.1"
OTHER_EXTENSION = "2.25.1234567890.1"
FLAGS = (
    "only_contains_user_certs",
    "only_contains_ca_certs",
    "only_contains_attribute_certs",
    "indirect_crl",
)

Extensions = list[dict[str, object]]

steady = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
"""Settings for a machine that is busy with other tests: time proves nothing there."""

algorithm_names = st.sampled_from(sorted(ALGORITHMS))
serials = st.integers(0, 2**40) | st.integers(0, 2**255 - 1)
times = st.datetimes(datetime(1950, 1, 1), datetime(9999, 12, 31, 23, 59, 59)).map(  # noqa: DTZ001 - hypothesis wants bounds without a zone
    lambda at: at.replace(microsecond=0, tzinfo=UTC)
)
reasons = st.sampled_from(Reason)
revocations = st.builds(Revoked, times, st.none() | reasons, st.none() | times)
standings: SearchStrategy[Good | Revoked | Unknown] = (
    st.builds(Good) | st.builds(Unknown) | revocations
)
receipts = st.fixed_dictionaries(
    {"stream": st.binary(min_size=16, max_size=16), "first": st.integers(0, 2**63 - 1)}
)
words = st.text(string.ascii_letters + string.digits + "-.:/", min_size=1, max_size=24)
attributes = st.tuples(st.sampled_from(["C", "O", "OU", "CN"]), words)
attribute_lists = st.lists(attributes, min_size=1, max_size=6)

_ATTRIBUTE_OIDS = {"C": "2.5.4.6", "O": "2.5.4.10", "OU": "2.5.4.11", "CN": "2.5.4.3"}


class AsnReceipt(core.Sequence):  # type: ignore[misc]
    """What the ASN.1 in the docstring of tashika.pki.receipt says, for asn1crypto."""

    _fields: ClassVar = [("stream", core.OctetString), ("first", core.Integer)]


@cache
def some_certificate() -> bytes:
    """Return the DER of one certificate, always the same within a process."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = pyca.Name([pyca.NameAttribute(pyca.NameOID.COMMON_NAME, "some responder")])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    built = pyca.CertificateBuilder(name, name, key.public_key(), 1, start, start)
    return built.sign(key, SHA256()).public_bytes(Encoding.DER)


def directory_name(parts: list[tuple[str, str]]) -> x509.Name:
    """Write a Name of UTF8Strings, one attribute to a part."""
    pairs = [
        x509.RelativeDistinguishedName(
            [
                x509.NameTypeAndValue(
                    {
                        "type": _ATTRIBUTE_OIDS[short],
                        "value": x509.DirectoryString(
                            name="utf8_string", value=core.UTF8String(text)
                        ),
                    }
                )
            ]
        )
        for short, text in parts
    ]
    return x509.Name(name="", value=x509.RDNSequence(pairs))


def name_as_text(parts: list[tuple[str, str]]) -> str:
    """Write what `name_text` should make of `directory_name`."""
    return ", ".join(f"{short}={text}" for short, text in parts)


def extension(oid: str, value: core.Asn1Value, *, critical: bool = False) -> dict[str, object]:
    """Describe one extension for asn1crypto."""
    wrapped = core.ParsableOctetString(value.dump())
    return {"extn_id": oid, "critical": critical, "extn_value": wrapped}


@st.composite
def cert_ids(draw: DrawFn) -> CertId:
    """Any CertID: known and unknown hashes, parameters absent or NULL, any lengths."""
    oid = draw(st.sampled_from(sorted(HASHES)))
    algorithm = algos.DigestAlgorithm({"algorithm": oid})
    if draw(st.booleans()):
        algorithm["parameters"] = core.Null()
    name_hash, key_hash = draw(st.tuples(*[st.binary(max_size=64)] * 2))
    serial = draw(serials)
    encoded = ocsp.CertId(
        {
            "hash_algorithm": algorithm,
            "issuer_name_hash": name_hash,
            "issuer_key_hash": key_hash,
            "serial_number": serial,
        }
    )
    return CertId(HASHES[oid], name_hash, key_hash, serial, encoded.dump())


@st.composite
def requests(draw: DrawFn, max_cert_ids: int = 5) -> tuple[bytes, OcspRequest]:
    """Any request this product reads, as (bytes, value)."""
    asked = draw(st.lists(cert_ids(), min_size=1, max_size=max_cert_ids))
    nonce = draw(st.none() | st.binary(min_size=1, max_size=128))
    preferred = draw(st.lists(algorithm_names, max_size=6))
    signed = draw(st.booleans())
    tbs = ocsp.TBSRequest({"request_list": [{"req_cert": _load(each)} for each in asked]})
    if draw(st.booleans()):
        name = directory_name(draw(attribute_lists))
        tbs["requestor_name"] = x509.GeneralName(name="directory_name", value=name)
    listed = _others(draw)
    if nonce is not None:
        listed.append(extension("1.3.6.1.5.5.7.48.1.2", core.OctetString(nonce)))
    if preferred:
        wishes = [{"sig_identifier": {"algorithm": name}} for name in preferred]
        wanted = ocsp.PreferredSignatureAlgorithms(wishes)
        listed.append(extension("1.3.6.1.5.5.7.48.1.8", wanted))
    if listed:
        tbs["request_extensions"] = draw(st.permutations(listed))
    request = ocsp.OCSPRequest({"tbs_request": tbs})
    if signed:
        algorithm = {"algorithm": "sha256_ecdsa"}
        request["optional_signature"] = {"signature_algorithm": algorithm, "signature": b"noise"}
    oids = tuple(ALGORITHMS[name].oid for name in preferred)
    return request.dump(), OcspRequest(tuple(asked), nonce, oids, signed)


@st.composite
def responses(draw: DrawFn, max_singles: int = 4) -> tuple[bytes, BasicResponse]:
    """Any successful response this product reads, as (bytes, value)."""
    singles = draw(st.lists(_singles(), min_size=1, max_size=max_singles))
    produced_at, name = draw(times), draw(attribute_lists)
    key_hash = draw(st.none() | st.binary(min_size=20, max_size=20))
    nonce = draw(st.none() | st.binary(max_size=128))
    extended_revoke, embeds = draw(st.booleans()), draw(st.integers(0, 2))
    receipt = draw(st.none() | receipts)
    algorithm, signature = draw(algorithm_names), draw(st.binary(max_size=72))
    listed = _others(draw)
    if nonce is not None:
        listed.append(extension("1.3.6.1.5.5.7.48.1.2", core.OctetString(nonce)))
    if extended_revoke:
        listed.append(extension("1.3.6.1.5.5.7.48.1.9", core.Null()))
    if receipt is not None:
        listed.append(extension(RECEIPT, AsnReceipt(receipt)))
    by_name = ocsp.ResponderId(name="by_name", value=directory_name(name))
    by_key = ocsp.ResponderId(name="by_key", value=core.OctetString(key_hash or b""))
    tbs = ocsp.ResponseData(
        {
            "responder_id": by_name if key_hash is None else by_key,
            "produced_at": produced_at,
            "responses": [encoded for encoded, _ in singles],
        }
    )
    if listed:
        tbs["response_extensions"] = draw(st.permutations(listed))
    basic = ocsp.BasicOCSPResponse(
        {
            "tbs_response_data": tbs,
            "signature_algorithm": {"algorithm": algorithm},
            "signature": signature,
        }
    )
    if embeds:
        basic["certs"] = [x509.Certificate.load(some_certificate())] * embeds
    response = ocsp.OCSPResponse(
        {
            "response_status": "successful",
            "response_bytes": {"response_type": "basic_ocsp_response", "response": basic},
        }
    )
    return response.dump(), BasicResponse(
        tbs=tbs.dump(),
        responder_name=directory_name(name).dump() if key_hash is None else None,
        responder_key_hash=key_hash,
        produced_at=produced_at,
        responses=tuple(value for _, value in singles),
        nonce=nonce,
        extended_revoke=extended_revoke,
        receipt=receipt and Receipt(**receipt),
        algorithm=ALGORITHMS[algorithm],
        signature=signature,
        certificates=(some_certificate(),) * embeds,
    )


@st.composite
def _singles(draw: DrawFn) -> tuple[ocsp.SingleResponse, SingleResponse]:
    asked, standing, this_update = draw(cert_ids()), draw(standings), draw(times)
    next_update, cutoff = draw(st.none() | times), draw(st.none() | times)
    listed = _others(draw)
    if cutoff is not None:
        listed.append(extension("1.3.6.1.5.5.7.48.1.6", core.GeneralizedTime(cutoff)))
    if isinstance(standing, Revoked) and standing.invalid_since is not None:
        listed.append(extension("2.5.29.24", core.GeneralizedTime(standing.invalid_since)))
    encoded = ocsp.SingleResponse(
        {"cert_id": _load(asked), "cert_status": _status(standing), "this_update": this_update}
    )
    if next_update is not None:
        encoded["next_update"] = next_update
    if listed:
        encoded["single_extensions"] = draw(st.permutations(listed))
    return encoded, SingleResponse(
        cert_id=asked,
        standing=standing,
        this_update=this_update,
        next_update=next_update,
        archive_cutoff=cutoff,
    )


def _status(standing: Standing) -> ocsp.CertStatus:
    if isinstance(standing, Good):
        return ocsp.CertStatus(name="good", value=ocsp.StatusGood())
    if isinstance(standing, Unknown):
        return ocsp.CertStatus(name="unknown", value=ocsp.StatusUnknown())
    info = ocsp.RevokedInfo({"revocation_time": standing.at})
    if standing.reason is not None:
        info["revocation_reason"] = crl.CRLReason(int(standing.reason))
    return ocsp.CertStatus(name="revoked", value=info)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedCrl:
    """What parse_crl should say, and then its entries."""

    frame: dict[str, object]
    """By attribute of Crl."""
    entries: list[CrlEntry]


@st.composite
def crls(draw: DrawFn, max_entries: int = 6) -> tuple[bytes, ExpectedCrl]:
    """Any version 2 CRL whose frame this product reads, as (bytes, value)."""
    issuer = directory_name(draw(attribute_lists))
    algorithm, signature = draw(algorithm_names), draw(st.binary(max_size=72))
    this_update, next_update = draw(times), draw(st.none() | times)
    number, base_number = draw(st.none() | serials), draw(st.none() | serials)
    key_id = draw(st.none() | st.binary(max_size=32))
    point, scope = draw(st.just((None, None)) | _scopes())
    strange = draw(st.booleans())
    revoked = draw(st.lists(_entries(), max_size=max_entries))

    listed = _others(draw)
    if number is not None:
        listed.append(extension("2.5.29.20", core.Integer(number)))
    if base_number is not None:
        listed.append(extension("2.5.29.27", core.Integer(base_number), critical=True))
    if key_id is not None:
        value = x509.AuthorityKeyIdentifier({"key_identifier": key_id})
        listed.append(extension("2.5.29.35", value))
    if point is not None:
        listed.append(extension("2.5.29.28", point, critical=True))
    if strange:
        listed.append(extension("1.2.3.4", core.Null(), critical=True))
    tbs = crl.TbsCertList(
        {
            "version": "v2",
            "signature": {"algorithm": algorithm},
            "issuer": issuer,
            "this_update": _time(this_update),
        }
    )
    if next_update is not None:
        tbs["next_update"] = _time(next_update)
    if revoked:
        tbs["revoked_certificates"] = [encoded for encoded, _ in revoked]
    if listed:
        tbs["crl_extensions"] = draw(st.permutations(listed))
    signed = crl.CertificateList(
        {
            "tbs_cert_list": tbs,
            "signature_algorithm": {"algorithm": algorithm},
            "signature": signature,
        }
    )
    frame = {
        "issuer_name": issuer.dump(),
        "tbs": tbs.dump(),
        "algorithm": ALGORITHMS[algorithm],
        "signature": signature,
        "this_update": this_update,
        "next_update": next_update,
        "number": number,
        "base_number": base_number,
        "authority_key_id": key_id,
        "scope": scope,
        "unknown_critical": ("1.2.3.4",) if strange else (),
    }
    return signed.dump(), ExpectedCrl(frame=frame, entries=[value for _, value in revoked])


@st.composite
def _entries(draw: DrawFn) -> tuple[crl.RevokedCertificate, CrlEntry]:
    entry = CrlEntry(draw(serials), draw(times), draw(st.none() | reasons), draw(st.none() | times))
    listed = _others(draw)
    if entry.reason is not None:
        listed.append(extension("2.5.29.21", crl.CRLReason(int(entry.reason))))
    if entry.invalid_since is not None:
        listed.append(extension("2.5.29.24", core.GeneralizedTime(entry.invalid_since)))
    encoded = crl.RevokedCertificate(
        {"user_certificate": entry.serial, "revocation_date": _time(entry.revoked_at)}
    )
    if listed:
        encoded["crl_entry_extensions"] = draw(st.permutations(listed))
    return encoded, entry


@st.composite
def _scopes(draw: DrawFn) -> tuple[crl.IssuingDistributionPoint, Scope]:
    # At most one "only", and an IDP says something (RFC 5280 5.2.5).
    only = draw(st.sampled_from((None, *FLAGS[:3])))
    flags = {flag: flag == only for flag in FLAGS[:3]} | {"indirect_crl": draw(st.booleans())}
    some_reasons = draw(st.booleans())
    urls = words.map("http://crl.invalid/{}".format)
    says_nothing = not (some_reasons or any(flags.values()))
    points = draw(st.lists(attribute_lists | urls, min_size=says_nothing, max_size=3))
    value: dict[str, object] = dict(flags)
    if some_reasons:
        value["only_some_reasons"] = x509.ReasonFlags({"key_compromise", "superseded"})
    if points:
        names = x509.GeneralNames([_general_name(point) for point in points])
        value["distribution_point"] = x509.DistributionPointName(name="full_name", value=names)
    return crl.IssuingDistributionPoint(value), Scope(
        names=tuple(p if isinstance(p, str) else name_as_text(p) for p in points),
        only_user=flags["only_contains_user_certs"],
        only_ca=flags["only_contains_ca_certs"],
        only_attribute=flags["only_contains_attribute_certs"],
        some_reasons=some_reasons,
        indirect=flags["indirect_crl"],
    )


def _general_name(point: str | list[tuple[str, str]]) -> x509.GeneralName:
    if isinstance(point, str):
        return x509.GeneralName(name="uniform_resource_identifier", value=point)
    return x509.GeneralName(name="directory_name", value=directory_name(point))


def _time(at: datetime) -> x509.Time:
    # RFC 5280 5.1.2.4: UTCTime through the year 2049.
    if at.year < 2050:
        return x509.Time(name="utc_time", value=core.UTCTime(at))
    return x509.Time(name="general_time", value=core.GeneralizedTime(at))


def _load(asked: CertId) -> ocsp.CertId:
    return ocsp.CertId.load(asked.der)


def _others(draw: DrawFn) -> Extensions:
    """Sometimes an extension that nobody knows and nobody needs to."""
    return [extension(OTHER_EXTENSION, core.Null())] if draw(st.booleans()) else []
