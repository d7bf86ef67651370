"""Why a compact set or a delta is refused, by name."""

from tashika.causes import Explained
from tashika.pki.errors import TashikaError


class Fault(Explained):
    """What is wrong with a file."""

    UNREADABLE = (
        "unreadable",
        "The file cannot be opened.",
        "Put the file there, readable.",
    )
    TRUNCATED = (
        "truncated",
        "The file is cut off.",
        "Download it again, to its end.",
    )
    MALFORMED = (
        "malformed",
        "The file is not well-formed.",
        "Download it again; tell the operator if it lasts.",
    )
    UNSUPPORTED = (
        "unsupported",
        "The file has a form that this library does not know.",
        "Update this library.",
    )
    WRONG_ISSUER = (
        "wrong_issuer",
        "The file is about another issuer.",
        "Take the file of this very key generation.",
    )
    SIGNER = (
        "signer",
        "The file is not signed by anybody who is trusted for it.",
        "Ask the operator by whose key the file should be signed.",
    )
    SIGNATURE = (
        "signature",
        "The file's signature does not hold.",
        "Do not trust where the file came from; download it again.",
    )
    DAMAGED = (
        "damaged",
        "The file's content is not what was signed.",
        "Download it again.",
    )
    EXPIRED = (
        "expired",
        "The file is past its nextUpdate.",
        "Get a newer file; set this machine's clock if it is wrong.",
    )
    ROLLBACK = (
        "rollback",
        "The file is older than the one in place.",
        "Get a newer file; do not trust where this one came from.",
    )
    WRONG_BASE = (
        "wrong_base",
        "The delta begins at another file.",
        "Apply the deltas in their order, or download the whole set.",
    )
    UNREACHABLE = (
        "unreachable",
        "The operator's host for files cannot be reached.",
        "Look at the address and the network, and try again.",
    )
    DECLINED = (
        "declined",
        "The operator's host does not provide the file.",
        "Look at the agreement and the token; the operator can say why.",
    )
    UNWRITABLE = (
        "unwritable",
        "The file cannot be written.",
        "Look at the disk and at who may write there.",
    )


class CompactRefused(TashikaError):
    """A file is of no use, for the reason that `fault` names; what was in place stays."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{detail}. {fault.remedy}")
        self.fault = fault
        self.detail = detail
