"""What ``tashika show`` says of a file: facts with labels, each marked where it is personal."""

from dataclasses import dataclass

from tashika.cli.output import Phrase


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a file says."""

    key: str
    label: Phrase
    value: str | int | bool
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """What a file is, and says."""

    kind: str
    label: Phrase
    facts: tuple[Fact, ...]
