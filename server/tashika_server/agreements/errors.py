"""Why the registry declines a change: what is wrong, which rule says so, what to do.

For the people and programs that keep the registry. What a caller with a question is told is
in `refusals`.
"""

from tashika.pki.errors import TashikaError

__all__ = [
    "BadCertificate",
    "BadPeriod",
    "BadScope",
    "Duplicate",
    "NoSuchRecord",
    "NotEntitled",
    "Overlap",
    "RegistryError",
    "SamePerson",
    "UnknownArticle",
    "WrongState",
]


class RegistryError(TashikaError):
    """A change that a rule forbids; nothing of it has been kept."""

    def __init__(self, what: str, *, rule: object, remedy: str) -> None:
        self.what = what
        self.rule = str(rule)
        self.remedy = remedy
        super().__init__(f"{what} [{self.rule}]; {remedy}")


class NoSuchRecord(RegistryError):
    """Nothing in the registry has that id."""


class UnknownArticle(RegistryError):
    """The Act has no such article, category or ground in that version, or we do not know it."""


class BadPeriod(RegistryError):
    """A time lies where it may not: an end before a start, a start in the past."""


class BadScope(RegistryError):
    """What is asked for makes no sense as a scope, whoever asks."""


class NotEntitled(RegistryError):
    """The Act does not give this party what is asked for."""


class Overlap(RegistryError):
    """Two agreements of one verifier would grant the same thing at the same time."""


class Duplicate(RegistryError):
    """It is there already."""


class WrongState(RegistryError):
    """The thing is not in the state that this step starts from."""


class BadCertificate(RegistryError):
    """A client certificate is weak, expired, for another use or none at all."""


class SamePerson(RegistryError):
    """A second person has to decide."""
