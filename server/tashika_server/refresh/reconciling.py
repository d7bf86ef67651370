"""Whether a CRL says what a push feed has said before (T10). Says it aloud, and decides nothing.

By stated policy the CRL wins: it is what the law knows, and the feed only comes earlier.
"""

from tashika.pki.standing import Reason
from tashika_server.index import Changes, IndexReader, Mark
from tashika_server.log import get_log
from tashika_server.metrics import Tally
from tashika_server.refresh.source import Source

__all__ = ["tell_differences", "unsaid"]

log = get_log()

_differences = Tally(
    "tashika_feed_differences",
    "Certificates of which a CRL says another thing than the feed.",
    label="what",
    allowed=("unsaid", "other", "still-held"),
)


def unsaid(changes: Changes, number: int, source: Source, index: IndexReader) -> Changes:
    """Return what a CRL of this number changes, less what a feed has said since it was made.

    That stays as the feed has said it (`Edit.unsaid`), so it is neither measured nor compared.
    """
    with index.snapshot() as view:
        said = view.fed(source.fingerprint, source.partition.name, since=number)
    return changes.without(said)


def tell_differences(left: Changes, mark: Mark, source: Source, index: IndexReader) -> None:
    """Alarm where a CRL changes what is `unsaid`; call it before publishing.

    Only a feed that is whole, and has come further than the CRL, is held to it. What vanishes
    by expiry is no difference: a feed tells what happens, and an end foreseen is none.
    """
    with index.snapshot() as view:
        feed = view.feed(source.fingerprint)
        is_whole = not view.feed_in_quarantine(source.fingerprint)
    if feed is None or feed.this_update <= mark.this_update or not is_whole:
        return
    still_held = sum(entry.reason is Reason.CERTIFICATE_HOLD for entry in left.removed)
    found = {"unsaid": len(left.added), "other": len(left.changed), "still-held": still_held}
    if not any(found.values()):
        return
    for what, count in found.items():
        _differences.count(what, count)
    log.warning(
        "feed_disagrees",
        issuer=source.issuer.name,
        partition=source.partition.name,
        number=mark.number,
        unsaid=found["unsaid"],
        other=found["other"],
        still_held=still_held,
    )
