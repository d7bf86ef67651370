"""Revocation data that came along with a signature or that somebody kept: a stranger's bytes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from tashika.path.causes import PathCause
from tashika.path.lists import RevocationList, read_list
from tashika.path.report import PathReport
from tashika.path.status import ListUsed, Tried
from tashika.pki.errors import PkiError
from tashika.status.answers import AnswerUsed

MAX_STAPLED = 32
"""Answers, and lists, of one signature; a path of four needs four."""
STAPLED_LIST = "stapled list"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Stapled:
    """OCSP answers and CRLs, each in DER; a judge leaves out those beyond MAX_STAPLED of a kind."""

    answers: tuple[bytes, ...] = ()
    lists: tuple[bytes, ...] = ()

    def __len__(self) -> int:
        return len(self.answers) + len(self.lists)

    def __add__(self, other: "Stapled") -> "Stapled":
        return Stapled(
            answers=_once((*self.answers, *other.answers)),
            lists=_once((*self.lists, *other.lists)),
        )

    def __repr__(self) -> str:
        """Name nobody."""
        return f"<Stapled {len(self.answers)} answers, {len(self.lists)} lists>"

    @classmethod
    def of(cls, report: PathReport) -> Self:
        """Return the answers and lists that a report rests on, to be judged again later.

        Of a valid one, and of one that says revoked; others rest on nothing.

        Not among them: compact sets, and lists about whoever signs lists for others.
        """
        statuses = report.path.statuses if report.path else ()
        used = [*report.evidence, *(each for status in statuses for each in status.evidence)]
        return cls(
            answers=tuple(each.encoded for each in used if isinstance(each, AnswerUsed)),
            lists=_once(each.encoded for each in used if isinstance(each, ListUsed)),
        )


def _once(pieces: Iterable[bytes]) -> tuple[bytes, ...]:
    return tuple(dict.fromkeys(pieces))


def read_stapled(lists: Iterable[bytes], *, limit: int, tried: list[Tried]) -> list[RevocationList]:
    """Read the lists that can be; notes the others."""
    found: list[RevocationList] = []
    for each in lists:
        try:
            if len(each) <= limit:
                found.append(read_list(each))
                continue
            detail = "it is too large"
        except PkiError as wrong:
            detail = str(wrong)
        cause = PathCause.STATUS_UNUSABLE
        tried.append(Tried(source=STAPLED_LIST, about=b"", cause=cause, detail=detail))
    return found
