"""How an issuer is served, on its way to the next operator: files, and the table that names them.

What is not told here the next operator would have to guess: who signs an indirect CRL, what its
serials are tested by, that its key is compromised. Of the responder's own nothing is told.
"""

import csv
import json
import shutil
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tashika_server.agreements.compromises import Compromise
from tashika_server.config.units import write_duration
from tashika_server.issuer import Bounds, Issuer

__all__ = ["CERTIFICATE", "table", "write_served"]

CERTIFICATE = "ca.pem"
PARTITIONS, REGISTER, SETTINGS = "partitions.csv", "register.txt", "settings.json"
CRL_ISSUER, FEED_KEY = "crl-issuer.pem", "feed.pem"
WORDS = "name", "family", "without_register", "never_issued", "numbering", "keep_basis"


def write_served(issuer: Issuer, compromise: Compromise | None, folder: Path) -> None:
    """Write all that another configuration needs into an empty folder; raises OSError.

    `compromise` is the declaration about its key that is in force.
    """
    (folder / CERTIFICATE).write_bytes(issuer.certificate.public_bytes(Encoding.PEM))
    with (folder / PARTITIONS).open("w", newline="", encoding="utf-8") as opened:
        rows = csv.writer(opened, lineterminator="\n")
        rows.writerow(["url", "name", "delta"])
        for each in issuer.partitions:
            rows.writerow([" ".join([each.url, *each.mirrors]), each.name, each.delta or ""])
    if issuer.register:
        shutil.copyfile(issuer.register, folder / REGISTER)
    complete = issuer.partitions[0]
    if complete.crl_issuer:
        (folder / CRL_ISSUER).write_bytes(complete.crl_issuer.public_bytes(Encoding.PEM))
    if issuer.feed:
        key = issuer.feed.key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (folder / FEED_KEY).write_bytes(key)
    settings = {
        "name": issuer.name,
        "family": issuer.family,
        "without_register": issuer.without_register,
        "never_issued": issuer.never_issued,
        "numbering": issuer.numbering,
        "crl_covers": complete.covers,
        "feed": issuer.feed.url if issuer.feed else None,
        "bounds": _bounds(issuer.bounds),
        "probes": [asdict(each) for each in issuer.probes],
        "published": issuer.published is not None,
        "archive_cutoff_days": issuer.archive_cutoff.days if issuer.archive_cutoff else None,
        "keep_days": issuer.keep.days if issuer.keep else None,
        "keep_basis": issuer.keep_basis,
        "compromised_since": compromise.since.isoformat() if compromise else None,
    }
    (folder / SETTINGS).write_text(json.dumps(settings, indent=2) + "\n")


def table(folder: Path) -> str:
    """Write the table for the successor's configuration; the signer is theirs to name."""
    settings = json.loads((folder / SETTINGS).read_text())
    return "\n".join(_lines(folder, settings)) + "\n"


def _lines(folder: Path, settings: dict[str, Any]) -> Iterator[str]:
    if since := settings.get("compromised_since"):
        yield "# ITS KEY IS DECLARED COMPROMISED. Before you serve it, have two persons say so:"
        yield f"# tashika-server compromise declare CONFIG {settings['name']} --since {since}"
    yield "[[issuer]]"
    for key in WORDS:
        if settings.get(key):
            yield f"{key} = {_quoted(settings[key])}"
    yield f"certificate = {_quoted(folder / CERTIFICATE)}"
    yield from _sources(folder, settings)
    for key in ("archive_cutoff", "keep"):
        if days := settings.get(f"{key}_days"):
            yield f'{key} = "{days}d"'
    if bounds := settings.get("bounds"):
        yield f"bounds = {_inline(bounds)}"
    if probes := settings.get("probes"):
        yield f"probes = [{', '.join(map(_inline, probes))}]"
    if settings.get("published"):
        yield "#published = the issuer's own list of its CRLs: the giver had one, ask for it"
    yield "signers = []  # yours: certificate and key, certified by this issuer"


def _sources(folder: Path, settings: dict[str, Any]) -> Iterator[str]:
    if (folder / REGISTER).exists():
        yield f"register = {_quoted(folder / REGISTER)}"
    if feed := settings.get("feed"):
        yield f"feed = {{ url = {_quoted(feed)}, key = {_quoted(folder / FEED_KEY)} }}"
    with (folder / PARTITIONS).open(newline="", encoding="utf-8") as opened:
        _, *rows = csv.reader(opened)
    if len(rows) > 1 or rows[0][1]:
        yield f"partitions = {_quoted(folder / PARTITIONS)}"
        return
    urls, _, *delta = rows[0]
    yield f"crl = [{', '.join(map(_quoted, urls.split(' ')))}]"
    if any(delta):
        yield f"delta_crl = {_quoted(delta[0])}"
    if covers := settings.get("crl_covers"):
        yield f"crl_covers = {_quoted(covers)}"
    if (folder / CRL_ISSUER).exists():
        yield f"crl_issuer = {_quoted(folder / CRL_ISSUER)}"


def _bounds(bounds: Bounds) -> dict[str, Any]:
    return asdict(bounds) | {"max_validity": write_duration(bounds.max_validity)}


def _inline(values: dict[str, Any]) -> str:
    """Write an inline table of TOML, of numbers and texts."""
    pairs = (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items())
    return f"{{ {', '.join(pairs)} }}"


def _quoted(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False)
