"""The verifiers of the simulated world as data: who they are, what each shows, what it hears.

Names are invented, and say so. Registering them is the business of `verifiers`.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial

from tashika_server.agreements.act import Category
from tashika_server.agreements.registry import Scope
from tashika_server.agreements.terms import CredentialKind
from tashika_server.lab.layout import BANK, SIMULATED

__all__ = ["FILES", "PARTS", "Fate", "Part", "guide"]

FAST = Scope(grants=(), rate=2000.0, burst=4000, daily=10_000_000)
"""The design load of a site: one verifier alone can bring it about."""
FILES = {
    CredentialKind.TOKEN: ".token",
    CredentialKind.PATH_TOKEN: ".path-token",
    CredentialKind.MTLS_KEY: ".pem",
    CredentialKind.MTLS_CA: ".pem",
    CredentialKind.SIGNED_REQUEST: "-signer.pem",
}
"""What the file of a credential adds to its verifier's name; a key lies beside its certificate."""


class Fate(Enum):
    """What became of a verifier's provision."""

    PROVIDED = auto()
    SUSPENDED = auto()
    LAPSED = auto()
    """Its accreditation was not renewed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One verifier of the world, by the name of its files."""

    file: str
    name: str
    category: Category
    scope: Scope = field(default_factory=partial(Scope, grants=()))
    """Its limits; it is granted all that its category may have."""
    shows: tuple[CredentialKind, ...] = (CredentialKind.TOKEN,)
    hears: str = "answered"
    """What becomes of its questions."""
    members: tuple[tuple[str, str], ...] = ()
    """Its tenants or confirmers, by what they add to the name of its files."""
    fate: Fate = Fate.PROVIDED


PARTS = (
    Part(
        file=BANK,
        name="架空銀行 Imaginary Bank (simulated)",
        category=Category.ACCREDITED_VERIFIER,
        scope=FAST,
        shows=(CredentialKind.TOKEN, CredentialKind.MTLS_KEY, CredentialKind.SIGNED_REQUEST),
    ),
    Part(
        file="ministry",
        name="見本省 Ministry of Samples (simulated)",
        category=Category.ADMINISTRATIVE_ORGAN,
        scope=Scope(grants=(), path_tokens=True),
        shows=(CredentialKind.TOKEN, CredentialKind.MTLS_CA, CredentialKind.PATH_TOKEN),
    ),
    Part(
        file="platform",
        name="仮想認証基盤 Virtual Verification Platform (simulated)",
        category=Category.ACCREDITED_VERIFIER,
        scope=FAST,
        hears="answered, and so are its two tenants",
        members=(
            ("shop", "見本商店 Sample Shop (simulated)"),
            ("clinic", "見本医院 Sample Clinic (simulated)"),
        ),
    ),
    Part(
        file="association",
        name="模擬士業会 Mock Filing Agents Association (simulated)",
        category=Category.FILING_AGENTS_BODY,
        hears="answered about signature certificates, and so are its two members",
        members=(
            ("north", "模擬北事務所 Mock North Office (simulated)"),
            ("south", "模擬南事務所 Mock South Office (simulated)"),
        ),
    ),
    Part(
        file="broker",
        name="架空証券 Imaginary Securities (simulated)",
        category=Category.ACCREDITED_VERIFIER,
        fate=Fate.SUSPENDED,
        hears="refused: its provision was suspended last week",
    ),
    Part(
        file="insurer",
        name="仮想保険 Virtual Insurance (simulated)",
        category=Category.ACCREDITED_VERIFIER,
        fate=Fate.LAPSED,
        hears="refused: its accreditation has run out",
    ),
)


def guide() -> str:
    """Explain the files of all verifiers to whoever opens their folder."""
    return "\n".join([_GUIDE, *map(_entry, PARTS)])


def _entry(part: Part) -> str:
    own = [part.file + FILES[kind] for kind in part.shows]
    theirs = [f"{part.file}-{suffix}.token ({name})" for suffix, name in part.members]
    return "\n    ".join([part.file, part.name, part.hears, ", ".join(own), *theirs]) + "\n"


_GUIDE = f"""\
{SIMULATED}

What each verifier shows when it asks:

NAME.token        a bearer token: `tashika check --token-file NAME.token`
NAME.pem, .key    a client certificate for TLS: `tashika check --client-cert NAME.pem
                  --client-key NAME.key --tls-ca ../tls/server.pem`, or curl with
                  --cert, --key and --cacert; client-ca.pem has issued it
NAME-signer.pem, .key
                  signs questions: `openssl ocsp -signer NAME-signer.pem -signkey ...`
NAME.path-token   goes into the URL of a client that can set nothing else:
                  http://HOST:PORT/t/TOKEN/ocsp
"""
