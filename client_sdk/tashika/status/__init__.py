"""Revocation from several sources, and the judge that says what to fetch.

::

    means = Means(
        policy=RevocationPolicy(),
        addresses=Configured(otherwise=Addresses(responders=("https://ocsp.example.jp/",))),
        nonces=secrets.token_bytes,
    )
    judging = judge(certificate, candidates=chain, trust=anchors, at=now, means=means)
    report = await drive_async(judging, by_transport(transport))

The judge is a generator without input or output: it yields what it wants fetched, is sent
what came, and returns a PathReport. How it goes: docs/revocation-sources.md.
"""

from tashika.driving import drive, drive_async
from tashika.status.addresses import AddressBook, Addresses, Configured
from tashika.status.answers import AnswerUsed, Heard, HeldAnswer, OcspSource
from tashika.status.fetching import Fetch, by_fetch, by_transport
from tashika.status.judging import Judging, Means, judge
from tashika.status.policy import (
    FetchLimits,
    Freshness,
    Kind,
    LaterRevocation,
    RevocationPolicy,
    UrlsFrom,
    WhenSilent,
)
from tashika.status.sets import CompactSource, LocalSet, SetUsed
from tashika.status.stapled import Stapled
from tashika.status.subject import subject_of
from tashika.status.then import AsOf, RevokedLater
from tashika.status.wants import Got, NamedBy, Want

__all__ = [
    "AddressBook",
    "Addresses",
    "AnswerUsed",
    "AsOf",
    "CompactSource",
    "Configured",
    "Fetch",
    "FetchLimits",
    "Freshness",
    "Got",
    "Heard",
    "HeldAnswer",
    "Judging",
    "Kind",
    "LaterRevocation",
    "LocalSet",
    "Means",
    "NamedBy",
    "OcspSource",
    "RevocationPolicy",
    "RevokedLater",
    "SetUsed",
    "Stapled",
    "UrlsFrom",
    "Want",
    "WhenSilent",
    "by_fetch",
    "by_transport",
    "drive",
    "drive_async",
    "judge",
    "subject_of",
]
