"""The flow for a judge that needs no client; a client's faces of it are its methods."""

from datetime import datetime

from tashika.causes import Cause
from tashika.driving import Answer, drive
from tashika.errors import SourceFailed, WrongUse
from tashika.report import Report
from tashika.signature.flow import Terms, require_for_documents, verifying
from tashika.signature.judging import CheckStatus
from tashika.signature.report import SignatureReport
from tashika.signature.submitted import Submitted


def nothing(wanted: object) -> object:
    """Answer a flow that needs nothing fetched; WrongUse for one that does."""
    raise WrongUse(f"this judge wants a {type(wanted).__name__}: say with `answer` who does it")


def offline(wanted: object) -> object:
    """Answer that nothing can be reached, so that a judge goes by what is at hand.

    A CheckStatus gets an undetermined Report, a tuple as many SourceFailed as it has wishes.
    """
    unreachable = SourceFailed(Cause.UNREACHABLE, "offline")
    if isinstance(wanted, CheckStatus):
        return Report(at=wanted.at, verdict=unreachable.cause, detail=unreachable.detail)
    return [unreachable] * len(wanted) if isinstance(wanted, tuple) else nothing(wanted)


def verify_signature(
    submitted: Submitted,
    terms: Terms,
    *,
    received_at: datetime,
    at: datetime | None = None,
    answer: Answer = nothing,
) -> SignatureReport:
    """Verify a signature and its certificate in one call; the steps are verifying()'s.

    Fails closed: whatever strangers send ends in the report. Raises WrongUse, for terms of a
    login too, and what ``answer`` raises.
    """
    require_for_documents(terms)
    return drive(verifying(submitted, terms, received_at=received_at, at=at), answer)
