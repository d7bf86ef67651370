"""Whether a CRL says what a push feed has said before (T10). Says it aloud, and decides nothing.

By stated policy the CRL wins: it is what the law knows, and the feed only comes earlier.
"""

from tashika.pki.standing import Reason
from tashika_server.index import Changes, IndexReader, Mark
from tashika_server.log import get_log
from tashika_server.metrics import Tally
from tashika_server.refresh.source import Source

__all__ = ["tell_differences"]

log = get_log()

_differences = Tally(
    "tashika_feed_differences",
    "Certificates of which a CRL says another thing than the feed.",
    label="what",
    allowed=("unsaid", "other", "still-held"),
)


def tell_differences(changes: Changes, mark: Mark, source: Source, index: IndexReader) -> None:
    """Alarm where a CRL changes more than the feed has said since; call it before publishing.

    Only a feed that is whole, and has come further than the CRL, is held to it. What vanishes
    by expiry is no difference: a feed tells what happens, and an end foreseen is none.
    """
    fingerprint, partition = source.fingerprint, source.partition.name
    with index.snapshot() as view:
        feed = view.feed(fingerprint)
        is_whole = not view.feed_in_quarantine(fingerprint)
        said = view.fed(fingerprint, partition, since=mark.number)
    if feed is None or feed.this_update <= mark.this_update or not is_whole:
        return
    left = changes.without(said)
    still_held = sum(entry.reason is Reason.CERTIFICATE_HOLD for entry in left.removed)
    found = {"unsaid": len(left.added), "other": len(left.changed), "still-held": still_held}
    if not any(found.values()):
        return
    for what, count in found.items():
        _differences.count(what, count)
    log.warning(
        "feed_disagrees",
        issuer=source.issuer.name,
        partition=partition,
        number=mark.number,
        unsaid=found["unsaid"],
        other=found["other"],
        still_held=still_held,
    )
