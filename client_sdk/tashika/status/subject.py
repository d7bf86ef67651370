"""Whom to ask about: from a certificate on a path, whose issuer is known, to a question."""

from tashika.issuance import SEAL, Subject
from tashika.path.building import key_of
from tashika.path.status import StatusNeed


def subject_of(need: StatusNeed) -> Subject:
    """Return what an OCSP question is about; the path has shown who issued the certificate.

    The issuer may be a trust anchor that is a name and a key and nothing more.
    Raises Malformed and Unsupported for a key that cannot be read.
    """
    return Subject(
        serial=need.certificate.serial,
        identity=need.identity,
        key=key_of(need.issuer),
        seal=SEAL,
    )
