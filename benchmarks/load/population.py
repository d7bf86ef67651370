"""Which certificates can be asked about, and what is true of each.

From a file, which says it of ranges of serials, so that millions take a line; or from a lab of
`tashika-server lab init`, which knows its own people.

    [{"issuer": "ca.pem", "good": [[2, 2000000, 2]], "revoked": [[1, 2000000, 2]]}]

A range is first, end (not included) and step; `issuer` is a path from the file's folder. What is
"unknown" may be answered so, or as extended-revoked (RFC 6960 2.2).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from random import Random

from cryptography import x509

from tashika.pki.certid import IssuerIdentity
from tashika.pki.standing import Good
from tashika_server.lab import World

__all__ = ["Population", "Standing", "of_lab", "read_populations", "write_populations"]


class Standing(StrEnum):
    """What is true of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """The certificates of one issuer; equal to itself alone."""

    issuer: x509.Certificate
    serials: Mapping[Standing, Sequence[range]]

    @cached_property
    def identity(self) -> IssuerIdentity:
        """Return what CertIDs name the issuer by."""
        return IssuerIdentity.of(self.issuer)

    def draw(self, standing: Standing, chance: Random) -> int:
        """Return a serial of this standing, each as likely; ValueError where there is none."""
        ranges = self.serials.get(standing, ())
        if not any(ranges):
            raise ValueError(f"no certificate is {standing}; leave its share out of the mix")
        (one,) = chance.choices(ranges, weights=[len(each) for each in ranges])
        return one[chance.randrange(len(one))]


def read_populations(path: Path) -> list[Population]:
    """Read the file that the module describes."""
    return [
        Population(
            issuer=x509.load_pem_x509_certificate((path.parent / each["issuer"]).read_bytes()),
            serials={
                standing: [range(*bounds) for bounds in each.get(standing, ())]
                for standing in Standing
            },
        )
        for each in json.loads(path.read_text())
    ]


def write_populations(
    path: Path, issuers: Mapping[str, Mapping[Standing, Sequence[range]]]
) -> None:
    """Write such a file: serials by standing, by the path of their issuer's certificate."""
    listed = [
        {"issuer": issuer}
        | {standing: [[r.start, r.stop, r.step] for r in ranges] for standing, ranges in of.items()}
        for issuer, of in issuers.items()
    ]
    path.write_text(json.dumps(listed))


def of_lab(directory: Path) -> list[Population]:
    """Return the people of a lab, as its last publication has them."""
    with World.open(directory) as world:
        found: defaultdict[str, dict[Standing, list[range]]] = defaultdict(dict)
        for each in world.certificates():
            is_good = world.standing(each) == Good()
            standing = Standing.GOOD if is_good else Standing.REVOKED
            only = range(each.serial, each.serial + 1)
            found[each.issuer].setdefault(standing, []).append(only)
        return list(_named(world, found.items()))


def _named(
    world: World, found: Iterable[tuple[str, Mapping[Standing, Sequence[range]]]]
) -> Iterable[Population]:
    for issuer, serials in found:
        pem = world.premises.layout.issuer(issuer).read_bytes()
        yield Population(issuer=x509.load_pem_x509_certificate(pem), serials=serials)
