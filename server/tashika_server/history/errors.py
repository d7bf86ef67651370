"""What can go wrong with the history, one class per reaction."""

from tashika.pki.errors import TashikaError

__all__ = ["HistoryFailed", "NotRemembered"]


class HistoryFailed(TashikaError):
    """The history cannot be written or read: what it must hear first is not published."""


class NotRemembered(TashikaError):
    """What was known at that moment cannot be said from what is kept; never guessed."""
