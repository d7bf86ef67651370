"""Who signs, and what is signed: responder keys, their certificates and the answer's bytes.

Not for deciding what to say (`responder`), nor for issuing certificates (`lab`).
"""

from tashika_server.signing.encode import NEVER_ISSUED, Unsigned, encode_answer
from tashika_server.signing.shelf import Rack, Shelf
from tashika_server.signing.signer import Signer, SignerFiles, SignerRefused, load_signer
from tashika_server.signing.template import Template

__all__ = [
    "NEVER_ISSUED",
    "Rack",
    "Shelf",
    "Signer",
    "SignerFiles",
    "SignerRefused",
    "Template",
    "Unsigned",
    "encode_answer",
    "load_signer",
]
