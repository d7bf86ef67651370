"""Holes in the tariff: provisions that no row prices, told with the commands that mend them."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from tashika_server.ledger.days import DAY
from tashika_server.ledger.errors import TariffHole
from tashika_server.ledger.tariff import Provision

__all__ = ["Holes"]


class Holes:
    """Gathers what has no price, whichever verifier of the category it was provided to."""

    def __init__(self) -> None:
        self._days: dict[Provision, set[date]] = defaultdict(set)

    def add(self, provision: Provision, day: date) -> None:
        """Note a provision without a price."""
        self._days[provision._replace(verifier="")].add(day)

    def demand_none(self) -> None:
        """Raise TariffHole that tells all of them, a line each."""
        if not self._days:
            return
        found = sorted(self._days.items())
        raise TariffHole(
            "\n".join(_told(provision, days) for provision, days in found),
            rule="a provision costs what a row of its day says; a free one has a row of 0 yen",
            remedy="\n".join(dict.fromkeys(_mended(provision, days) for provision, days in found)),
        )


def _told(provision: Provision, days: set[date]) -> str:
    when = ", ".join(
        f"{first}" if first == last else f"{first} to {last}" for first, last in _runs(days)
    )
    return (
        f"no tariff for {provision.method} of {provision.family} certificates of "
        f"{provision.issuer}, category {provision.category}, on {when}"
    )


def _mended(provision: Provision, days: set[date]) -> str:
    return (
        f"`tashika-server tariff add CONFIG --method {provision.method} "
        f"--family {provision.family} --from {min(days)} --retroactive --yen YEN --payee PAYEE "
        "--legal-basis TEXT --approval TEXT`"
    )


def _runs(days: set[date]) -> Iterable[tuple[date, date]]:
    """Join days that follow one another: first and last of each run."""
    firsts = (day for day in sorted(days) if day - DAY not in days)
    lasts = (day for day in sorted(days) if day + DAY not in days)
    return zip(firsts, lasts, strict=True)
