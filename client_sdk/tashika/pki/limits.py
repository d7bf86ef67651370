"""Every bound of the codecs: a name, a number, a reason."""

MAX_REQUEST_BYTES = 8192
"""A request for 20 certificates is under 2 kB; a signed one carries certificates too."""

MAX_RESPONSE_BYTES = 64 * 1024
"""16 answers, an RSA-4096 signature and a responder certificate are under 8 kB (C8)."""

MAX_CERT_IDS = 16
"""The default number of certificates in one question; a signature costs more than 16 answers."""

MAX_NONCE_BYTES = 128
"""RFC 9654 section 2.1."""

MAX_EXTENSIONS = 16
"""RFC 6960 names eight extensions; a list of thousands is an attack on time (T22)."""

MAX_INTEGER_BYTES = 32
"""RFC 5280 allows 20 for serial and CRL numbers; the rest is for issuers that broke the rule."""

MAX_FLAG_BYTES = 2
"""ReasonFlags (RFC 5280 4.2.1.13), the only flags read here, are nine bits."""

MAX_PREFERRED_ALGORITHMS = 16
"""A client's wishes after that many are not read; there are six algorithms (RFC 6960 4.4.7)."""

MAX_OID_BYTES = 40
"""A UUID arc (2.25) takes 20; no OID of this field is longer."""

MAX_NAME_PARTS = 64
"""Attributes of one distinguished name; JPKI uses at most 6."""

MAX_SCOPE_NAMES = 16
"""Names of one distribution point; JPKI uses 1."""

MAX_HEAD_BYTES = 64 * 1024
"""What is before a CRL's entries, and what is behind them; JPKI's take 400 octets."""

MAX_ENTRY_BYTES = 4096
"""One entry of a CRL: 100 octets, and a name of an issuer in an indirect one (T30)."""

MAX_CERTIFICATES = 8
"""Certificates that come with one question or answer; whoever signed it needs 1."""

MAX_CERTIFICATE_BYTES = 64 * 1024
"""A certificate of JPKI is under 3 kB; nobody needs one that is longer than an answer."""

MIN_RSA_BITS = 2048
"""User terms section 11(2) require RSA-2048; below it a signature proves nothing."""
