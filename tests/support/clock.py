"""A clock that a test moves by hand."""

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Stands still until told; fits `tashika_server.clock.Clock`."""

    def __init__(self, at: datetime = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> datetime:
        self.at += by
        return self.at
