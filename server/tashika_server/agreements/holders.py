"""Those who ask under a verifier's agreement: tenants, confirmers, entrusted processors."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row

from tashika_server.agreements import ids
from tashika_server.agreements.act import CONFIRMERS, PROCESSORS, TENANTS, Clause
from tashika_server.agreements.errors import Duplicate, NotEntitled, WrongState
from tashika_server.agreements.ids import Kind
from tashika_server.agreements.parties import (
    Verifier,
    demand_not_ended,
    find_verifier,
)
from tashika_server.agreements.period import Period
from tashika_server.agreements.rows import Rows
from tashika_server.agreements.wording import worded
from tashika_server.book import Change
from tashika_server.book import tables as t

__all__ = [
    "FOOTINGS",
    "Holder",
    "HolderKind",
    "admit_holder",
    "dismiss_holder",
    "find_holder",
    "holders",
]


class HolderKind(StrEnum):
    """On what footing somebody asks under a verifier's agreement."""

    TENANT = "tenant"
    """A service provider for which a platform operator verifies."""
    CONFIRMER = "confirmer"
    """A member that a group verifier answers (署名確認者)."""
    PROCESSOR = "processor"
    """One to whom the verifier has entrusted the processing (受託者)."""


FOOTINGS: Mapping[HolderKind, Clause] = {
    HolderKind.TENANT: TENANTS,
    HolderKind.CONFIRMER: CONFIRMERS,
    HolderKind.PROCESSOR: PROCESSORS,
}
"""What each rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One who asks under a verifier's agreement, for as long as the period lasts."""

    id: str
    verifier: str
    kind: HolderKind
    name: str
    period: Period


def admit_holder(
    change: Change, verifier_id: str, *, kind: HolderKind, name: str, period: Period
) -> Holder:
    """Let somebody ask under a verifier's agreements, once a credential is issued to it."""
    verifier = find_verifier(change.connection, verifier_id)
    demand_not_ended(verifier)
    _demand_footing(verifier, kind)
    name = worded(name, "name")
    for each in holders(change.connection, verifier.id):
        if (each.kind, each.name) == (kind, name) and each.period.common(period):
            raise Duplicate(
                f"{each.id} is this {kind} of {verifier.id}, {each.period}",
                rule="one record for one holder at one time",
                remedy="use that record, or dismiss it first",
            )
    return _ROWS.add(
        change,
        "holder.admit",
        verifier_id=ids.number(Kind.VERIFIER, verifier.id),
        kind=kind,
        name=name,
        valid_from=period.start,
        valid_to=period.end,
    )


def dismiss_holder(change: Change, holder_id: str) -> Holder:
    """End a holder's time now; its credentials end with it."""
    before = find_holder(change.connection, holder_id)
    if not before.period.can_end(change.at):
        raise WrongState(
            f"{before.id} is not there now: {before.period}",
            rule="only a present holder can be dismissed",
            remedy="dismiss it while its time runs",
        )
    return _ROWS.alter(change, "holder.dismiss", before, valid_to=change.at)


def find_holder(connection: Connection, holder_id: str) -> Holder:
    """Look one up; NoSuchRecord."""
    return _ROWS.find(connection, holder_id)


def holders(connection: Connection, verifier_id: str | None = None) -> tuple[Holder, ...]:
    """List the holders of one verifier, or of all, the dismissed ones too."""
    return _ROWS.list(connection, verifier_id)


def _demand_footing(verifier: Verifier, kind: HolderKind) -> None:
    facts = verifier.facts
    if (kind is HolderKind.TENANT and not facts.has_tenants) or (
        kind is HolderKind.CONFIRMER and not facts.has_confirmers
    ):
        raise NotEntitled(
            f"{verifier.id} is a party of category {verifier.category}, which has no {kind}s",
            rule=verifier.cite("such a party is another category's", FOOTINGS[kind]),
            remedy="every verifier may entrust a processor",
        )


def _holder(row: Row[Any]) -> Holder:
    return Holder(
        id=ids.label(Kind.HOLDER, row.id),
        verifier=ids.label(Kind.VERIFIER, row.verifier_id),
        kind=HolderKind(row.kind),
        name=row.name,
        period=Period(row.valid_from, row.valid_to),
    )


_ROWS = Rows(kind=Kind.HOLDER, table=t.holder, read=_holder)
