"""What is wrong with a configuration, said so that a person can mend it at once."""

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from tashika.pki.errors import TashikaError

__all__ = ["BadValue", "Complaints", "ConfigError", "Problem", "nearest"]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake: the file and key where it is, what it is, and what to do about it."""

    file: Path
    key: str
    what: str
    remedy: str

    def __str__(self) -> str:
        """Write it as one line."""
        place = f"{self.file}: {self.key}" if self.key else str(self.file)
        return f"{place}: {self.what}; {self.remedy}"


class ConfigError(TashikaError):
    """The configuration cannot be used; `problems` has every mistake found, one at least."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class BadValue(TashikaError):
    """A value is not what its key wants; raised inside, becomes a Problem at its key."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")


class Complaints:
    """Collects the problems of one file, so that all are reported at once."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.problems: list[Problem] = []

    def add(self, key: str, what: str, remedy: str) -> None:
        """Record one problem."""
        self.problems.append(Problem(file=self.file, key=key, what=what, remedy=remedy))

    def attempt(self, key: str, step: Callable[P, T], *args: P.args, **named: P.kwargs) -> T | None:
        """Run `step`; where it refuses, in words of `what; remedy`, record that and return None."""
        try:
            return step(*args, **named)
        except TashikaError as refused:
            what, _, remedy = str(refused).partition("; ")
            self.add(key, what, remedy or "mend or replace it")
        return None

    def settle(self) -> None:
        """Raise ConfigError if anything was recorded."""
        if self.problems:
            raise ConfigError(self.problems)


def nearest(word: str, known: Iterable[str]) -> str:
    """Suggest the known word that `word` was probably meant to be, or list them all."""
    candidates = sorted(known)
    if close := difflib.get_close_matches(word.lower(), candidates, n=1):
        return f'did you mean "{close[0]}"?'
    return "known here: " + ", ".join(candidates)
