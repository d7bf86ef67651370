"""What a cause says, in English and in Japanese.

The English stands beside each cause. The Japanese stands in the module
``japanese`` of the same package, as ``JA``: a mapping from the cause to a
meaning and a remedy.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import NamedTuple

from tashika.causes import Explained

__all__ = ["Language", "Words", "explain", "japanese"]


class Language(StrEnum):
    """Whom it is said to."""

    ENGLISH = "en"
    JAPANESE = "ja"

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Language":
        """Return the language of a POSIX locale: by LC_ALL, LC_MESSAGES or LANG."""
        chosen = (environment.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
        first = next((each for each in chosen if each), "")
        return cls.JAPANESE if first.startswith("ja") else cls.ENGLISH


class Words(NamedTuple):
    """One cause in one language."""

    meaning: str
    """What happened, one sentence."""
    remedy: str
    """What to do about it, one sentence or two."""


def explain(cause: Explained, language: Language) -> Words:
    """Say what a cause means and what to do about it; in English what has no other words."""
    words = japanese(type(cause)).get(cause) if language is Language.JAPANESE else None
    return words or Words(cause.meaning, cause.remedy)


@cache
def japanese(kind: type[Explained]) -> Mapping[Explained, Words]:
    """Return the Japanese of one kind of causes."""
    package = kind.__module__.rpartition(".")[0]
    told = import_module(f"{package}.japanese").JA
    return {cause: Words(*told[cause]) for cause in kind if cause in told}
