"""What is kept, logged or raised names nobody: no serial number, no item, no certificate."""

import dataclasses
import json
import pickle
import pickletools
import traceback
from collections.abc import Callable, Iterator

import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from support.jpki import AT, FAMILIES, PROFILE, PURPOSE, SECRETS, certificate, examine, profile
from tashika.errors import TashikaError
from tashika.jpki import (
    AccountKey,
    BasicFour,
    Recognised,
    age_at_least,
    basic_four,
)
from tashika.pki import der
from tashika.pki.profile import BasicItem

SIGNATURE, USER_AUTH = FAMILIES
PERSON = {
    BasicItem.NAME: "秘密\u3000太郎",
    BasicItem.BIRTH: "319700706",
    BasicItem.GENDER: "1",
    BasicItem.ADDRESS: "模擬県秘密市一丁目",
    BasicItem.NAME_SUBSTITUTES: "01010",
    BasicItem.ADDRESS_SUBSTITUTES: "010101010",
}
CERTIFICATE = certificate(items=PERSON)
ENCODED = CERTIFICATE.public_bytes(Encoding.DER)
SERIAL = CERTIFICATE.serial_number
SUBJECT = [str(each.value) for each in CERTIFICATE.subject]
TOLD = [text for item, text in PERSON.items() if item is not BasicItem.GENDER]
NEEDLES = [
    *TOLD,
    "1970-07-06",
    "1970, 7, 6",
    *SUBJECT[1:],
    str(SERIAL),
    f"{SERIAL:x}",
    repr(SERIAL.to_bytes(4, "big"))[2:-1],
    ENCODED.hex()[40:80],
    CERTIFICATE.public_bytes(Encoding.PEM).decode()[100:140],
    f"{CERTIFICATE.not_valid_after_utc:%Y-%m-%d}",  # falls on the birthday in real ones
]


def assert_silent(text: str) -> None:
    """Fail where a text tells anything, in any case or JSON's escapes."""
    for needle in NEEDLES:
        for form in (needle, json.dumps(needle)[1:-1], ascii(needle)[1:-1]):
            assert form.lower() not in text.lower(), f"{form} is told"


def test_the_search_finds_what_it_looks_for():
    for needle in NEEDLES:
        with pytest.raises(AssertionError):
            assert_silent(json.dumps({"event": f"a {needle}"}))


# --- what is kept ------------------------------------------------------------


def test_what_is_recognised_may_be_kept():
    found = examine(CERTIFICATE)
    assert_silent(repr(found) + str(found) + f"{found}")
    assert_silent(repr(dataclasses.asdict(found)))
    assert PURPOSE[SIGNATURE].reference not in repr(found)


def test_what_is_pickled_holds_nothing():
    pickled = pickle.dumps(examine(CERTIFICATE))
    values = [value for _, value, _ in pickletools.genops(pickled)]
    assert SERIAL not in values
    assert_silent(repr(values))
    assert ENCODED[:40] not in pickled
    again = pickle.loads(pickled)  # noqa: S301 - our own bytes
    assert isinstance(again, Recognised)
    assert again == examine(CERTIFICATE)


def reachable(value: object, depth: int = 6) -> Iterator[object]:
    """Walk everything a value holds."""
    yield value
    if depth and dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from reachable(getattr(value, field.name), depth - 1)
    elif depth and isinstance(value, tuple | list | frozenset):
        for each in value:
            yield from reachable(each, depth - 1)


def test_nothing_reachable_is_a_certificate_or_its_number():
    found = [*reachable(examine(CERTIFICATE))]
    assert not any(isinstance(each, x509.Certificate) for each in found)
    assert SERIAL not in found
    assert any(isinstance(each, AccountKey) for each in found)


def test_the_profile_and_its_keys_hide_themselves():
    assert_silent(repr(PROFILE))
    secret = bytes(range(32))
    for each in (PROFILE, SECRETS, examine(CERTIFICATE).account):
        assert secret.hex() not in repr(each)
        assert repr(secret)[2:10] not in repr(each)
    assert examine(CERTIFICATE).account.mac.hex() not in repr(examine(CERTIFICATE))
    assert examine(CERTIFICATE).account.mac.hex() not in repr(examine(CERTIFICATE).account)


