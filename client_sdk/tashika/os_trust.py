"""The roots that this machine's operating system trusts, for certificates of other PKIs.

Not for JPKI: its CAs are chosen by hand, by their keys. Needs the extra
``os-trust`` (oscrypto), whose list of roots alone is used: its cryptography
cannot be imported beside OpenSSL 3.0.10 and later.
"""

import warnings
from typing import Any

from tashika.errors import PkiError, WrongUse
from tashika.path.demands import TrustAnchor

__all__ = ["ANY_PURPOSE", "os_anchors"]

ANY_PURPOSE = "2.5.29.37.0"
"""anyExtendedKeyUsage (RFC 5280 4.2.1.12)."""


def os_anchors(*, purpose: str) -> tuple[TrustAnchor, ...]:
    """Return the roots that the system trusts for a purpose, an OID of extended key usage.

    Pass the same OID as ``Demands.purpose``. Roots that the system limits to
    other purposes, and those we cannot use, are left out. Raises WrongUse
    where the extra is not installed or the system has no list.
    """
    anchors = []
    for certificate, trusted, rejected in _listed():
        if not _is_for(purpose, trusted, rejected):
            continue
        try:
            anchors.append(TrustAnchor.of(certificate.dump()))
        except PkiError:
            continue  # of no use to us, such as a root with a key of 1024 bits
    return tuple(anchors)


def _is_for(purpose: str, trusted: set[str], rejected: set[str]) -> bool:
    """Tell whether a root serves; where the system names no purpose, it serves every one."""
    asked = {purpose, ANY_PURPOSE}
    return not asked & rejected and (not trusted or bool(asked & trusted))


def _listed() -> list[tuple[Any, set[str], set[str]]]:
    try:
        with warnings.catch_warnings():
            # Its source is of 2022; newer Pythons complain of some of its string literals.
            warnings.simplefilter("ignore")
            from oscrypto import trust_list  # noqa: PLC0415 - an extra
            from oscrypto.errors import CACertsError  # noqa: PLC0415
    except ImportError as missing:
        raise WrongUse(
            "the system's roots are read by oscrypto: pip install 'tashika[os-trust]'"
        ) from missing
    try:
        found: list[tuple[Any, set[str], set[str]]] = trust_list.get_list()
    except (CACertsError, OSError) as wrong:
        raise WrongUse(f"this system has no list of roots that can be read: {wrong}") from wrong
    return found
