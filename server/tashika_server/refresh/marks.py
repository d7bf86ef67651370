"""What the index remembers of a file that is taken in, and measures the next one by. Pure."""

from dataclasses import replace

from tashika_server.index import Changes, DeltaMark, Mark
from tashika_server.refresh.accept import AcceptedCrl
from tashika_server.refresh.fetch import Fetched

__all__ = ["mark_of_complete", "mark_of_delta"]


def mark_of_complete(crl: AcceptedCrl, fetched: Fetched, url: str, *, last: Mark | None) -> Mark:
    """Return the mark of a complete CRL that came from a URL, after the last one."""
    said = fetched.validators
    return Mark(
        number=crl.number,
        this_update=crl.this_update,
        next_update=crl.next_update,
        sha256=fetched.sha256,
        entries=crl.listed.count,
        etag=said.etag,
        last_modified=said.last_modified,
        origin=url,
        freshest=crl.freshest,
        vanished=last.vanished if last else None,
    )


def mark_of_delta(
    crl: AcceptedCrl,
    fetched: Fetched,
    url: str,
    *,
    last: Mark,
    listed: int,
    changes: Changes,
) -> Mark:
    """Return the mark of a delta after the last one; `listed` is what the index counts before.

    That is not always what the last mark has: a push feed may have said before what the delta says.
    """
    said = fetched.validators
    return replace(
        last,
        number=crl.number,
        this_update=crl.this_update,
        next_update=crl.next_update,
        entries=listed + len(changes.added) - len(changes.removed),
        delta=DeltaMark(
            complete=last.delta.complete if last.delta else last.number,
            sha256=fetched.sha256,
            origin=url,
            etag=said.etag,
            last_modified=said.last_modified,
        ),
    )
