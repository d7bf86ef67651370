"""The basic four items: read as OpenSSL and asn1crypto read them, odd values kept as they are."""

import re
import subprocess
from datetime import date
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.jpki import certificate
from tashika.errors import ProfileRefused, WrongUse
from tashika.jpki import BasicFour, Era, Family, Gender, JpkiCause, basic_four
from tashika.pki import der
from tashika.pki.profile import JPKI_ARC, BasicItem
from tashika.testing import DUMMY_ITEMS

FURIGANA = f"{JPKI_ARC}.8.5.5.7"
"""Recorded since 2026-05-26 under a type that is not public; this one is a guess."""
UTF8_STRING = 0x0C


def read(**items: str | bytes | None) -> BasicFour:
    """Issue a certificate with these items changed, and read them."""
    return basic_four(certificate(items={BasicItem[name]: value for name, value in items.items()}))


def cause(**items: str | bytes | None) -> JpkiCause:
    with pytest.raises(ProfileRefused) as refused:
        read(**items)
    return refused.value.cause


def test_all_items_are_read():
    four = read()
    assert four.name.text == "模擬\u3000花子"
    assert four.name.substituted == ()
    assert (four.birth.era, four.birth.day) == (Era.SHOWA, date(1980, 12, 31))
    assert (four.gender, four.gender_raw) == (Gender.FEMALE, "2")
    assert four.address.text == DUMMY_ITEMS[BasicItem.ADDRESS]
    assert four.unread == ()


# --- independent readers -----------------------------------------------------


def as_asn1crypto_reads(encoded: bytes) -> dict[str, str]:
    names = asn1_x509.Certificate.load(encoded).subject_alt_name_value
    return {each.chosen["type_id"].dotted: each.chosen["value"].parsed.native for each in names}


def ours(given: x509.Certificate) -> dict[str, str]:
    four = basic_four(given)
    return {
        BasicItem.NAME: four.name.text,
        BasicItem.BIRTH: four.birth.raw,
        BasicItem.GENDER: four.gender_raw,
        BasicItem.ADDRESS: four.address.text,
        BasicItem.NAME_SUBSTITUTES: four.name.mask,
        BasicItem.ADDRESS_SUBSTITUTES: four.address.mask,
    }


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text(max_size=60), min_size=6, max_size=6))
def test_asn1crypto_reads_the_same(texts: list[str]):
    made = certificate(items=dict(zip(BasicItem, texts, strict=True)))
    read = as_asn1crypto_reads(made.public_bytes(Encoding.DER))
    assert ours(made) == read == dict(zip(BasicItem, texts, strict=True))


KANJI = st.text(st.characters(min_codepoint=0x3041, max_codepoint=0x9FFF), min_size=1, max_size=30)
DIGITS = st.text("0123456789", min_size=1, max_size=12)
PEOPLE = st.lists(st.tuples(KANJI, DIGITS, DIGITS, DIGITS, KANJI, DIGITS), min_size=8, max_size=8)


@settings(max_examples=3, deadline=None)
@given(PEOPLE)
def test_openssl_reads_the_same(tmp_path_factory: pytest.TempPathFactory, people: list):
    made = [certificate(items=dict(zip(BasicItem, each, strict=True))) for each in people]
    file = tmp_path_factory.mktemp("people") / "all.pem"
    file.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in made))
    command = ["openssl", "storeutl", "-noout", "-text", "-certs", str(file)]
    shown = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    if "<unsupported>" in shown:
        pytest.skip("OpenSSL shows what is in otherNames since 3.0: install that")
    lines = re.findall(r"othername: (1\.2\.392\.200149.+)", shown)
    found = [dict(pair.split("::") for pair in line.split(", othername: ")) for line in lines]
    assert found == [ours(each) for each in made]


# --- birth -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "era", "day"),
    [
        ("118991201", Era.MEIJI, date(1899, 12, 1)),
        ("119120730", Era.MEIJI, date(1912, 7, 30)),
        ("219120730", Era.TAISHO, date(1912, 7, 30)),
        ("319261225", Era.SHOWA, date(1926, 12, 25)),
        ("319890107", Era.SHOWA, date(1989, 1, 7)),
        ("419890108", Era.HEISEI, date(1989, 1, 8)),
        ("420190430", Era.HEISEI, date(2019, 4, 30)),
        ("520190501", Era.REIWA, date(2019, 5, 1)),
        ("420000229", Era.HEISEI, date(2000, 2, 29)),
        # Unknown in part or whole.
        ("319800000", Era.SHOWA, None),
        ("319801200", Era.SHOWA, None),
        ("300000000", Era.SHOWA, None),
        ("000000000", Era.UNKNOWN, None),
        ("019801231", Era.UNKNOWN, None),
        ("", Era.UNKNOWN, None),
        ("不明", Era.UNKNOWN, None),
        # No day, or not in its era.
        ("419000229", Era.HEISEI, None),
        ("419801231", Era.HEISEI, None),
        ("319890108", Era.SHOWA, None),
        ("519991231", Era.REIWA, None),
        ("619801231", Era.UNKNOWN, None),
        ("9999999999", Era.UNKNOWN, None),
        ("31980123", Era.UNKNOWN, None),
        ("\uff1319801231", Era.UNKNOWN, None),
        ("3\uff11\uff19801231", Era.UNKNOWN, None),
        ("319801231\n", Era.UNKNOWN, None),
    ],
)
def test_birth_dates_are_kept_as_written_and_read_where_sure(raw: str, era: Era, day: date | None):
    birth = read(BIRTH=raw).birth
    assert (birth.raw, birth.era, birth.day) == (raw, era, day)


