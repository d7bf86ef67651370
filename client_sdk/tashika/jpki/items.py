"""The basic four items (基本4情報) of a signature certificate, read on explicit call only.

Formats are those seen in published certificates; what differs is kept as it is
written. Nothing here is ever logged: every value hides itself in its repr. That
the certificate is genuine and in force is for others to say, and first.
"""

import re
from dataclasses import dataclass
from datetime import date
from enum import Enum

from cryptography import x509

from tashika.errors import PkiError, ProfileRefused
from tashika.jpki.causes import JpkiCause
from tashika.jpki.shape import other_names, read, reading
from tashika.pki import der
from tashika.pki.profile import BasicItem

_UTF8_STRING = 0x0C
_KNOWN = {item.value: item for item in BasicItem}
_BIRTH = re.compile(r"[0-9]{9}")


class Era(Enum):
    """The era of a birth date, by its first digit."""

    UNKNOWN = "0"
    MEIJI = "1"
    TAISHO = "2"
    SHOWA = "3"
    HEISEI = "4"
    REIWA = "5"


_DAYS = {
    Era.MEIJI: (date(1868, 1, 25), date(1912, 7, 30)),
    Era.TAISHO: (date(1912, 7, 30), date(1926, 12, 25)),
    Era.SHOWA: (date(1926, 12, 25), date(1989, 1, 7)),
    Era.HEISEI: (date(1989, 1, 8), date(2019, 4, 30)),
    Era.REIWA: (date(2019, 5, 1), date.max),
}
"""First and last days. Until Showa the day of change belongs to both eras."""


class Gender(Enum):
    """The gender item: 1, 2, and whatever else is written."""

    MALE = "male"
    FEMALE = "female"
    UNKNOWN = "unknown"


_GENDERS = {"1": Gender.MALE, "2": Gender.FEMALE}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Written:
    """A name or an address, as the certificate has it."""

    text: str
    mask: str
    """One digit for each character, 1 where a substitute stands for a rare one; '' if absent.

    Its length may differ from the text's: seen, and not enforced.
    """

    @property
    def substituted(self) -> tuple[int, ...]:
        """The places, from 0, where the character is a substitute."""
        return tuple(place for place, digit in enumerate(self.mask) if digit == "1")

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "<Written, hidden>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Birth:
    """A birth date: nine digits, the era and a Gregorian YYYYMMDD."""

    raw: str
    era: Era
    day: date | None
    """None where it is unknown in part or whole, is no day, or is not in its era."""

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "<Birth, hidden>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BasicFour:
    """Name, birth, gender and address of a holder."""

    name: Written
    """Family and given name, U+3000 between them; a former name (旧氏) may be within."""
    birth: Birth
    gender: Gender
    gender_raw: str
    address: Written
    """For holders abroad, the fact and the day of moving, in a form that is not public."""
    unread: tuple[str, ...]
    """Types (OIDs) of further items: what they hold is not known and not kept."""

    def __repr__(self) -> str:
        """Show nothing of it."""
        return "<BasicFour, hidden>"


def basic_four(certificate: x509.Certificate | bytes) -> BasicFour:
    """Read the basic four items; raises ProfileRefused, and WrongUse for no certificate.

    Name, birth, gender and address must be there, each once; masks may be absent.
    """
    found, unread = _raw_items(certificate)
    gender = _text(found, BasicItem.GENDER)
    return BasicFour(
        name=_written(found, BasicItem.NAME, BasicItem.NAME_SUBSTITUTES),
        birth=_birth(_text(found, BasicItem.BIRTH)),
        gender=_GENDERS.get(gender, Gender.UNKNOWN),
        gender_raw=gender,
        address=_written(found, BasicItem.ADDRESS, BasicItem.ADDRESS_SUBSTITUTES),
        unread=unread,
    )


def birth_day(certificate: x509.Certificate | bytes) -> date | None:
    """Read the day of birth and nothing else; None and errors as basic_four() has them."""
    found, _ = _raw_items(certificate)
    return _birth(_text(found, BasicItem.BIRTH)).day


def _raw_items(
    certificate: x509.Certificate | bytes,
) -> tuple[dict[BasicItem, bytes], tuple[str, ...]]:
    found, unread = dict[BasicItem, bytes](), list[str]()
    with reading():
        names = other_names(read(certificate))
    for each in names:
        item = _KNOWN.get(oid := each.type_id.dotted_string)
        if item is None:
            unread.append(oid)
        elif item in found:
            raise ProfileRefused(JpkiCause.ITEM_MALFORMED, f"{item.name} is repeated")
        else:
            found[item] = each.value
    return found, tuple(unread)


def _written(found: dict[BasicItem, bytes], text: BasicItem, mask: BasicItem) -> Written:
    return Written(text=_text(found, text), mask=_text(found, mask) if mask in found else "")


def _text(found: dict[BasicItem, bytes], item: BasicItem) -> str:
    if item not in found:
        raise ProfileRefused(JpkiCause.ITEM_ABSENT, item.name)
    text = _decoded(found[item])
    if text is None:
        raise ProfileRefused(JpkiCause.ITEM_MALFORMED, f"{item.name} is no UTF8String")
    return text


def _decoded(value: bytes) -> str | None:
    # Refused by the caller, outside of this `except`: a UnicodeDecodeError holds
    # the octets it failed on, and would come along as the refusal's context.
    try:
        return der.Reader(value).only(_UTF8_STRING).rest.decode()
    except (PkiError, UnicodeDecodeError):
        return None


def _birth(raw: str) -> Birth:
    if not _BIRTH.fullmatch(raw) or raw[0] > Era.REIWA.value:
        return Birth(raw=raw, era=Era.UNKNOWN, day=None)
    era, day = Era(raw[0]), _day(raw[1:])
    begins, ends = _DAYS.get(era, (date.max, date.min))
    return Birth(raw=raw, era=era, day=day if day and begins <= day <= ends else None)


def _day(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None
