"""What the registry's commands take as arguments: words, days of Japan, files."""

from argparse import ArgumentTypeError
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from tashika_server.agreements.errors import BadScope
from tashika_server.agreements.period import day_begins
from tashika_server.clock import SystemClock
from tashika_server.config.problem import nearest

__all__ = [
    "demand_change",
    "first_moment",
    "last_moment",
    "one_of",
    "past_moment",
    "pem_text",
    "secret_text",
    "words",
]

MANY = 6
"""So many words do not fit in the line of help; its end lists them, and so does a wrong one."""


def one_of(*choices: StrEnum) -> dict[str, Any]:
    """Make the options of an argument that takes one of these words."""
    known = {str(word): word for word in choices}

    def read(text: str) -> StrEnum:
        if text not in known:
            raise ArgumentTypeError(f"{text!r} is not known here; {nearest(text, known)}")
        return known[text]

    return {"type": read, "metavar": "|".join(known) if len(known) < MANY else "WORD"}


def words(heading: str, meanings: Iterable[tuple[StrEnum, str]]) -> str:
    """Write what words mean, for the end of a help."""
    return "\n".join([f"{heading}:", *(f"  {word:28} {text}" for word, text in meanings)])


def demand_change(*given: object) -> None:
    """Raise BadScope if a command that changes something was not told what."""
    if all(each is None for each in given):
        raise BadScope(
            "nothing is to be changed",
            rule="every change stands in the trail",
            remedy="say what to change; --help lists it",
        )


def pem_text(name: str) -> str:
    """Read the file that is named."""
    return _text(name)


def secret_text(name: str) -> str:
    """Read the secret, one line, that is the whole of the file that is named."""
    secret = _text(name).strip()
    if not secret:
        raise ArgumentTypeError(f"{name} is empty")
    return secret


def _text(name: str) -> str:
    try:
        return Path(name).read_text(encoding="ascii")
    except OSError as wrong:
        raise ArgumentTypeError(f"cannot read {name}: {wrong.strerror}") from None
    except UnicodeDecodeError:
        raise ArgumentTypeError(f"{name} is no ASCII text") from None


def first_moment(text: str) -> datetime:
    """Read a day of Japan as its beginning, or an instant with its offset."""
    return _moment(text, timedelta(0))


def past_moment(text: str) -> datetime:
    """Read what first_moment reads, and nothing that is still to come."""
    if (at := first_moment(text)) > SystemClock().now():
        raise ArgumentTypeError(f"{text!r} is still to come; nobody knows what will be known then")
    return at


def last_moment(text: str) -> datetime:
    """Read a day of Japan as its end, that day included, or an instant with its offset."""
    return _moment(text, timedelta(days=1))


def _moment(text: str, more: timedelta) -> datetime:
    try:
        return day_begins(date.fromisoformat(text) + more)
    except (ValueError, OverflowError):
        pass
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ArgumentTypeError(
        f"{text!r} is neither a day (2026-04-01) nor a time with its offset "
        "(2026-04-01T12:00+09:00)"
    )
