"""How a relying party shows a responder who asks, beside a client certificate.

A client certificate is part of the ``tls`` context, and a token in the path is
part of the URL. Nothing here ever shows a secret.
"""

import re
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tashika.errors import PkiError, WrongUse
from tashika.pki.algorithms import PrivateKey, algorithm_for
from tashika.pki.signed_request import sign_request

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""b64token of RFC 6750 2.1: no header can be made of it."""


class BearerToken:
    """A token for the Authorization header (RFC 6750); it travels over https only."""

    __slots__ = ("_secret",)

    def __init__(self, secret: str) -> None:
        if not _TOKEN.fullmatch(secret):
            raise WrongUse("a token consists of letters, digits and -._~+/ only")
        self._secret = secret

    @property
    def header(self) -> str:
        """The value of the Authorization header: secret."""
        return f"Bearer {self._secret}"

    def __repr__(self) -> str:
        return "BearerToken(***)"


class RequestSigner:
    """Signs every question with one key (RFC 6960 4.1.1)."""

    __slots__ = ("_certificates", "_key", "_name")

    def __init__(
        self,
        key: PrivateKey,
        certificate: x509.Certificate,
        *,
        chain: Sequence[x509.Certificate] = (),
    ) -> None:
        """Take the key and its certificate; ``chain`` goes along with every question."""
        try:
            algorithm_for(key.public_key())
        except PkiError as weak:
            raise WrongUse(f"this key cannot sign questions: {weak}") from weak
        if key.public_key() != certificate.public_key():
            raise WrongUse("the certificate is of another key")
        self._key = key
        self._name = certificate.subject.public_bytes()
        self._certificates = [each.public_bytes(Encoding.DER) for each in (certificate, *chain)]

    def sign(self, question: bytes) -> bytes:
        """Return the question, signed."""
        return sign_request(
            question, requestor=self._name, key=self._key, certificates=self._certificates
        )

    def __repr__(self) -> str:
        return "RequestSigner(***)"


Credential = BearerToken | RequestSigner
