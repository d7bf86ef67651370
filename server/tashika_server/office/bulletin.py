"""What is published of compromised keys (Act art. 15(3), 34(3)): a feed and a page, for everybody.

Written by the office, served by the workers without agreement (`responder.http`). A notice says
which issuer, by name and certificate, since when, and when it was declared or withdrawn. It names
no person: who ordered it and why stay in the book.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import NAMESPACE_OID, uuid5
from xml.etree import ElementTree as ET

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256

from tashika.pki.errors import PkiError
from tashika.pki.names import name_text
from tashika_server.agreements.act import ActVersion
from tashika_server.agreements.compromise_file import FEED_FILE, PAGE_FILE
from tashika_server.agreements.compromises import REVOKED_BY_LAW, Compromise
from tashika_server.agreements.period import JST
from tashika_server.durable import write_atomically

__all__ = ["PublicNotice", "feed", "page", "public_notices", "publish"]

_ATOM, _XHTML = "http://www.w3.org/2005/Atom", "http://www.w3.org/1999/xhtml"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_TITLE_JA, _TITLE_EN = "発行者署名符号に関する公表", "Public notices about issuers' keys"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicNotice:
    """One thing that is made known."""

    id: str
    """A URN that stays the same for ever (RFC 4287 4.2.6)."""
    at: datetime
    ja: str
    en: str


def public_notices(
    compromises: Iterable[Compromise], issuers: Mapping[bytes, x509.Certificate]
) -> tuple[PublicNotice, ...]:
    """Say what was declared and what was withdrawn, the newest first.

    Who reads it knows none of our names, so of the issuers that are served, by fingerprint, the
    certificates are told.
    """
    found = (
        notice for each in compromises for notice in _notices(each, issuers.get(each.fingerprint))
    )
    return tuple(sorted(found, key=lambda notice: notice.at, reverse=True))


def publish(run: Path, notices: Sequence[PublicNotice], *, at: datetime) -> None:
    """Replace the feed and the page in the run directory. Raises OSError."""
    write_atomically(run / FEED_FILE, feed(notices, at=at))
    write_atomically(run / PAGE_FILE, page(notices))


def feed(notices: Sequence[PublicNotice], *, at: datetime) -> bytes:
    """Write an Atom feed (RFC 4287); `at` is its time while there are no notices."""
    root = ET.Element("feed", xmlns=_ATOM)
    _add(root, "id", f"urn:uuid:{uuid5(NAMESPACE_OID, 'tashika notices')}")
    _add(root, "title", f"{_TITLE_JA} / {_TITLE_EN}")
    _add(root, "updated", _instant(notices[0].at if notices else at))
    _add(_add(root, "author"), "name", "Tashika")
    for notice in notices:
        entry = _add(root, "entry")
        _add(entry, "id", notice.id)
        _add(entry, "title", f"{notice.ja} / {notice.en}")
        for name in ("published", "updated"):
            _add(entry, name, _instant(notice.at))
        content = _add(entry, "content", type="xhtml")
        _said(ET.SubElement(content, "div", xmlns=_XHTML), notice)
    return _written(root, '<?xml version="1.0" encoding="utf-8"?>\n')


def page(notices: Sequence[PublicNotice]) -> bytes:
    """Write the same as a page for people."""
    root = ET.Element("html", lang="ja")
    head = _add(root, "head")
    _add(head, "meta", charset="utf-8")
    _add(head, "title", f"{_TITLE_JA} / {_TITLE_EN}")
    _add(head, "link", rel="alternate", type="application/atom+xml", href=FEED_FILE)
    body = _add(root, "body")
    _add(body, "h1", _TITLE_JA)
    _add(body, "p", _TITLE_EN, lang="en")
    for notice in notices:
        article = _add(body, "article")
        _add(article, "h2", f"{notice.at.astimezone(JST):%Y-%m-%d %H:%M} JST")
        _said(article, notice)
    if not notices:
        _add(body, "p", "公表する事項はありません。")
        _add(body, "p", "There is nothing to be made known.", lang="en")
    return _written(root, "<!DOCTYPE html>\n")


def _notices(
    compromise: Compromise, certificate: x509.Certificate | None
) -> Iterator[PublicNotice]:
    issuer, clause = compromise.issuer, REVOKED_BY_LAW.get(compromise.family)
    places = [place for act in ActVersion if clause and (place := clause.at(act)).confirmed]
    law_ja = "".join(f"(法第{place.number}条、{place.act}年の条文)" for place in places)
    law_en = "".join(f" (Act {place})" for place in places)
    key_ja, key_en = _key(certificate) if certificate else ("", "")
    since = compromise.since.astimezone(JST)
    yield PublicNotice(
        id=_urn(compromise, "declared"),
        at=compromise.declared_at,
        ja=f"{issuer} の発行者署名符号が危殆化し、これにより発行された全ての証明書は"
        f"{since:%Y年%m月%d日%H時%M分}に失効しました{law_ja}。{key_ja}",
        en=f"The key of {issuer} is compromised: every certificate issued under it is revoked "
        f"as of {since:%Y-%m-%d %H:%M} JST{law_en}.{key_en}",
    )
    if compromise.withdrawn_at is not None:
        yield PublicNotice(
            id=_urn(compromise, "withdrawn"),
            at=compromise.withdrawn_at,
            ja=f"{issuer} の発行者署名符号の危殆化の公表を取り消しました。{key_ja}",
            en=f"The notice that the key of {issuer} is compromised has been withdrawn.{key_en}",
        )


def _key(certificate: x509.Certificate) -> tuple[str, str]:
    try:
        name = name_text(certificate.subject.public_bytes())
    except (PkiError, ValueError):  # agreements must not wait for a name that nobody can read
        name = "?"
    digest = certificate.fingerprint(SHA256()).hex()
    return (
        f"発行者は {name}、その証明書のSHA-256は {digest} です。",
        f" The issuer is {name}; the SHA-256 of its certificate is {digest}.",
    )


def _urn(compromise: Compromise, what: str) -> str:
    said = f"{compromise.fingerprint.hex()} {_instant(compromise.declared_at)} {what}"
    return f"urn:uuid:{uuid5(NAMESPACE_OID, said)}"


def _said(parent: ET.Element, notice: PublicNotice) -> None:
    for language, text in (("ja", notice.ja), ("en", notice.en)):
        _add(parent, "p", text, **{"lang": language, _LANG: language})


def _add(parent: ET.Element, name: str, text: str | None = None, **attributes: str) -> ET.Element:
    added = ET.SubElement(parent, name, attributes)
    added.text = text
    return added


def _written(root: ET.Element, prologue: str) -> bytes:
    ET.indent(root)
    method: Literal["html", "xml"] = "html" if root.tag == "html" else "xml"
    return f"{prologue}{ET.tostring(root, encoding='unicode', method=method)}\n".encode()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
