"""Distinguished names as text, against pyca's RFC 4514."""

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from support.strategies import steady
from tashika.pki import der
from tashika.pki.errors import Malformed
from tashika.pki.limits import MAX_NAME_PARTS
from tashika.pki.names import name_text, same_name

COMMON_NAME = der.oid("2.5.4.3")

OIDS = [
    x509.NameOID.COMMON_NAME,
    x509.NameOID.ORGANIZATION_NAME,
    x509.NameOID.ORGANIZATIONAL_UNIT_NAME,
    x509.NameOID.LOCALITY_NAME,
    x509.NameOID.STATE_OR_PROVINCE_NAME,
    x509.NameOID.DOMAIN_COMPONENT,
    x509.NameOID.SERIAL_NUMBER,
]

texts = st.text(
    st.sampled_from(' #,+"\\<>;=\0aZé署𠮷') | st.characters(exclude_categories=["Cs"]),
    min_size=1,
    max_size=20,
)
strings = texts.map(lambda text: der.wrap(0x0C, text.encode())) | texts.map(
    lambda text: der.wrap(0x1C, text.encode("utf-32-be"))
)
parts = st.dictionaries(st.sampled_from(OIDS), strings, min_size=1, max_size=3).map(
    # The elements of a SET OF are in order of their bytes (X.690 11.6).
    lambda part: der.wrap(
        der.SET,
        *sorted(der.sequence(der.oid(oid.dotted_string), value) for oid, value in part.items()),
    )
)
names = st.lists(parts, max_size=5).map(lambda listed: der.sequence(*listed))


def name(*values: bytes) -> bytes:
    """Write a Name of one CN to a part."""
    pairs = (der.sequence(COMMON_NAME, value) for value in values)
    return der.sequence(*(der.wrap(der.SET, pair) for pair in pairs))


@steady
@given(names)
def test_writes_what_pyca_writes_in_the_other_order(data: bytes):
    # RFC 4514 begins with the last part; here the order is the name's own.
    theirs = [part.rfc4514_string() for part in x509.Name.from_bytes(data).rdns]
    assert name_text(data) == ", ".join(theirs)


def test_a_distribution_point_of_jpki_reads_like_this():
    municipality = x509.Name.from_rfc4514_string(
        "CN=Yokohama-shi-Naka-ku CRLDP,OU=Kanagawa-ken,OU=CRL Distribution Points,"
        "OU=JPKI for user authentication,O=JPKI-SIM,C=JP"
    )
    assert name_text(municipality.public_bytes()) == (
        "C=JP, O=JPKI-SIM, OU=JPKI for user authentication, OU=CRL Distribution Points, "
        "OU=Kanagawa-ken, CN=Yokohama-shi-Naka-ku CRLDP"
    )


@pytest.mark.parametrize(
    ("tag", "content", "text"),
    [
        pytest.param(0x0C, "署名".encode(), "署名", id="UTF8String"),
        pytest.param(0x12, b"14 103", "14 103", id="NumericString"),
        pytest.param(0x13, b"JP", "JP", id="PrintableString"),
        pytest.param(0x14, b"caf\xe9", "café", id="TeletexString, in practice Latin-1"),
        pytest.param(0x16, b"a@b", "a@b", id="IA5String"),
        pytest.param(0x1A, b"visible", "visible", id="VisibleString"),
        pytest.param(0x1C, "𠮷".encode("utf-32-be"), "𠮷", id="UniversalString"),
        pytest.param(0x1E, "署名".encode("utf-16-be"), "署名", id="BMPString"),
        pytest.param(0x0C, b"", "", id="empty"),
        pytest.param(0x03, b"\x00\xff", "#030200ff", id="BIT STRING"),
        pytest.param(0x30, b"\x05\x00", "#30020500", id="SEQUENCE"),
    ],
)
def test_every_type_of_string_is_read(tag: int, content: bytes, text: str):
    assert name_text(name(der.wrap(tag, content))) == f"CN={text}"


def test_text_is_never_taken_for_hexadecimal():
    assert name_text(name(der.wrap(0x0C, b"#0500"))) == "CN=\\#0500"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(der.wrap(der.SET), id="a set of nothing"),
        pytest.param(der.sequence(der.sequence()), id="a sequence where a set is meant"),
        pytest.param(der.sequence(der.wrap(der.SET)), id="an empty part"),
        pytest.param(der.sequence() + b"\x00", id="trailing byte"),
        pytest.param(name(b""), id="no value"),
        pytest.param(name(der.NULL + der.NULL), id="two values"),
        pytest.param(name(der.wrap(0x0C, b"a") + der.NULL), id="a text and another value"),
        pytest.param(name(b"\x03\x05a"), id="a value that breaks off"),
        pytest.param(name(b"\x9f\x01\x00"), id="a high tag"),
        pytest.param(name(der.wrap(0x0C, b"\xff")), id="not UTF-8"),
        pytest.param(name(der.wrap(0x0C, b"\xed\xa0\x80")), id="a surrogate in UTF-8"),
        pytest.param(name(der.wrap(0x13, b"\xe9")), id="not ASCII"),
        pytest.param(name(der.wrap(0x1E, b"a")), id="half a character"),
        pytest.param(name(der.wrap(0x1E, b"\xd8\x00")), id="half a pair"),
        pytest.param(name(der.wrap(0x1C, b"\xff\xff\xff\xff")), id="beyond Unicode"),
        pytest.param(name(*[der.wrap(0x0C, b"a")] * (MAX_NAME_PARTS + 1)), id="too many (T22)"),
        pytest.param(
            der.sequence(
                der.wrap(
                    der.SET, der.sequence(COMMON_NAME, der.wrap(0x0C, b"a")) * (MAX_NAME_PARTS + 1)
                )
            ),
            id="too many in one part (T22)",
        ),
    ],
)
def test_a_name_that_is_none_is_malformed(data: bytes):
    with pytest.raises(Malformed):
        name_text(data)


def test_the_longest_name_is_read():
    longest = name(*[der.wrap(0x0C, b"a")] * MAX_NAME_PARTS)
    assert name_text(longest) == ", ".join(["CN=a"] * MAX_NAME_PARTS)
    assert name_text(der.sequence()) == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C=JP, CN=Naka-ku", "C=JP,CN=Naka-ku"),
        ("C=JP, CN=Naka-ku", "c=jp, cn=NAKA-KU"),
        ("CN=Naka  ku", "CN=Naka ku"),
        ("CN=\\ Naka ku\\ , C=JP", "CN= Naka ku , C=JP"),
        ("CN=Straße", "CN=STRASSE"),
        ("CN=a\\, b", "CN=A\\,  B"),
    ],
)
def test_names_that_differ_in_case_and_space_are_the_same(one: str, other: str):
    assert same_name(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C=JP, CN=Naka-ku", "CN=Naka-ku, C=JP"),
        ("C=JP, CN=Naka-ku", "C=JP"),
        ("C=JP, OU=Naka-ku", "C=JP, CN=Naka-ku"),
        ("CN=Naka ku", "CN=Nakaku"),
        ("CN=a\\, b", "CN=a\\,b"),
        ("CN=a\\, CN=b", "CN=a, CN=b"),
        ("CN=#0500", "CN=\\#0500"),
        ("", "CN=a"),
    ],
)
def test_names_that_differ_in_more_are_not_the_same(one: str, other: str):
    assert not same_name(one, other)
