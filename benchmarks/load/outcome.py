"""What a run has shown, as values, as JSON and as a table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from benchmarks.load.histogram import Histogram
from benchmarks.load.tally import Slot

__all__ = ["PERCENTS", "Outcome", "Stretch"]

PERCENTS = (50.0, 90.0, 99.0, 99.9, 99.99)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A second or less of a run."""

    seconds: float
    """Since its beginning."""
    rate: float
    p50_ms: float
    p99_ms: float
    longest_ms: float

    @classmethod
    def of(cls, slot: Slot, *, begin: int, width: int) -> "Stretch":
        """Sum one slot up."""
        of = slot.latencies
        return cls(
            seconds=(slot.begin - begin) / 1e9,
            rate=slot.answers / width * 1e9,
            p50_ms=of.percentile(50) / 1e6,
            p99_ms=of.percentile(99) / 1e6,
            longest_ms=of.greatest / 1e6,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Figures of the measured part of a run, after its warm-up."""

    asked: Mapping[str, Any]
    """The order, in plain values."""
    seconds: float
    answers: int
    cert_ids: int
    """In each."""
    latencies: Histogram
    stretches: Sequence[Stretch]
    """Of the warm-up too."""
    replies: Counter[tuple[int, int]]
    """By HTTP status and length of body, of the whole run."""
    wrong: Counter[str]
    verified: int
    """Answers checked in full."""
    opened: int
    """Connections."""
    lasted: float
    """Seconds from the first question to the last answer; the samples are checked after that."""
    busy: float
    """Part of them that the generator itself was at work; near 1 it measured itself."""

    @classmethod
    def joined(cls, parts: Sequence["Outcome"]) -> "Outcome":
        """Put runs that followed each other together, as if they had been one of their order."""
        stretches, begin = list[Stretch](), 0.0
        for each in parts:
            stretches += [replace(one, seconds=begin + one.seconds) for one in each.stretches]
            begin += each.lasted
        return replace(
            parts[0],
            seconds=sum(each.seconds for each in parts),
            answers=sum(each.answers for each in parts),
            latencies=Histogram.sum(each.latencies for each in parts),
            stretches=stretches,
            replies=sum((each.replies for each in parts), Counter()),
            wrong=sum((each.wrong for each in parts), Counter()),
            verified=sum(each.verified for each in parts),
            opened=sum(each.opened for each in parts),
            lasted=begin,
            busy=sum(each.busy * each.lasted for each in parts) / begin,
        )

    @property
    def rate(self) -> float:
        """Return the answers a second."""
        return self.answers / self.seconds

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing went wrong and something was shown."""
        return not self.wrong and self.answers > 0 and self.verified > 0

    def milliseconds(self, percent: float) -> float:
        """Return a percentile of the latencies."""
        return self.latencies.percentile(percent) / 1e6

    def plain(self) -> dict[str, Any]:
        """Return all of it in plain values."""
        return {
            "asked": dict(self.asked),
            "rate": round(self.rate, 1),
            "statuses": round(self.rate * self.cert_ids, 1),
            "seconds": self.seconds,
            "answers": self.answers,
            "latency_ms": {f"p{each:g}": round(self.milliseconds(each), 3) for each in PERCENTS}
            | {"max": round(self.latencies.greatest / 1e6, 3)},
            "replies": [
                {"status": status, "octets": length, "count": count}
                for (status, length), count in sorted(self.replies.items())
            ],
            "wrong": dict(self.wrong),
            "verified": self.verified,
            "connections_opened": self.opened,
            "generator_busy": round(self.busy, 3),
            "curve_ms": [[round(p, 5), round(ns / 1e6, 4)] for p, ns in self.latencies.curve()],
            "over_time": [asdict(each) for each in self.stretches],
        }

    def table(self) -> str:
        """Write it for people."""
        lengths = Counter[int]()
        for (status, _), count in self.replies.items():
            lengths[status] += count
        rows = [
            ("answers a second", f"{self.rate:,.0f}"),
            *([("statuses a second", f"{self.rate * self.cert_ids:,.0f}")] * (self.cert_ids > 1)),
            *((f"p{each:g}", f"{self.milliseconds(each):.3f} ms") for each in PERCENTS),
            ("longest", f"{self.latencies.greatest / 1e6:.3f} ms"),
            *((f"replies HTTP {status}", f"{n:,}") for status, n in sorted(lengths.items())),
            ("octets of a body", self._octets()),
            ("verified in full", f"{self.verified:,}"),
            ("connections opened", f"{self.opened:,}"),
            ("generator busy", f"{self.busy:.0%}"),
            *((f"WRONG: {what}", f"{n:,}") for what, n in self.wrong.most_common()),
        ]
        return "\n".join(f"{name:<34} {value:>16}" for name, value in rows)

    def _octets(self) -> str:
        lengths = {length for _, length in self.replies}
        return f"{min(lengths)} to {max(lengths)}" if lengths else "none"
