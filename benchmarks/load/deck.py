"""The questions of a run, written before it begins; only nonce and HTTP head are new each time."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from os import urandom
from random import Random
from typing import NamedTuple

from benchmarks.load.population import Population, Standing
from tashika.pki.certid import CertId
from tashika.pki.request import build_request

__all__ = ["NONCE_BYTES", "Asked", "Deck", "Mix", "Question", "shuffle"]

NONCE_BYTES = 32
"""What RFC 9654 wants a client to send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What is asked, in shares of 1."""

    get: float = 0.0
    """In the path; the others are sent by POST."""
    nonce: float = 1.0
    revoked: float = 0.05
    unknown: float = 0.0
    cert_ids: int = 1
    """In each question, all of one issuer."""
    hash_name: str = "sha256"
    distinct: int = 20_000
    """Questions made; they are asked in turn, each time with a new nonce."""


class Asked(NamedTuple):
    """One certificate in a question, and what must be said of it."""

    cert_id: CertId
    standing: Standing
    population: Population


class Question(NamedTuple):
    """One question; its nonce, if it has one, follows on `der`."""

    asked: tuple[Asked, ...]
    der: bytes
    nonced: bool
    get: bool


class Deck:
    """Gives the questions in turn, for ever. For one thread."""

    def __init__(self, questions: Sequence[Question]) -> None:
        self.questions = questions
        self._next = cycle(questions).__next__
        self._series = urandom(NONCE_BYTES - 8)
        self._drawn = 0

    def draw(self) -> tuple[Question, bytes]:
        """Return the next question, with its nonce or nothing.

        No nonce comes twice, in other runs neither: it would be the same question again, which
        a service may treat otherwise. It need not be secret, so it is a number.
        """
        question = self._next()
        if not question.nonced:
            return question, b""
        self._drawn += 1
        return question, self._series + self._drawn.to_bytes(8, "big")


def shuffle(mix: Mix, populations: Sequence[Population], *, seed: int) -> list[Question]:
    """Make the questions of a mix; the same seed makes the same ones."""
    chance = Random(seed)
    return [_question(mix, chance.choice(populations), chance) for _ in range(mix.distinct)]


def _question(mix: Mix, population: Population, chance: Random) -> Question:
    standings = chance.choices(
        (Standing.REVOKED, Standing.UNKNOWN, Standing.GOOD),
        weights=(mix.revoked, mix.unknown, 1 - mix.revoked - mix.unknown),
        k=mix.cert_ids,
    )
    asked = tuple(
        Asked(_cert_id(population, each, mix.hash_name, chance), each, population)
        for each in standings
    )
    get, nonced = chance.random() < mix.get, chance.random() < mix.nonce
    ids = [each.cert_id for each in asked]
    if not nonced:
        return Question(asked, build_request(ids), nonced=False, get=get)
    # It is the last thing in a request, and all of them are of one length.
    der = build_request(ids, nonce=bytes(NONCE_BYTES))[:-NONCE_BYTES]
    return Question(asked, der, nonced=True, get=get)


def _cert_id(population: Population, standing: Standing, hash_name: str, chance: Random) -> CertId:
    serial = population.draw(standing, chance)
    return CertId.build(population.identity, serial, hash_name)
