"""Revocation data that came along with a signature or that somebody kept: a stranger's bytes."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tashika.path.causes import PathCause
from tashika.path.lists import RevocationList, read_list
from tashika.path.status import Tried
from tashika.pki.errors import PkiError

MAX_STAPLED = 32
"""Answers, and lists, of one signature; a path of four needs four."""
STAPLED_LIST = "stapled list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stapled:
    """OCSP answers and CRLs in DER; those beyond MAX_STAPLED of a kind are left out."""

    answers: tuple[bytes, ...] = field(default=(), repr=False)
    lists: tuple[bytes, ...] = field(default=(), repr=False)


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
