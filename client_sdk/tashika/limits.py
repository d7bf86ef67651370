"""Every bound of a check that is not a bound of a codec: a name, a number, a reason.

The codecs' own bounds, the 64 KiB of an answer among them, are in :mod:`tashika.pki.limits`.
"""

from datetime import timedelta

NONCE_BYTES = 32
"""RFC 9654 section 2.1 recommends 32."""

DEFAULT_SKEW = timedelta(minutes=5)
"""How far two honest clocks may differ; OpenSSL's number (C13)."""

MAX_SKEW = timedelta(hours=1)
"""A larger difference is a broken clock, which a tolerance would only hide."""

DEFAULT_MAX_AGE = timedelta(days=2)
"""JPKI's slowest revocation data, its CRLs, are made daily; one day may be missed (C4)."""

MAX_AGE = timedelta(days=366)
"""An older answer is evidence about the past, not a status."""

DEFAULT_CONNECT = timedelta(seconds=2)
"""A handshake across Japan takes 0.1 s; a source that needs more is in trouble (C12)."""

DEFAULT_READ = timedelta(seconds=3)
"""From the question to the last byte; a responder under load answers within 1 s."""

DEFAULT_TOTAL = timedelta(seconds=10)
"""Two sources that hang, and time for a third."""

BREAKER_FAILURES = 5
"""So many failures in a row are no accident."""

BREAKER_REST = timedelta(seconds=30)
"""Long enough for a restart, short enough that nobody has to intervene."""

RETRIES = 1
"""A kept connection that the server just closed takes one; a second loss in a row is a failure."""

MAX_RETRIES = 3
"""More hammer a responder that is in trouble."""

CACHE_MAX_AGE = timedelta(hours=1)
"""A revocation is heard of within the hour, however far off nextUpdate is."""

CACHE_FAILURES = timedelta(seconds=2)
"""Long enough to hold a crowd back, too short for anybody to notice (C14)."""

CACHE_ENTRIES = 20_000
"""62 MB: 3.1 kB for a certificate with its answer, signed with RSA-2048. An answer is kept whole,
so a responder that sends 64 KiB each time makes it 1.3 GB: set CachePolicy.entries by that."""

MAX_REFRESHES = 32
"""Answers that are renewed ahead at once; what does not get its turn is asked for when due."""

BATCH_AT_ONCE = 4
"""Keeps one responder's core busy without crowding out other callers."""

BATCH_BREATH = 64
"""So many certificates are looked at before others get their turn in the event loop."""

POOL_CONNECTIONS = 32
"""One core of a responder answers 32 connections as fast as any more."""

POOL_IDLE = timedelta(seconds=10)
"""Below the 15 s after which many servers close an idle connection."""

MAX_PERSISTED = 64 * 1024 * 1024
"""Octets of a cache file; room for 50,000 answers that are signed with P-256."""

CACHE_PATIENCE = timedelta(milliseconds=50)
"""How long a cache file that another process writes is waited for; then it is done without."""

CACHE_REST = timedelta(seconds=1)
"""How long a busy one is left alone: waiting then takes a twentieth of the time at most."""
