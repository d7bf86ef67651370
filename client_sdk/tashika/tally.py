"""What a statement counts and bills, held against itself and against its list of answers."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from tashika.pki.receipt import Leaf, StandingCode
from tashika.receipts import day_of
from tashika.statement import Count, Statement

_OCSP = "ocsp"
_UNCERTAIN = frozenset({"unknown", "abandoned"})
"""Deliveries of which the operator itself does not claim that the answer arrived."""


class Kind(NamedTuple):
    """What is counted together."""

    day: date
    fingerprint: bytes
    standing: StandingCode


class Row(NamedTuple):
    """One kind of answer, counted by both sides."""

    kind: Kind
    family: str
    """Empty where the statement does not know the issuer."""
    stated: int
    uncertain: int
    """How many of them the operator waives, not being sure to have handed them over."""
    received: int

    @property
    def agrees(self) -> bool:
        """True where the receipts account for the number stated."""
        return self.stated - self.uncertain <= self.received <= self.stated


def kind_of(found: Leaf) -> Kind:
    """Return what an answer is counted as."""
    return Kind(day_of(found), found.issuer, StandingCode(found.standing))


def stated(statement: Statement) -> Counter[Kind]:
    """Count the answers that have a receipt."""
    return _add_up(each for each in statement.counts if each.receipted)


def waived(statement: Statement) -> Counter[Kind]:
    """Count those of them that were perhaps never handed over, and cost nothing."""
    unsure = (each for each in statement.counts if each.delivery in _UNCERTAIN)
    return _add_up(each for each in unsure if each.receipted and not each.billable)


def unproved(statement: Statement) -> int:
    """Count the answers over OCSP that are billed and carry no receipt.

    There are some where receipts were agreed during the month, and should be none otherwise.
    """
    bare = (each for each in statement.counts if each.method == _OCSP and not each.receipted)
    return sum(each.count for each in bare if each.billable)


def rows(statement: Statement, received: Counter[Kind]) -> Iterator[Row]:
    """Put the statement's counts beside those of the receipts."""
    families = {each.fingerprint: each.family for each in statement.counts}
    counted, uncertain = stated(statement), waived(statement)
    for kind in sorted({*counted, *received}):
        family = families.get(kind.fingerprint, "")
        yield Row(kind, family, counted[kind], uncertain[kind], received[kind])


def contradictions(statement: Statement, listed: Counter[Kind]) -> Iterator[str]:
    """Say where a statement does not agree with its list of answers, or with itself.

    1. By day, issuer and standing it counts what its list of answers holds.
    2. Every issuer is of one family: the price hangs on it.
    3. Its lines have as many provisions as it counts, billable or not.
    4. Every line is its provisions times its price, and the sum is that of the lines.
    """
    yield from _unlike_the_list(stated(statement), listed)
    yield from _of_two_families(statement)
    yield from _unlike_the_lines(statement)
    for line in statement.lines:
        if line.due_yen != line.provisions * line.price:
            yield f"{line.provisions} times {line.price} yen is not {line.due_yen} yen"
    if statement.due_yen != sum(line.due_yen for line in statement.lines):
        yield f"the lines do not add up to {statement.due_yen} yen"


def _unlike_the_list(counted: Counter[Kind], listed: Counter[Kind]) -> Iterator[str]:
    for kind in sorted({*counted, *listed}):
        if counted[kind] != listed[kind]:
            yield (
                f"{kind.day}, issuer {kind.fingerprint.hex()[:8]}, {kind.standing.word}: the "
                f"statement counts {counted[kind]}, its list of answers {listed[kind]}"
            )


def _of_two_families(statement: Statement) -> Iterator[str]:
    families = defaultdict(set)
    for each in statement.counts:
        families[each.fingerprint].add(each.family)
    for fingerprint, names in families.items():
        if len(names) > 1:
            yield f"issuer {fingerprint.hex()[:8]} is counted as {' and as '.join(sorted(names))}"


def _unlike_the_lines(statement: Statement) -> Iterator[str]:
    billed, counted = Counter[tuple[str, str, str, bool]](), Counter[tuple[str, str, str, bool]]()
    for line in statement.lines:
        billed[line.family, line.method, line.issuer, line.billable] += line.provisions
    for each in statement.counts:
        counted[each.family, each.method, each.issuer, each.billable] += each.count
    for what in sorted({*billed, *counted}):
        if billed[what] != counted[what]:
            yield (
                f"{' '.join(what[:3])}, {'billable' if what[3] else 'not billable'}: the lines "
                f"say {billed[what]}, the counts {counted[what]}"
            )


def _add_up(counts: Iterable[Count]) -> Counter[Kind]:
    found: Counter[Kind] = Counter()
    for each in counts:
        found[Kind(each.day, each.fingerprint, each.standing)] += each.count
    return found
