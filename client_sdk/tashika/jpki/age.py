"""Is the holder of age? A boolean; the day of birth is neither returned nor kept.

The way of the Digital Agency's FAQ, Q4-3, pattern 1: by the signature certificate.
"""

from datetime import datetime

from cryptography import x509

from tashika.errors import ProfileRefused, WrongUse
from tashika.jpki.causes import JpkiCause
from tashika.jpki.items import birth_day
from tashika.receipts import JST

MAX_YEARS = 150
"""Nobody has become so old; a larger number is a mistake."""


def age_at_least(certificate: x509.Certificate | bytes, years: int, *, at: datetime) -> bool:
    """Tell whether the holder has completed so many years at `at`, an aware time.

    A year of age ends with the day before the birthday (Act on Calculation of
    Age of 1902; Civil Code art. 143(2)), in Japan's time: True from the midnight
    that begins the birthday. For somebody born on 29 February a common year ends
    on 28 February: True from 1 March.

    Raises ProfileRefused: BIRTH_UNDETERMINED where the day of birth is not
    wholly known, and as basic_four() does; WrongUse for other arguments.
    """
    if not isinstance(years, int) or isinstance(years, bool) or not 0 <= years <= MAX_YEARS:
        raise WrongUse(f"an age is a number of years from 0 to {MAX_YEARS}")
    if at.tzinfo is None or not 1 < at.year < 9999:  # noqa: PLR2004 - room for the zone
        raise WrongUse("pass a time with its zone")
    birth = birth_day(certificate)
    if birth is None:
        raise ProfileRefused(JpkiCause.BIRTH_UNDETERMINED)
    today = at.astimezone(JST)
    return (today.year - years, today.month, today.day) >= (birth.year, birth.month, birth.day)
