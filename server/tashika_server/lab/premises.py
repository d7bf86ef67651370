"""What every verb of the lab works with: its plan, files, memory and CAs, one command at a time."""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Self

from cryptography import x509

from tashika_server.lab.authorities import Authority
from tashika_server.lab.certificates import Policies, Style
from tashika_server.lab.keys import Algorithm, KeyStock, read_key
from tashika_server.lab.layout import Layout
from tashika_server.lab.municipalities import Municipality, municipalities
from tashika_server.lab.records import Certificate, Role
from tashika_server.lab.state import State

__all__ = ["Plan", "Premises"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a world is made by, for as long as it lasts."""

    seed: int
    """Decides who the people are; keys are never derived from it."""
    municipalities: int
    algorithm: Algorithm
    policies: Policies
    responder_url: str
    """What user-authentication certificates give as their OCSP address."""

    def texts(self) -> dict[str, str]:
        """Write it for the database."""
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def read(cls, texts: Mapping[str, str]) -> Self:
        """Read what `texts` wrote."""
        return cls(
            seed=int(texts["seed"]),
            municipalities=int(texts["municipalities"]),
            algorithm=Algorithm(texts["algorithm"]),
            policies=Policies(texts["policies"]),
            responder_url=texts["responder_url"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """One lab directory, opened."""

    plan: Plan
    layout: Layout
    state: State
    keys: KeyStock

    @property
    def places(self) -> tuple[Municipality, ...]:
        """The municipalities that issue."""
        return municipalities(self.plan.municipalities)

    @property
    def style(self) -> Style:
        """What is written into all certificates."""
        return Style(policies=self.plan.policies, responder_url=self.plan.responder_url)

    def authorities(self) -> list[Authority]:
        """Return every key generation, signature CA first, oldest first."""
        return [self.authority(record) for record in self.state.certificates(role=Role.AUTHORITY)]

    def authority(self, record: Certificate) -> Authority:
        """Return the key generation that a CA certificate belongs to."""
        return Authority(
            name=record.issuer,
            family=record.family,
            certificate=x509.load_der_x509_certificate(record.der),
            key=read_key(self.layout.authority_key(record.issuer)),
        )

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other commands out; waits for them.

        The database has its own locks. This one also keeps the order of the files that
        follow from it: a list with a smaller number never lands on one with a greater.
        """
        with self.layout.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
