"""The CRL: what others write we read, its frame at once and its entries as they come."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given

from support.authority import Authority, openssl
from support.compiled import interpreted
from support.mutations import broken_off, with_trailing_bytes
from support.strategies import ExpectedCrl, crls, steady
from tashika.pki import algorithms, der
from tashika.pki.certid import IssuerIdentity
from tashika.pki.crl import CrlEntry, Scope, parse_crl
from tashika.pki.errors import Malformed, Unsupported
from tashika.pki.extensions import (
    AUTHORITY_KEY_IDENTIFIER,
    CERTIFICATE_ISSUER,
    CRL_NUMBER,
    CRL_REASON,
    DELTA_CRL_INDICATOR,
    INVALIDITY_DATE,
    ISSUING_DISTRIBUTION_POINT,
    write_extension,
)
from tashika.pki.limits import MAX_EXTENSIONS, MAX_INTEGER_BYTES, MAX_SCOPE_NAMES
from tashika.pki.names import name_text
from tashika.pki.standing import Reason

AT = datetime(2026, 4, 1, 12, tzinfo=UTC)
TOMORROW = AT + timedelta(days=1)
TIME = der.wrap(der.UTC_TIME, b"260401120000Z")
ALGORITHM = algorithms.ECDSA_SHA256.der
URL = "http://crl.invalid/1.crl"
URI = der.wrap(der.implicit(6), URL.encode())


def name(text: str) -> bytes:
    """Write the Name ``CN=text``."""
    value = der.wrap(0x0C, text.encode())
    return der.sequence(der.wrap(der.SET, der.sequence(der.oid("2.5.4.3"), value)))


def crl(
    *entries: bytes,
    extensions: tuple[bytes, ...] = (),
    version: bytes = der.integer(1),
    inner: bytes = ALGORITHM,
    outer: bytes = ALGORITHM,
    times: bytes = TIME,
) -> bytes:
    """Write a CRL with anything in its places."""
    listed = der.sequence(*entries) if entries else b""
    tagged = der.wrap(der.explicit(0), der.sequence(*extensions)) if extensions else b""
    tbs = der.sequence(version, inner, name("CA"), times, listed, tagged)
    return der.sequence(tbs, outer, der.bit_string(b"noise"))


def entry(serial: int, *extensions: bytes, at: bytes = TIME) -> bytes:
    listed = der.sequence(*extensions) if extensions else b""
    return der.sequence(der.integer(serial), at, listed)


def critical(oid: str, value: bytes = der.NULL) -> bytes:
    return der.sequence(der.oid(oid), der.TRUE, der.octet_string(value))


def distribution_point(*fields: bytes) -> bytes:
    return critical(ISSUING_DISTRIBUTION_POINT, der.sequence(*fields))


def full_name(*names: bytes) -> bytes:
    return der.wrap(der.explicit(0), der.wrap(der.explicit(0), *names))


def directory_name(text: str) -> bytes:
    return der.wrap(der.explicit(4), name(text))


# --- oracles --------------------------------------------------------------------


@steady
@given(crls())
def test_reads_what_asn1crypto_writes(written: tuple[bytes, ExpectedCrl]):
    data, expected = written
    found = parse_crl(data)
    assert {key: getattr(found, key) for key in expected.frame} == expected.frame
    assert list(found.entries()) == expected.entries


REASONS = {
    getattr(x509.ReasonFlags, flag): Reason[flag.upper()]
    for flag in x509.ReasonFlags.__members__
    if flag != "unspecified"  # pyca will not write it (RFC 5280 5.3.1)
}


def test_reads_what_pyca_signs(authority: Authority):
    ca = authority.certificate
    scope = x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(URL), x509.DirectoryName(ca.subject)],
        relative_name=None,
        only_contains_user_certs=True,
        only_contains_ca_certs=False,
        only_some_reasons=frozenset({x509.ReasonFlags.key_compromise}),
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
    builder = (
        x509.CertificateRevocationListBuilder(ca.subject, AT, TOMORROW)
        .add_extension(x509.CRLNumber(2**159 - 1), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()), critical=False
        )
        .add_extension(scope, critical=True)
    )
    for serial, flag in enumerate(REASONS, 1):
        revoked = x509.RevokedCertificateBuilder(serial, AT).add_extension(
            x509.CRLReason(flag), critical=False
        )
        since = x509.InvalidityDate(AT - timedelta(days=serial))
        builder = builder.add_revoked_certificate(
            revoked.add_extension(since, critical=False).build()
        )
    theirs = builder.sign(authority.key, hashes.SHA256())
    found = parse_crl(theirs.public_bytes(Encoding.DER))

    issuer = IssuerIdentity.of(ca)
    assert (found.issuer_name, found.tbs) == (issuer.name, theirs.tbs_certlist_bytes)
    assert (found.this_update, found.next_update) == (AT, TOMORROW)
    assert (found.number, found.base_number) == (2**159 - 1, None)
    assert found.authority_key_id == issuer.hashes("sha1")[1]
    assert found.scope == Scope(
        names=(URL, "C=JP, O=JPKI-SIM, CN=CA"), only_user=True, some_reasons=True
    )
    assert found.unknown_critical == ()
    assert list(found.entries()) == [
        CrlEntry(serial, AT, reason, AT - timedelta(days=serial))
        for serial, reason in enumerate(REASONS.values(), 1)
    ]
    algorithms.verify(ca.public_key(), found.algorithm, found.signature, found.tbs)


CONFIGURATION = """
[ca]
default_ca = here
[here]
database = {directory}/index.txt
crlnumber = {directory}/number
default_md = sha384
crl_extensions = extensions
[extensions]
authorityKeyIdentifier = keyid:always, issuer:always
issuingDistributionPoint = critical, @point
[point]
{point}
[name]
O = JPKI-SIM
CN = Naka-ku
[relative]
CN = Naka-ku
"""


def openssl_crl(authority: Authority, directory: Path, *, point: str) -> bytes:
    """Have openssl sign a CRL of three entries."""
    settings, signed, home = directory / "ca.cnf", directory / "signed.pem", authority.directory
    settings.write_text(CONFIGURATION.format(directory=directory, point=point))
    directory.joinpath("number").write_text("80\n")
    directory.joinpath("index.txt").write_text(
        "R\t360101000000Z\t260401120000Z\t01\tunknown\t/CN=1\n"
        "V\t360101000000Z\t\t02\tunknown\t/CN=2\n"
        "R\t360101000000Z\t260401120000Z,superseded\t80\tunknown\t/CN=128\n"
        "R\t360101000000Z\t260401120000Z,keyTime,20260401110000Z\t0100\tunknown\t/CN=256\n"
    )
    times = ["-crl_lastupdate", "20260401120000Z", "-crl_nextupdate", "20260402120000Z"]
    signer = ["-cert", home / "ca.pem", "-keyfile", home / "ca.key"]
    openssl("ca", "-gencrl", "-config", settings, *signer, *times, "-out", signed)
    return x509.load_pem_x509_crl(signed.read_bytes()).public_bytes(Encoding.DER)


def test_reads_what_openssl_signs(authority: Authority, tmp_path: Path):
    point = "fullname = dirName:name\nonlyuser = TRUE\nonlysomereasons = keyCompromise, superseded"
    found = parse_crl(openssl_crl(authority, tmp_path, point=point))
    issuer = IssuerIdentity.of(authority.certificate)
    assert (found.issuer_name, found.number) == (issuer.name, 0x80)
    assert (found.this_update, found.next_update) == (AT, TOMORROW)
    assert found.algorithm is algorithms.ECDSA_SHA384
    assert found.authority_key_id == issuer.hashes("sha1")[1]
    assert found.scope == Scope(
        names=("O=JPKI-SIM, CN=Naka-ku",), only_user=True, some_reasons=True
    )
    assert list(found.entries()) == [
        CrlEntry(1, AT),
        CrlEntry(0x80, AT, Reason.SUPERSEDED),
        CrlEntry(0x100, AT, Reason.KEY_COMPROMISE, AT - timedelta(hours=1)),
    ]
    key = authority.certificate.public_key()
    algorithms.verify(key, found.algorithm, found.signature, found.tbs)


def test_a_relative_name_is_read_in_full(authority: Authority, tmp_path: Path):
    found = parse_crl(openssl_crl(authority, tmp_path, point="relativename = relative"))
    assert found.scope
    assert found.scope.names == (f"{name_text(found.issuer_name)}, CN=Naka-ku",)


# --- the frame ------------------------------------------------------------------


def test_the_plainest_crl_is_read():
    found = parse_crl(crl())
    assert (found.next_update, found.number, found.base_number) == (None, None, None)
    assert (found.authority_key_id, found.scope, found.unknown_critical) == (None, None, ())
    assert list(found.entries()) == []


@pytest.mark.parametrize(
    ("inner", "outer"),
    [
        (algorithms.ECDSA_SHA256.der, algorithms.ECDSA_SHA384.der),
        (algorithms.RSA_SHA256.der, algorithms.ECDSA_SHA256.der),
        (algorithms.RSA_SHA256.der, der.sequence(der.oid(algorithms.RSA_SHA256.oid))),
    ],
)
def test_a_crl_names_one_algorithm(inner: bytes, outer: bytes):
    # RFC 5280 5.1.1.2: the same identifier, parameters and all.
    with pytest.raises(Malformed, match="two different"):
        parse_crl(crl(inner=inner, outer=outer))


def test_an_algorithm_that_is_not_trusted_is_unsupported():
    sha1 = der.sequence(der.oid("1.2.840.113549.1.1.5"), der.NULL)
    with pytest.raises(Unsupported, match=r"1\.2\.840\.113549\.1\.1\.5 "):
        parse_crl(crl(inner=sha1, outer=sha1))


@pytest.mark.parametrize("version", [b"", der.integer(0), der.integer(2), der.integer(-1)])
def test_another_version_is_unsupported(version: bytes):
    with pytest.raises(Unsupported, match="version"):
        parse_crl(crl(version=version))


def test_a_version_of_more_digits_than_can_be_printed_is_malformed():
    with pytest.raises(Malformed):
        parse_crl(crl(version=der.wrap(der.INTEGER, b"\x7f" * 2500)))


@pytest.mark.parametrize(
    "times",
    [
        pytest.param(b"", id="none"),
        pytest.param(der.NULL, id="NULL"),
        pytest.param(der.octet_string(b"0"), id="0"),
        pytest.param(der.wrap(der.UTC_TIME), id="empty"),
        pytest.param(der.wrap(der.UTC_TIME, b"000000000000Z"), id="all zeros"),
        pytest.param(TIME + der.wrap(der.GENERALIZED_TIME, b"0" * 14 + b"Z"), id="next all zeros"),
        pytest.param(TIME + der.wrap(der.UTC_TIME, b"2604011200Z"), id="no seconds"),
        pytest.param(TIME * 3, id="one too many"),
    ],
)
def test_t7_a_crl_of_no_date_is_malformed(times: bytes):
    with pytest.raises(Malformed):
        parse_crl(crl(times=times))


@pytest.mark.parametrize(
    "at", [b"", der.NULL, der.wrap(der.UTC_TIME), der.wrap(der.UTC_TIME, b"0"), der.integer(0)]
)
def test_t7_an_entry_of_no_date_is_malformed(at: bytes):
    with pytest.raises(Malformed):
        list(parse_crl(crl(entry(1, at=at))).entries())


def test_the_year_2050_is_a_generalized_time():
    times = der.wrap(der.UTC_TIME, b"491231235959Z") + der.generalized_time(
        datetime(2050, 1, 1, tzinfo=UTC)
    )
    found = parse_crl(crl(times=times))
    assert found.next_update is not None
    assert found.next_update - found.this_update == timedelta(seconds=1)


# --- number and delta -----------------------------------------------------------


def test_t27_a_delta_without_a_number_is_read_as_what_it_is():
    # OpenSSL dereferenced NULL here (CVE-2026-28388); the refresh refuses it.
    found = parse_crl(crl(extensions=(critical(DELTA_CRL_INDICATOR, der.integer(5)),)))
    assert (found.number, found.base_number) == (None, 5)


@pytest.mark.parametrize("oid", [CRL_NUMBER, DELTA_CRL_INDICATOR])
@pytest.mark.parametrize(
    "value",
    [
        b"",
        der.NULL,
        der.integer(-1),
        der.wrap(der.INTEGER, b"\x00\x05"),
        der.integer(2 ** (8 * MAX_INTEGER_BYTES)),
        der.integer(5) + b"\x00",
        der.sequence(der.integer(5)),
    ],
)
def test_a_number_that_is_none_is_malformed(oid: str, value: bytes):
    with pytest.raises(Malformed):
        parse_crl(crl(extensions=(write_extension(oid, value),)))


@pytest.mark.parametrize("number", [0, 1, 2**159 - 1, 2**255 - 1])
def test_numbers_of_rfc_5280_are_read(number: int):
    stated = write_extension(CRL_NUMBER, der.integer(number))
    assert parse_crl(crl(extensions=(stated,))).number == number


# --- authority key identifier ---------------------------------------------------

KEY_ID = der.wrap(der.implicit(0), b"k" * 20)
ISSUER_AND_SERIAL = der.wrap(der.explicit(1), directory_name("CA")) + der.integer(1, 0x82)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (KEY_ID, b"k" * 20),
        (KEY_ID + ISSUER_AND_SERIAL, b"k" * 20),
        (ISSUER_AND_SERIAL, None),
        (b"", None),
    ],
)
def test_the_key_identifier_is_read_where_it_is_stated(fields: bytes, expected: bytes | None):
    value = write_extension(AUTHORITY_KEY_IDENTIFIER, der.sequence(fields))
    assert parse_crl(crl(extensions=(value,))).authority_key_id == expected


@pytest.mark.parametrize("fields", [KEY_ID * 2, ISSUER_AND_SERIAL + KEY_ID, der.octet_string(b"k")])
def test_a_key_identifier_in_disorder_is_malformed(fields: bytes):
    value = write_extension(AUTHORITY_KEY_IDENTIFIER, der.sequence(fields))
    with pytest.raises(Malformed):
        parse_crl(crl(extensions=(value,)))


# --- scope ----------------------------------------------------------------------


def flag(number: int) -> bytes:
    return der.wrap(der.implicit(number), b"\xff")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param([full_name(URI)], Scope(names=(URL,)), id="URI"),
        pytest.param([full_name(directory_name("x"))], Scope(names=("CN=x",)), id="directory"),
        pytest.param(
            [full_name(directory_name("ward"), URI)], Scope(names=("CN=ward", URL)), id="both"
        ),
        pytest.param([flag(1)], Scope(only_user=True), id="only user certificates"),
        pytest.param([flag(2)], Scope(only_ca=True), id="only CA certificates"),
        pytest.param([flag(4)], Scope(indirect=True), id="indirect"),
        pytest.param([flag(5)], Scope(only_attribute=True), id="only attribute certificates"),
        pytest.param(
            [full_name(URI), flag(1), flag(4)],
            Scope(names=(URL,), only_user=True, indirect=True),
            id="several",
        ),
        pytest.param(
            [flag(1), der.wrap(der.implicit(4), b"\x00")],
            Scope(only_user=True),
            id="FALSE written out",
        ),
    ],
)
def test_a_scope_is_read(fields: list[bytes], expected: Scope):
    assert parse_crl(crl(extensions=(distribution_point(*fields),))).scope == expected


@pytest.mark.parametrize("content", ["00", "0640", "070080"])
def test_t28_some_reasons_is_a_fact_even_if_it_names_none(content: str):
    reasons = der.wrap(der.implicit(3), bytes.fromhex(content))
    scope = parse_crl(crl(extensions=(distribution_point(reasons),))).scope
    assert scope == Scope(some_reasons=True)


@pytest.mark.parametrize("content", ["", "08", "01", "01ff", "00000000"])
def test_t28_some_reasons_that_are_no_flags_are_malformed(content: str):
    # rustls-webpki panicked on the empty one, before any signature (RUSTSEC-2026-0104).
    reasons = der.wrap(der.implicit(3), bytes.fromhex(content))
    with pytest.raises(Malformed):
        parse_crl(crl(extensions=(distribution_point(reasons),)))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([], id="nothing said"),
        pytest.param([der.wrap(der.implicit(1), b"\x00")], id="nothing said, at length"),
        pytest.param([flag(1), flag(2)], id="only users and only CAs"),
        pytest.param([flag(2), flag(5)], id="only CAs and only attributes"),
        pytest.param([der.wrap(der.implicit(1), b"\x01")], id="BER boolean"),
        pytest.param([flag(4), flag(1)], id="disorder"),
        pytest.param([flag(1), flag(1)], id="twice"),
        pytest.param([flag(6)], id="a seventh field"),
        pytest.param([der.wrap(der.explicit(0))], id="a point of nothing"),
        pytest.param([full_name(), flag(1)], id="no name"),
        pytest.param([full_name(*[URI] * (MAX_SCOPE_NAMES + 1))], id="too many names (T22)"),
        pytest.param([full_name(der.wrap(der.implicit(6), b"http://\xe4/"))], id="URI not ASCII"),
        pytest.param([full_name(der.wrap(der.explicit(4)))], id="an empty directory name"),
        pytest.param([full_name(der.wrap(der.explicit(4), name("a"), name("b")))], id="two in one"),
    ],
)
def test_a_scope_that_is_none_is_malformed(fields: list[bytes]):
    with pytest.raises(Malformed):
        parse_crl(crl(extensions=(distribution_point(*fields),)))


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(full_name(der.wrap(der.implicit(1), b"a@b")), id="mail"),
        pytest.param(full_name(der.wrap(der.implicit(2), b"crl.invalid")), id="host"),
        pytest.param(full_name(URI, der.wrap(der.explicit(0))), id="otherName after a URI"),
    ],
)
def test_a_scope_named_otherwise_is_unsupported(point: bytes):
    with pytest.raises(Unsupported):
        parse_crl(crl(extensions=(distribution_point(point),)))


# --- extensions of the list -----------------------------------------------------


def test_t27_unknown_critical_extensions_are_listed():
    # Certificate hold instruction codes and freshest CRL are common; not critical ones.
    found = parse_crl(
        crl(
            extensions=(
                critical("1.2.3.4"),
                write_extension("2.5.29.46", der.sequence()),
                critical("2.5.29.18"),
                critical(CRL_NUMBER, der.integer(7)),
            )
        )
    )
    assert (found.unknown_critical, found.number) == (("1.2.3.4", "2.5.29.18"), 7)


@pytest.mark.parametrize(
    "extensions",
    [
        pytest.param(2 * (write_extension(CRL_NUMBER, der.integer(1)),), id="repeated"),
        pytest.param(
            tuple(write_extension(f"1.2.{n}", b"") for n in range(MAX_EXTENSIONS + 1)),
            id="too many (T22)",
        ),
    ],
)
def test_extensions_that_are_none_are_malformed(extensions: tuple[bytes, ...]):
    with pytest.raises(Malformed):
        parse_crl(crl(extensions=extensions))


# --- entries --------------------------------------------------------------------


@pytest.mark.parametrize("serial", [0, 1, 2**159 - 1, 2**159, 2**167 - 1, 2**255 - 1])
def test_serials_up_to_32_octets_are_read(serial: int):
    assert [each.serial for each in parse_crl(crl(entry(serial))).entries()] == [serial]


@pytest.mark.parametrize(
    "serial",
    [
        pytest.param(der.integer(-1), id="negative"),
        pytest.param(der.integer(2**255), id="33 octets"),
        pytest.param(der.wrap(der.INTEGER, b"\x00\x01"), id="not minimal"),
        pytest.param(der.wrap(der.INTEGER), id="empty"),
        pytest.param(der.integer(1, der.ENUMERATED), id="another type"),
    ],
)
def test_a_serial_that_is_none_is_malformed(serial: bytes):
    with pytest.raises(Malformed):
        list(parse_crl(crl(der.sequence(serial, TIME))).entries())


@pytest.mark.parametrize(
    "strange",
    [
        pytest.param(critical("1.2.3.4"), id="unknown and critical"),
        pytest.param(
            critical(CERTIFICATE_ISSUER, der.sequence(directory_name("x"))), id="indirect"
        ),
        pytest.param(
            write_extension(CERTIFICATE_ISSUER, der.sequence(directory_name("x"))),
            id="indirect, though not critical",
        ),
    ],
)
def test_c7_an_entry_that_is_not_understood_stops_the_reading_where_it_stands(strange: bytes):
    entries = parse_crl(crl(entry(1), entry(2, strange), entry(3))).entries()
    assert next(entries).serial == 1
    with pytest.raises(Unsupported):
        next(entries)


def test_other_extensions_of_an_entry_are_passed_over():
    hold = write_extension("2.5.29.23", der.oid("1.2.840.10040.2.1"))
    assert list(parse_crl(crl(entry(1, hold))).entries()) == [CrlEntry(1, AT)]


@pytest.mark.parametrize(
    "extensions",
    [
        pytest.param([write_extension(CRL_REASON, der.integer(7, der.ENUMERATED))], id="reason 7"),
        pytest.param([write_extension(CRL_REASON, der.integer(1))], id="reason as INTEGER"),
        pytest.param([write_extension(CRL_REASON, b"")], id="no reason"),
        pytest.param(2 * [write_extension(CRL_REASON, der.integer(1, der.ENUMERATED))], id="two"),
        pytest.param([write_extension(INVALIDITY_DATE, TIME)], id="invalidity date as UTCTime"),
        pytest.param([der.NULL], id="NULL"),
    ],
)
def test_an_extension_of_an_entry_that_is_none_is_malformed(extensions: list[bytes]):
    with pytest.raises(Malformed):
        list(parse_crl(crl(entry(1, *extensions))).entries())


def test_an_empty_list_of_entries_is_read_although_it_should_be_absent():
    # RFC 5280 5.1.2.6; OpenSSL and others have written it for years.
    tbs = der.sequence(der.integer(1), ALGORITHM, name("CA"), TIME, der.sequence())
    found = parse_crl(der.sequence(tbs, ALGORITHM, der.bit_string(b"")))
    assert list(found.entries()) == []


@interpreted
def test_t30_the_frame_is_read_without_the_entries(monkeypatch: pytest.MonkeyPatch):
    def steps(read: Callable[[], object]) -> int:
        count, real = 0, der.tlv

        def counted(data: bytes, at: int, stop: int) -> tuple[int, int, int]:
            nonlocal count
            count += 1
            return real(data, at, stop)

        with monkeypatch.context() as patched:
            patched.setattr(der, "tlv", counted)
            read()
        return count

    small, large = crl(entry(1)), crl(*map(entry, range(5000)))
    assert steps(lambda: parse_crl(large)) == steps(lambda: parse_crl(small)) < 30
    listed = parse_crl(large)
    assert steps(lambda: list(listed.entries())) < 5000  # the usual ones take no steps at all


def test_t30_what_is_wrong_with_an_entry_shows_when_it_is_reached():
    entries = parse_crl(crl(entry(1), der.NULL)).entries()
    assert next(entries) == CrlEntry(1, AT)
    with pytest.raises(Malformed):
        next(entries)


FULL = crl(
    entry(1, write_extension(CRL_REASON, der.integer(1, der.ENUMERATED))),
    extensions=(
        write_extension(CRL_NUMBER, der.integer(1)),
        write_extension(AUTHORITY_KEY_IDENTIFIER, der.sequence(KEY_ID)),
        distribution_point(full_name(URI), flag(1)),
    ),
    inner=algorithms.RSA_SHA256.der,
    outer=algorithms.RSA_SHA256.der,
)


def test_a_crl_that_breaks_off_is_malformed():
    for data in broken_off(FULL):
        with pytest.raises(Malformed):
            parse_crl(data)


# The issuer's name is compared byte for byte and not read.
READ = [each for each in with_trailing_bytes(FULL) if name("CA") in each]


@pytest.mark.parametrize("data", READ)
def test_bytes_after_the_last_element_are_refused_at_every_level(data: bytes):
    with pytest.raises((Malformed, Unsupported)):
        list(parse_crl(data).entries())
