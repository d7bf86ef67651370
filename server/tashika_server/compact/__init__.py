"""Compact revocation sets of what the index holds, for verifiers that check without a network.

Makes files and signs them; who gets them is decided elsewhere. The format, and the reading, are
the SDK's: `tashika.pki.compact`, `tashika.compact`.
"""

from tashika_server.compact.making import CONDEMNED_HOLDS, Maker, NotMade, SetSigner

__all__ = ["CONDEMNED_HOLDS", "Maker", "NotMade", "SetSigner"]