# --- gender, masks, addresses ------------------------------------------------


@pytest.mark.parametrize(
    ("digit", "gender"),
    [("1", Gender.MALE), ("2", Gender.FEMALE)]
    + [(digit, Gender.UNKNOWN) for digit in ("0", "3", "9", "", "12", "男", "\uff11")],
)
def test_genders(digit: str, gender: Gender):
    four = read(GENDER=digit)
    assert (four.gender, four.gender_raw) == (gender, digit)


@pytest.mark.parametrize(
    ("mask", "places"),
    [
        ("10010", (0, 3)),
        ("", ()),
        ("1", (0,)),
        ("0000000000001", (12,)),  # longer than the name: seen, not enforced
        ("2x1", (2,)),
    ],
)
def test_masks_of_any_length_are_kept(mask: str, places: tuple[int, ...]):
    name = read(NAME_SUBSTITUTES=mask).name
    assert (name.mask, name.substituted) == (mask, places)


def test_masks_may_be_absent():
    four = read(NAME_SUBSTITUTES=None, ADDRESS_SUBSTITUTES=None)
    assert (four.name.mask, four.address.mask) == ("", "")


@pytest.mark.parametrize(
    "address",
    [
        "国外転出　令和六年五月二十七日",  # the real form for holders abroad is not public
        "東京都千代田区一\uff0d二\uff0d三",
        "あ" * 201,
        "",
    ],
)
def test_addresses_are_kept_as_written(address: str):
    assert read(ADDRESS=address).address.text == address


def test_a_former_name_stays_within_the_name():
    assert read(NAME="見本「模擬」\u3000花子").name.text == "見本「模擬」\u3000花子"


# --- what is there and what is not -------------------------------------------


def test_unknown_items_are_named_and_not_kept():
    secret = "モギハナコ"
    given = certificate(items={FURIGANA: secret, "2.25.5": der.sequence(der.integer(7))})
    four = basic_four(given)
    assert four.unread == (FURIGANA, "2.25.5")
    assert secret not in "".join(ours(given).values())


@pytest.mark.parametrize("item", ["NAME", "BIRTH", "GENDER", "ADDRESS"])
def test_an_absent_item_is_said(item: str):
    assert cause(**{item: None}) is JpkiCause.ITEM_ABSENT


def test_a_user_authentication_certificate_has_no_items():
    with pytest.raises(ProfileRefused, match="lacks a basic item"):
        basic_four(certificate(Family.USER_AUTH))


@pytest.mark.parametrize(
    "value",
    [
        der.wrap(0x13, b"PRINTABLE"),
        der.wrap(UTF8_STRING, b"\xff\xfe"),
        der.wrap(UTF8_STRING, b"\xed\xa0\x80"),  # a surrogate
        der.sequence(der.wrap(UTF8_STRING, b"nested")),
        der.NULL,
    ],
)
@pytest.mark.parametrize("item", ["NAME", "BIRTH", "ADDRESS_SUBSTITUTES"])
def test_an_item_of_another_type_is_said(item: str, value: bytes):
    assert cause(**{item: value}) is JpkiCause.ITEM_MALFORMED


def test_a_repeated_item_is_said():
    twice = x509.OtherName(x509.ObjectIdentifier(BasicItem.NAME), der.wrap(UTF8_STRING, b"A"))
    names = x509.SubjectAlternativeName([twice, twice])
    with pytest.raises(ProfileRefused, match="NAME is repeated"):
        basic_four(certificate(instead={x509.SubjectAlternativeName: (names, False)}))


def test_other_names_do_not_disturb():
    names = certificate().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    more = x509.SubjectAlternativeName([x509.DNSName("a.test"), *names, x509.RFC822Name("a@b")])
    given = certificate(instead={x509.SubjectAlternativeName: (more, False)})
    assert ours(given) == dict(DUMMY_ITEMS)


@pytest.mark.parametrize("given", [None, "text", 7, Path("certificate.pem")])
def test_what_is_no_certificate_is_wrong_use(given: object):
    with pytest.raises(WrongUse):
        basic_four(given)  # type: ignore[arg-type]
