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