# --- what is logged ----------------------------------------------------------

FOUR = basic_four(CERTIFICATE)
LOGGED = [
    examine(CERTIFICATE),
    examine(CERTIFICATE).purpose,
    examine(CERTIFICATE).account,
    FOUR,
    FOUR.name,
    FOUR.birth,
    FOUR.address,
    [FOUR],
    {"four": FOUR},
    PROFILE,
    SECRETS,
]


@pytest.mark.parametrize("value", LOGGED, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize(
    "renderer",
    [
        structlog.processors.JSONRenderer(),
        structlog.processors.KeyValueRenderer(),
        structlog.processors.LogfmtRenderer(),
        structlog.dev.ConsoleRenderer(colors=False),
    ],
    ids=lambda renderer: type(renderer).__name__,
)
def test_logs_tell_nothing(renderer: Callable, value: object):
    rendered = renderer(None, "info", {"event": "checked", "value": value})
    assert_silent(rendered)
    assert "loan 4711" not in rendered


def test_four_items_show_nothing_but_when_they_are_asked():
    assert_silent(repr(FOUR) + str(FOUR) + f"{FOUR}" + repr([FOUR.name, FOUR.birth]))
    assert isinstance(FOUR, BasicFour)
    assert FOUR.name.text == PERSON[BasicItem.NAME]


def test_an_age_is_a_boolean_and_nothing_else():
    assert [type(age_at_least(CERTIFICATE, years, at=AT)) for years in (18, 80)] == [bool, bool]


# --- what is raised ----------------------------------------------------------


def spoiled(item: BasicItem, value: bytes) -> x509.Certificate:
    return certificate(items={**PERSON, item: value})


def failures() -> Iterator[tuple[str, Callable[[], object]]]:
    name = PERSON[BasicItem.NAME].encode()
    bad_text = spoiled(BasicItem.NAME, der.wrap(0x0C, name + b"\xff"))
    bad_type = spoiled(BasicItem.ADDRESS, der.wrap(0x13, PERSON[BasicItem.ADDRESS].encode()))
    nested = spoiled(BasicItem.BIRTH, der.sequence(der.wrap(0x0C, b"319700706")))
    partial = spoiled(BasicItem.BIRTH, der.wrap(0x0C, b"319700006"))
    unusual = certificate(items=PERSON, instead={x509.KeyUsage: None})
    expired = certificate(items=PERSON, ends=-AT.resolution)
    foreign = profile(generations=[])
    yield "text", lambda: basic_four(bad_text)
    yield "type", lambda: basic_four(bad_type)
    yield "nested", lambda: age_at_least(nested, 18, at=AT)
    yield "partial", lambda: age_at_least(partial, 18, at=AT)
    yield "shape", lambda: examine(unusual)
    yield "purpose", lambda: examine(CERTIFICATE, USER_AUTH)
    yield "expired", lambda: examine(expired)
    yield "issuer", lambda: examine(CERTIFICATE, profile=foreign)
    yield "cut off", lambda: examine(ENCODED[:-30])
    for place in range(20, len(ENCODED) - 80, 23):
        bad = ENCODED[:place] + bytes([ENCODED[place] ^ 0x55]) + ENCODED[place + 1 :]
        yield f"octet {place}", lambda bad=bad: (examine(bad), basic_four(bad))


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """Return an error and all that come along with it, suppressed ones too."""
    while error is not None:
        yield error
        if error.__cause__ is not error.__context__:
            yield from chain(error.__cause__)
        error = error.__context__


@pytest.mark.parametrize(
    "failure", [each for _, each in failures()], ids=[i for i, _ in failures()]
)
def test_no_error_and_none_behind_it_tells_anything(failure: Callable[[], object]):
    with pytest.raises(TashikaError) as raised:
        failure()
    for error in chain(raised.value):
        assert_silent(repr(error) + repr(error.args) + repr(vars(error)))
        assert not isinstance(error, UnicodeDecodeError)
    assert_silent("".join(traceback.format_exception_only(raised.value)))
