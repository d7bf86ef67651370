"""Every bound on what a signature may bring along: a name, a number, a reason."""

from datetime import timedelta

MAX_SIGNATURE_BYTES = 10 * 1024 * 1024
"""A CMS signature with its document inside; a larger one goes beside its signature."""

MAX_XML_BYTES = 2 * 1024 * 1024
"""An XML document becomes a tree, several times over: 2 MB of small elements take a second."""

MAX_NAMESPACES = 32
"""In scope at one place of an XML document. libxml2 takes their square, for every element: 400
of them and 4,000 elements, 25 kB, took 3.6 s to canonicalise."""

MAX_XML_ATTRIBUTES = 256
"""Of one element; they are sorted by insertion."""

MAX_REFERENCES = 4
"""What one XML signature signs: the document, and the properties of XAdES."""

MAX_TRANSFORMS = 8
"""Two for each reference; every one walks the whole document."""

MAX_PDF_BYTES = 64 * 1024 * 1024
"""A scanned contract of some hundred pages; the file is read as a whole."""

MAX_BYTE_RANGES = 64
"""Signatures of one PDF, one after the other."""

MAX_RAW_BYTES = 1024
"""RSA-8192 signs in 1,024 octets, P-521 in 139."""

MAX_SIGNERS = 16
"""Parties that sign one contract in one file; more sign in turn."""

MAX_CERTIFICATES = 64
"""Certificates that come along; a path through a bridge of governments has 6."""

MAX_ATTRIBUTES = 32
"""Signed attributes; RFC 5652, 5035 and ETSI EN 319 122-1 define a dozen."""

MAX_PURPOSE_CHARS = 200
"""A purpose names a kind of business and a reference to it, not the business itself."""

MAX_EVIDENCE_BYTES = 16 * 1024 * 1024
"""One file of evidence with a CRL of a small CA inside; large lists are kept by digest."""

MAX_NAME_CHARS = 253
"""A relying party names itself by its host (RFC 1035 2.3.4) or by a short name."""

CHALLENGE_LIFE = timedelta(minutes=5)
"""To take the card out, enter the PIN wrongly once, and hold it to the phone."""

MAX_CHALLENGE_LIFE = timedelta(hours=1)
"""A longer one serves whoever stole it."""

MAX_CHALLENGES = 100_000
"""Open challenges in memory, at about 200 octets each: five minutes of 300 logins a second."""

MAX_NOTE_CHARS = 200
"""The name of a policy, and an account key: 32 octets in hexadecimal and their key id."""
