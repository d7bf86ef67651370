"""What kind of simulated world is wanted."""

from dataclasses import dataclass
from enum import StrEnum

from tashika_server.lab.certificates import Policies
from tashika_server.lab.keys import Algorithm
from tashika_server.lab.premises import Plan

__all__ = ["Access", "Files", "News", "Order"]


class Access(StrEnum):
    """Who will be answered. The default: verifiers with an agreement, of which there are some."""

    CLOSED = "closed"
    OPEN = "open"


class News(StrEnum):
    """How the issuers tell what they revoke. The default: by CRLs alone, as they do in reality."""

    CRLS = "crls"
    FEED = "feed"
    """By a push feed as well."""


class Files(StrEnum):
    """What becomes of CRLs. The default: they are taken into the index, as the service must."""

    INDEXED = "indexed"
    KEPT = "kept"
    """And kept as files, with what happened to each certificate; verifiers may have the files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What kind of world is wanted."""

    people: int = 12
    municipalities: int = 3
    prefectures: int = 0
    """Of how many the predecessor issuers are there too, two generations each."""
    seed: int = 1
    port: int = 8080
    """Where the service will listen; the two after it are for TLS and for the management API.

    0 lets the kernel choose all three.
    """
    algorithm: Algorithm = Algorithm.RSA2048
    policies: Policies = Policies.SIMULATED
    access: Access = Access.CLOSED
    news: News = News.CRLS
    files: Files = Files.INDEXED
    book: str = "sqlite:///book.sqlite"
    """Where the verifiers are registered; a relative path begins at the lab's directory."""

    @property
    def tls_port(self) -> int:
        """Where the service will listen for TLS."""
        return self.port and self.port + 1

    @property
    def office_port(self) -> int:
        """Where the management API will be."""
        return self.port and self.port + 2

    def plan(self) -> Plan:
        """Return what the world keeps of the order."""
        host = f"127.0.0.1:{self.port}" if self.port else "ocsp.jpki-sim.invalid"
        return Plan(
            seed=self.seed,
            municipalities=self.municipalities,
            algorithm=self.algorithm,
            policies=self.policies,
            responder_url=f"http://{host}/ocsp",
        )
