"""What the API itself declines for; the registry's rules have errors of their own.

Inner code raises; only `application` turns it into a reply, by its row in `declining`.
"""

from tashika.pki.errors import TashikaError

__all__ = [
    "BadBody",
    "Failed",
    "ForeignPage",
    "KeyReused",
    "NotAllowed",
    "NotJson",
    "NotLoggedIn",
    "PageUnknown",
    "Problem",
    "TooBig",
    "TooManyFailures",
    "TooSlow",
    "WrongMethod",
]


class Problem(TashikaError):
    """A reason to decline that has nothing to do with the registry's rules."""

    def __init__(self, what: str, *, rule: str, remedy: str) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what, self.rule, self.remedy = what, rule, remedy


class NotLoggedIn(Problem):
    """Nobody, or nobody any more, is logged in."""

    def __init__(self) -> None:
        super().__init__(
            "there is no open session for this request",
            rule="every route but the log-in is for operators who are logged in",
            remedy="POST /v1/sessions with your token or certificate",
        )


class TooManyFailures(Problem):
    """The address has failed too often."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds
        super().__init__(
            "too many log-ins from this address have failed",
            rule="ten failures a minute",
            remedy=f"wait {seconds} s",
        )


class NotAllowed(Problem):
    """The operator's role does not include this."""

    def __init__(self, roles: str) -> None:
        super().__init__(
            "this is not for your role", rule=f"it is for: {roles}", remedy="ask one of them"
        )


class ForeignPage(Problem):
    """A browser asks for a page of another site."""

    def __init__(self) -> None:
        super().__init__(
            "a page of another site asks",
            rule="programs and this site's own pages may ask, and no other page",
            remedy="leave the Origin header out, or ask from a page of this site",
        )


class KeyReused(Problem):
    """An Idempotency-Key came with another order before."""

    def __init__(self) -> None:
        super().__init__(
            "this Idempotency-Key came with another order",
            rule="one key for one order, word by word",
            remedy="make a new key for a new order",
        )


class PageUnknown(Problem):
    """Nothing is at this path."""

    def __init__(self) -> None:
        super().__init__(
            "nothing is at this path", rule="/v1/openapi.json lists all", remedy="read it there"
        )


class WrongMethod(Problem):
    """The path is there, but not by this method."""

    def __init__(self, allowed: str) -> None:
        self.allowed = allowed
        super().__init__(
            "this path has no such method", rule=f"it has: {allowed}", remedy="use one of them"
        )


class NotJson(Problem):
    """The body does not call itself JSON."""

    def __init__(self) -> None:
        super().__init__(
            "the body does not call itself JSON",
            rule="Content-Type: application/json",
            remedy="send that header",
        )


class TooBig(Problem):
    """The body is larger than any order need be."""

    def __init__(self, most: int) -> None:
        super().__init__("the body is too large", rule=f"{most} bytes", remedy="send less")


class TooSlow(Problem):
    """The body did not arrive in time."""

    def __init__(self) -> None:
        super().__init__("the body did not arrive", rule="ten seconds", remedy="send it again")


class BadBody(Problem):
    """Something sent is not what the route takes."""

    def __init__(self, where: str, what: str, remedy: str, *, rule: str = "") -> None:
        super().__init__(
            f"{where or 'the body'} {what}",
            rule=rule or "/v1/openapi.json describes what is taken",
            remedy=remedy,
        )


class Failed(Problem):
    """Something of ours broke."""

    def __init__(self) -> None:
        super().__init__(
            "something of ours broke",
            rule="nothing of a change that fails is kept",
            remedy="look whether it was done, then tell who runs the service",
        )
