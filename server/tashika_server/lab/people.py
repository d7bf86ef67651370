"""Synthetic holders: the same for the same seed, and plainly nobody.

What a resident record would say of them, in the formats of the certificate's basic four items.
Not for real people: nothing here reads any register.
"""

import random
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from tashika_server.lab.municipalities import Municipality

__all__ = ["Gender", "Person", "synthetic_person"]

_FAMILY_NAMES = ("模擬", "仮想", "試験", "見本", "架空")
_GIVEN_NAMES = ("太郎", "花子", "一郎", "春子", "次郎", "秋子", "三郎", "夏子")
_FULL_WIDTH = str.maketrans({str(digit): chr(0xFF10 + digit) for digit in range(10)})
_ERAS = (
    (date(2019, 5, 1), "5"),
    (date(1989, 1, 8), "4"),
    (date(1926, 12, 25), "3"),
    (date(1912, 7, 30), "2"),
    (date.min, "1"),
)


class Gender(StrEnum):
    """The gender item as it is written."""

    MALE = "1"
    FEMALE = "2"
    UNKNOWN = "3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One holder; `number` is the lab's own opaque link between a person's certificates."""

    number: int
    name: str
    """Family and given name, a full-width space between."""
    name_substitutes: str
    """One digit a character; 1 where a substitute stands for a rare character."""
    gender: Gender
    birth: date
    address: str
    address_substitutes: str
    municipality: Municipality

    @property
    def birth_item(self) -> str:
        """The era's digit and the Gregorian day: 319801231 is 1980-12-31 of Showa."""
        era = next(digit for begins, digit in _ERAS if self.birth >= begins)
        return era + self.birth.strftime("%Y%m%d")


def synthetic_person(seed: int, number: int, places: tuple[Municipality, ...]) -> Person:
    """Make up person `number` of a world; the first ones live in different places."""
    chance = random.Random(f"person/{seed}/{number}")  # noqa: S311 reproducible, guards nothing
    place = places[(number - 1) % len(places)]
    marker = str(number).translate(_FULL_WIDTH)
    name = f"{chance.choice(_FAMILY_NAMES)}\u3000{chance.choice(_GIVEN_NAMES)}{marker}"
    block, house = (str(chance.randint(1, 30)).translate(_FULL_WIDTH) for _ in "ab")
    address = f"{place.written}模擬町{block}丁目{house}番"
    return Person(
        number=number,
        name=name,
        name_substitutes=_flags(name, chance),
        gender=chance.choices(list(Gender), weights=(49, 49, 2))[0],
        birth=date.fromordinal(
            chance.randint(date(1936, 1, 1).toordinal(), date(2008, 12, 31).toordinal())
        ),
        address=address,
        address_substitutes="0" * len(address),
        municipality=place,
    )


def _flags(name: str, chance: random.Random) -> str:
    flags = ["0"] * len(name)
    if chance.random() < 1 / 8:
        flags[0] = "1"
    return "".join(flags)
