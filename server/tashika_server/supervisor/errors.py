"""What stands in the way of a start or a reload."""

from tashika.pki.errors import TashikaError

__all__ = ["NotServed", "ReloadFailed", "ReloadRefused", "StartRefused"]


class StartRefused(TashikaError):
    """The service, or one of its processes, cannot start here; says what stands in the way."""


class ReloadRefused(TashikaError):
    """The new configuration is unfit, and nothing was done; names every problem."""


class ReloadFailed(TashikaError):
    """The new processes did not come to work; the old ones work on."""


class NotServed(TashikaError):
    """No service listens, or it ended before it could answer."""
