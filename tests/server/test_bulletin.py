"""The public notices: a feed and a page that name no person (art. 15(3), 34(3))."""

from datetime import timedelta
from xml.etree import ElementTree as ET

from cryptography.hazmat.primitives.hashes import SHA256

from support.crls import Ca
from support.registry import START
from tashika.pki.names import name_text
from tashika_server.agreements.compromises import Compromise
from tashika_server.office.bulletin import feed, page, public_notices

ATOM = "{http://www.w3.org/2005/Atom}"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
DAY = timedelta(days=1)


def declared(number: int = 1, *, days: int = 0, withdrawn: int | None = None) -> Compromise:
    return Compromise(
        id=f"K-{number:06}",
        issuer=f"signature-g{number}",
        fingerprint=bytes([number]) * 32,
        family="signature",
        reason="Sato left the key in a train",
        since=START + (days - 1) * DAY,
        declared_at=START + days * DAY,
        declared_by="suzuki",
        withdrawn_at=None if withdrawn is None else START + withdrawn * DAY,
        withdrawn_by=None if withdrawn is None else "tanaka",
        withdraw_reason=None if withdrawn is None else "Sato found it",
    )


def test_each_declaration_and_withdrawal_is_a_notice_newest_first():
    found = public_notices([declared(1, withdrawn=5), declared(2, days=2)], {})
    assert [(each.at - START).days for each in found] == [5, 2, 0]
    assert "signature-g2" in found[1].en
    assert "2026-04-02 09:00 JST" in found[1].en  # as of when the key was lost
    assert "2013 14" in found[1].en
    assert len({each.id for each in found}) == 3


def test_the_feed_is_atom_in_both_languages_and_keeps_its_ids():
    notices = public_notices([declared(1, withdrawn=5)], {})
    root = ET.fromstring(feed(notices, at=START + 9 * DAY))  # noqa: S314 - our own
    assert root.findtext(f"{ATOM}updated") == "2026-04-06T00:00:00Z"
    for name in ("id", "title", "author"):
        assert root.find(f"{ATOM}{name}") is not None
    entries = root.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}id") for entry in entries] == [each.id for each in notices]
    for entry in entries:
        languages = {each.get(XML_LANG) for each in entry.iter() if each.get(XML_LANG)}
        assert languages == {"ja", "en"}
    later = public_notices([declared(2, days=7), declared(1, withdrawn=5)], {})
    assert later[1:] == notices


def test_an_issuer_that_is_served_is_told_by_its_certificate():
    """Who reads it has certificates, and none of the names in our configuration."""
    certificate = Ca.found().certificate
    found = public_notices([declared(1, withdrawn=5)], {bytes([1]) * 32: certificate})
    for notice in found:
        for text in (notice.ja, notice.en):
            assert name_text(certificate.subject.public_bytes()) in text
            assert certificate.fingerprint(SHA256()).hex() in text


def test_the_law_is_told_in_the_language_of_the_notice():
    (found,) = public_notices([declared(1)], {})
    assert "Act 2013 14" in found.en
    assert "法第14条" in found.ja
    assert "Act" not in found.ja


def test_no_person_is_named():
    notices = public_notices([declared(1, withdrawn=5)], {})
    for written in (feed(notices, at=START), page(notices)):
        text = written.decode()
        assert not [name for name in ("Sato", "suzuki", "tanaka", "train") if name in text]


def test_while_there_is_nothing_that_is_said_too():
    assert "There is nothing" in page(()).decode()
    root = ET.fromstring(feed((), at=START))  # noqa: S314 - our own
    assert root.findtext(f"{ATOM}updated") == "2026-04-01T00:00:00Z"
    assert root.findall(f"{ATOM}entry") == []
