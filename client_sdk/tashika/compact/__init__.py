"""Certificates checked without a network, by a compact revocation set: a file with all of them.

::

    from tashika import Client
    from tashika.compact import CompactSet, Trust

    compact = CompactSet.open("sign-3.tset", trust=Trust(issuer=issuer), at=now)
    with Client(compact, "https://ocsp.example.jp/") as client:
        client.check(certificate, issuer).require_good()

The set is asked first here, the responder where the set cannot tell. The format is in
`docs/compact-set.md`.
"""

from tashika.compact.compact_file import CompactFile
from tashika.compact.compact_set import CompactSet, Listing
from tashika.compact.trust import Trust
from tashika.compact.updating import apply_delta, install
from tashika.pki.compact.faults import CompactRefused, Fault

__all__ = [
    "CompactFile",
    "CompactRefused",
    "CompactSet",
    "Fault",
    "Listing",
    "Trust",
    "apply_delta",
    "install",
]
