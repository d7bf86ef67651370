"""Every reason the service declines for, and the one table of what each is on the wire.

Inner code raises the named Refusal; only the rim turns it into bytes, by its row. What an
operator should read goes into the log event, not here: a caller sees the row and no more.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar

from tashika.pki.response import ResponseStatus

__all__ = [
    "BadHttp",
    "InternalFault",
    "MalformedQuestion",
    "NoSigner",
    "NotLoaded",
    "Refusal",
    "Reply",
    "SeveralIssuers",
    "StatusStale",
    "TooLarge",
    "TooManyCertificates",
    "TooSlow",
    "UnknownCritical",
    "UnknownPath",
    "UnmetExpectation",
    "WrongMethod",
    "metric_labels",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One row: what a refusal is on the wire, in the metrics and in the accounts.

    `ocsp` is None where the caller never got as far as OCSP. An OCSP error travels with HTTP
    200, because clients read the body of nothing else (RFC 6960 appendix A.2); so a 200
    without an OCSP status, an empty 200, cannot be written down (T6).
    """

    ocsp: ResponseStatus | None
    http: HTTPStatus
    metric: str
    billable: bool = False

    def __post_init__(self) -> None:
        if (self.ocsp is None) == (self.http is HTTPStatus.OK):
            raise TypeError(f"{self.metric}: HTTP 200 and an OCSP status come together")


class Refusal(Exception):
    """A named reason to decline; a subclass without its row cannot be defined."""

    reply: ClassVar[Reply]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        row = cls.__dict__.get("reply")
        if not isinstance(row, Reply):
            raise TypeError(f"{cls.__name__} has no row: give it reply = Reply(...)")
        if row.metric in _labels:
            raise TypeError(f"{cls.__name__} needs a metric label of its own, not {row.metric}")
        _labels.add(row.metric)


_labels: set[str] = set()


def metric_labels() -> tuple[str, ...]:
    """List the metric label of every refusal there is, sorted."""
    return tuple(sorted(_labels))


def _row(metric: str, ocsp: ResponseStatus) -> Reply:
    return Reply(ocsp=ocsp, http=HTTPStatus.OK, metric=metric)


def _http_row(metric: str, http: HTTPStatus) -> Reply:
    return Reply(ocsp=None, http=http, metric=metric)


# --- The question ---------------------------------------------------------------------------


class MalformedQuestion(Refusal):
    """The question is not a DER OCSPRequest, or breaks a limit of the format."""

    reply = _row("malformed", ResponseStatus.MALFORMED_REQUEST)


class TooManyCertificates(Refusal):
    """The question names more certificates than one question may."""

    reply = _row("too_many_certificates", ResponseStatus.MALFORMED_REQUEST)


class UnknownCritical(Refusal):
    """The question has a critical extension, or a version, that we do not understand.

    RFC 6960 4.4 has such an extension rejected and names no status for it.
    """

    reply = _row("unknown_critical", ResponseStatus.MALFORMED_REQUEST)


class SeveralIssuers(Refusal):
    """The question mixes our issuers; a delegated signer speaks for its own CA only."""

    reply = _row("several_issuers", ResponseStatus.UNAUTHORIZED)


# --- What we know ---------------------------------------------------------------------------


class NotLoaded(Refusal):
    """Some revocation data of the issuer has never arrived; missing is not empty (T15)."""

    reply = _row("not_loaded", ResponseStatus.TRY_LATER)


class StatusStale(Refusal):
    """The newest revocation data is past its nextUpdate (T3)."""

    reply = _row("status_stale", ResponseStatus.TRY_LATER)


class NoSigner(Refusal):
    """The issuer has no responder certificate that is in force (T17)."""

    reply = _row("no_signer", ResponseStatus.TRY_LATER)


class InternalFault(Refusal):
    """Something of ours broke; no answer is better than a wrong one (T6, T33)."""

    reply = _row("internal_fault", ResponseStatus.INTERNAL_ERROR)


# --- The connection -------------------------------------------------------------------------


class BadHttp(Refusal):
    """The bytes are not HTTP, or the body broke off or off its framing."""

    reply = _http_row("bad_http", HTTPStatus.BAD_REQUEST)


class UnknownPath(Refusal):
    """Nothing is served at this path."""

    reply = _http_row("unknown_path", HTTPStatus.NOT_FOUND)


class WrongMethod(Refusal):
    """The path is served, but not by this method."""

    reply = _http_row("wrong_method", HTTPStatus.METHOD_NOT_ALLOWED)


class TooSlow(Refusal):
    """The body did not arrive within its deadline (T36)."""

    reply = _http_row("too_slow", HTTPStatus.REQUEST_TIMEOUT)


class TooLarge(Refusal):
    """The question is larger than any question need be (T22)."""

    reply = _http_row("too_large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


class UnmetExpectation(Refusal):
    """The caller expects something other than 100-continue (T5)."""

    reply = _http_row("unmet_expectation", HTTPStatus.EXPECTATION_FAILED)
