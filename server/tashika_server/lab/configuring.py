"""Writes the configuration that a service on the lab is started with, and what it names."""

import csv
import io
import json

from tashika.pki.names import name_text
from tashika_server.lab.authorities import Authority
from tashika_server.lab.layout import GUIDE, SIMULATED, write
from tashika_server.lab.naming import distribution_point
from tashika_server.lab.order import Access, Files, News, Order
from tashika_server.lab.prefectures import OPERATOR, predecessors
from tashika_server.lab.responders import SIGNERS
from tashika_server.lab.world import World

__all__ = ["configure"]


def configure(world: World, order: Order) -> None:
    """Write it, and where each issuer's CRLs are."""
    layout = world.premises.layout
    for authority in world.premises.authorities():
        table = io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["url", "name"])
        for place in world.premises.places:
            url = layout.crl(authority.name, place.code).relative_to(layout.published)
            point = distribution_point(authority.family, place).public_bytes()
            rows.writerow([f"lab:/{url}", name_text(point)])
        write(layout.issuer(authority.name).with_suffix(".csv"), table.getvalue().encode())
    write(layout.root / "README.txt", GUIDE.encode())
    write(layout.configuration, _configuration(world, order).encode())


def _configuration(world: World, order: Order) -> str:
    layout = world.premises.layout
    tables = [
        _HEAD.format(label=SIMULATED, keys=order.algorithm.label),
        _ACCESS[order.access].format(
            port=order.port,
            tls_port=order.tls_port,
            office_port=order.office_port,
            book=json.dumps(order.book),
        ),
        _LAB,
        *([_FILES] if order.files is Files.KEPT else []),
    ]
    tables += [_issuer_table(each, order.news) for each in world.premises.authorities()]
    tables += [
        _PREDECESSOR.format(name=name, url=crl.relative_to(layout.published), operator=OPERATOR)
        for name, crl in predecessors(world.premises).items()
    ]
    return "\n".join(tables)


def _issuer_table(authority: Authority, news: News) -> str:
    name, serial = authority.name, authority.certificate.serial_number
    signers = ", ".join(
        f'{{ certificate = "signers/{name}{suffix}.pem", key = "signers/{name}{suffix}.key" }}'
        for suffix in SIGNERS
    )
    table = _ISSUER.format(name=name, family=authority.family, signers=signers, serial=serial)
    return table + _FEED.format(name=name) if news is News.FEED else table


_HEAD = """\
# {label}
# Keys: {keys}.
"""
_RESPONDER = """
[responder]
listen = "127.0.0.1:{port}"
workers = 1
"""
_ACCESS = {
    Access.OPEN: """\
access = "open"  # whoever is on this machine may ask, without agreement
"""
    + _RESPONDER,
    Access.CLOSED: """\
access = "closed"  # verifiers with an agreement may ask; verifiers/ has what they show
environment = "production"  # simulated too: what the Act demands is enforced there, not in "test"
"""
    + _RESPONDER
    + """
[tls]
listen = "127.0.0.1:{tls_port}"
certificate = "tls/server.pem"
key = "tls/server.key"

[office]
listen = "127.0.0.1:{office_port}"

[book]
dsn = {book}

[ledger]
key = "ledger.key"
""",
}
_LAB = """\
[index]
path = "index"

[lab]
directory = "."
listen = "127.0.0.1:0"
"""
_FILES = """\
[files]  # verifiers find them at the management API
archive = "archive"
history = "history.sqlite"
"""
_ISSUER = """\
[[issuer]]
name = "{name}"
family = "{family}"
certificate = "issuers/{name}.pem"
partitions = "issuers/{name}.csv"
register = "register/{name}.txt"
signers = [{signers}]
probes = [{{ serial = {serial}, standing = "good" }}]  # the CA's own certificate
"""
_PREDECESSOR = """\
[[issuer]]
name = "{name}"
family = "signature"
certificate = "issuers/{name}.pem"
crl = "lab:/{url}"
register = "register/{name}.txt"
signers = [{{ certificate = "signers/{name}.pem", key = "signers/{name}.key" }}]
operator = "{operator}"
archive_cutoff = "1095d"  # their certificates were valid for three years
probes = [{{ serial = 3, standing = "good" }}, {{ serial = 4, standing = "revoked" }}]
"""
_FEED = """\
feed = {{ url = "lab:/feed/{name}", key = "issuers/feed.pem" }}
"""
