"""Who signs, and what is signed: responder keys, their certificates and the answer's bytes.

Not for deciding what to say (`responder`), nor for issuing certificates (`lab`).
"""

from tashika_server.signing.encode import NEVER_ISSUED, encode_answer
from tashika_server.signing.shelf import Rack, Shelf
from tashika_server.signing.signer import Signer, SignerFiles, SignerRefused, load_signer

__all__ = [
    "NEVER_ISSUED",
    "Rack",
    "Shelf",
    "Signer",
    "SignerFiles",
    "SignerRefused",
    "encode_answer",
    "load_signer",
]
