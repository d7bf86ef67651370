"""Opaque account keys: what a relying party stores in place of a certificate.

HMAC-SHA-256 over the issuer's key and the serial number, under a key that only
the relying party has. Serial numbers are small and sequential, so that a bare
hash would be undone by trying them all; and articles 52, 53 and 63 of the Act
keep issuance numbers from becoming an identifier that passes between parties.

Not a person's identifier: a renewed certificate, the card's other certificate
and the phone's have accounts of their own. See docs/jpki-profile.md for what
may link them.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tashika.errors import Malformed, WrongUse
from tashika.issuance import IssuedCertificate

MIN_SECRET_BYTES = 32
"""As long as the hash: RFC 2104 section 3 discourages less."""
_LABEL = b"tashika account key 1\x00"
_KEY_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")
_TEXT = re.compile(r"([A-Za-z0-9._-]{1,32}):([0-9a-f]{64})")


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class AccountKey:
    """One account, under one of the relying party's keys; compared in constant time."""

    key_id: str
    mac: bytes

    @classmethod
    def parse(cls, text: str) -> "AccountKey":
        """Read what `text` wrote; raises Malformed."""
        found = _TEXT.fullmatch(text)
        if not found:
            raise Malformed("an account key is its key's id, a colon and 64 hexadecimal digits")
        return cls(found[1], bytes.fromhex(found[2]))

    @property
    def text(self) -> str:
        """The form to store: id of the key, colon, hexadecimal."""
        return f"{self.key_id}:{self.mac.hex()}"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AccountKey):
            return NotImplemented
        return hmac.compare_digest(self.mac, other.mac) and self.key_id == other.key_id

    def __hash__(self) -> int:
        return hash((self.key_id, self.mac))

    def __repr__(self) -> str:
        """Name the key, not the account: it stands for a person."""
        return f"<AccountKey under {self.key_id}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AccountSecrets:
    """The relying party's HMAC keys by id; new accounts are made under `current`.

    To rotate: add a key, make it current, store the new account key of whoever
    comes back, drop the old key when nobody is left under it. Raises WrongUse
    for a key under MIN_SECRET_BYTES octets and for ids that cannot be stored.
    """

    secrets: Mapping[str, bytes]
    current: str

    def __post_init__(self) -> None:
        if self.current not in self.secrets:
            raise WrongUse("the current account key is not among the keys")
        for key_id, secret in self.secrets.items():
            if not isinstance(key_id, str) or not _KEY_ID.fullmatch(key_id):
                raise WrongUse("an id of a key has 1 to 32 letters, digits, '.', '_' or '-'")
            if not isinstance(secret, bytes) or len(secret) < MIN_SECRET_BYTES:
                raise WrongUse(f"an account key needs {MIN_SECRET_BYTES} random octets")
        object.__setattr__(self, "secrets", MappingProxyType(dict(self.secrets)))

    def accounts(self, issued: IssuedCertificate) -> tuple[AccountKey, ...]:
        """Return the account of a certificate under every key, the current one first.

        HMAC-SHA-256(secret, label || fingerprint || serial): IssuerIdentity's
        fingerprint has 32 octets; the serial is unsigned, highest octet first,
        as short as can be.
        """
        serial = issued.serial.to_bytes((issued.serial.bit_length() + 7) // 8, "big")
        message = _LABEL + issued.identity.fingerprint + serial
        ids = sorted(self.secrets, key=lambda key_id: key_id != self.current)
        return tuple(
            AccountKey(key_id, hmac.digest(self.secrets[key_id], message, "sha256"))
            for key_id in ids
        )

    def __repr__(self) -> str:
        """Show no key."""
        return f"<AccountSecrets {len(self.secrets)}, current {self.current}>"
