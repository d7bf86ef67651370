"""Whether a statement counts the answers that were received: pure, no files.

The papers must belong together first; then every receipt is looked for among the answers of
the statement, and every answer among the receipts.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tashika import tally
from tashika.errors import BadProof, Malformed
from tashika.pki.merkle import Tree, leaf_hash
from tashika.pki.receipt import Leaf, read_leaf
from tashika.receipts import KeptReceipts
from tashika.statement import Statement
from tashika.tally import Kind, Row, kind_of

Place = tuple[bytes, int]
"""A stream and a number in it."""


class Verdict(StrEnum):
    """What a comparison comes to."""

    EQUAL = "equal"
    DIFFERS = "differs"
    CANNOT_TELL = "cannot-tell"


class Difference(StrEnum):
    """How an answer in the statement and a receipt fail to meet."""

    LEFT_OUT = "left-out"
    """A receipt whose answer is not in the statement."""
    ADDED = "added"
    """An answer in the statement of which there is no receipt."""
    MOVED = "moved"
    """The same answer at another time, or at another place in the journal."""
    ALTERED = "altered"
    """The same place in the journal, about another certificate or with another standing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer about which statement and receipts differ."""

    difference: Difference
    stated: Leaf | None
    received: Leaf | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The outcome."""

    findings: tuple[Finding, ...]
    contradictions: tuple[str, ...]
    """Where the statement does not agree with itself or with its own list of answers."""
    rows: tuple[Row, ...]
    uncertain: int
    """How many answers have no receipt and are waived as perhaps never handed over."""
    unproved: int
    """How many answers over OCSP are billed that carry no receipt."""
    torn: int
    """How many files of receipts end in half a line."""

    @property
    def verdict(self) -> Verdict:
        """Equal, different, or not to be told because there are not all receipts."""
        others = [each for each in self.findings if each.difference is not Difference.ADDED]
        if others or self.contradictions or len(self.findings) > self.torn:
            return Verdict.DIFFERS
        return Verdict.CANNOT_TELL if self.findings or self.unproved else Verdict.EQUAL


def compare(statement: Statement, leaves: Iterable[bytes], kept: KeptReceipts) -> Comparison:
    """Compare a statement with the receipts of the answers it should count.

    1. The list of answers is the statement's: each at a place of its own, in order, and the
       root over all of them is the one stated. This proves for every receipt found in the
       list that its answer is in the statement (RFC 9162 2.1).
    2. The statement counts what the list holds, and bills what it counts.
    3. Every receipt of the month is in the list, octet by octet.
    4. Every answer in the list is of the month and has a receipt, or is one that the operator
       waives as perhaps never handed over.

    Receipts of other months may be among those given. Raises Malformed and BadProof where the
    papers do not belong together: then nothing can be told.
    """
    month = statement.seconds
    listed: Counter[Kind] = Counter()
    # 1
    answers = _read(leaves, statement, listed)
    stated, received = _meet(answers, kept.leaves, month)
    # 2
    contradictions = tuple(tally.contradictions(statement, listed))
    # 3
    findings = list(_explain(stated, received, month))
    # 4
    added, uncertain = _forgive(stated.values(), tally.waived(statement), month)
    findings += [Finding(Difference.ADDED, each, None) for each in added]
    return Comparison(
        findings=tuple(findings),
        contradictions=contradictions,
        rows=tuple(tally.rows(statement, _count(kept.leaves, month))),
        uncertain=uncertain,
        unproved=tally.unproved(statement),
        torn=kept.torn,
    )


def _read(leaves: Iterable[bytes], statement: Statement, listed: Counter[Kind]) -> Iterator[bytes]:
    """Pass the list of answers on, count it, and check it against the root at its end."""
    tree, last = Tree(), (b"", 0)
    for each in leaves:
        found = read_leaf(each)
        if _place(found) <= last:
            raise Malformed("the list of answers has a place twice, or is not in order")
        last = _place(found)
        tree.add(leaf_hash(each))
        if found.second in statement.seconds:
            listed[kind_of(found)] += 1
        yield each
    if (tree.size, tree.root()) != (statement.receipts, statement.root):
        raise BadProof("the list of answers is not the one that the statement was made from")


def _meet(
    stated: Iterator[bytes], received: Iterable[bytes], month: range
) -> tuple[dict[Place, Leaf], list[Leaf]]:
    """Walk along both, which are in order, and return what has no counterpart."""
    lonely_stated, lonely_received = dict[Place, Leaf](), list[bytes]()
    others = iter(received)
    other = next(others, None)
    for each in stated:
        while other is not None and other < each:
            lonely_received.append(other)
            other = next(others, None)
        found = read_leaf(each)
        if other == each and found.second in month:
            other = next(others, None)
        else:
            lonely_stated[_place(found)] = found
    if other is not None:
        lonely_received += (other, *others)
    return lonely_stated, [read_leaf(each) for each in lonely_received]


def _explain(
    stated: dict[Place, Leaf], received: Iterable[Leaf], month: range
) -> Iterator[Finding]:
    """Say of every receipt without a counterpart what became of it; removes what it explains."""
    nowhere = []
    for each in received:
        if other := stated.pop(_place(each), None):
            same = _content(each)[1:] == _content(other)[1:]
            yield Finding(Difference.MOVED if same else Difference.ALTERED, other, each)
        elif each.second in month:
            nowhere.append(each)
    elsewhere = defaultdict(list)
    for found in stated.values():
        elsewhere[_content(found)].append(found)
    for each in nowhere:
        if same_answers := elsewhere[_content(each)]:
            found = stated.pop(_place(same_answers.pop()))
            yield Finding(Difference.MOVED, found, each)
        else:
            yield Finding(Difference.LEFT_OUT, None, each)


def _forgive(lonely: Iterable[Leaf], waived: Counter[Kind], month: range) -> tuple[list[Leaf], int]:
    """Part answers without a receipt into those to be explained, and how many are waived."""
    added, uncertain = list[Leaf](), 0
    kinds: dict[Kind, list[Leaf]] = defaultdict(list)
    for each in lonely:
        (kinds[kind_of(each)] if each.second in month else added).append(each)
    for kind, answers in kinds.items():
        # Nothing says which of a kind never arrived: all of them are to be explained, or none.
        if len(answers) > waived[kind]:
            added += answers
        else:
            uncertain += len(answers)
    return added, uncertain


def _count(leaves: Iterable[bytes], month: range) -> Counter[Kind]:
    found = map(read_leaf, leaves)
    return Counter(kind_of(each) for each in found if each.second in month)


def _place(found: Leaf) -> Place:
    return found.stream, found.sequence


def _content(found: Leaf) -> tuple[int, bytes, bytes, int]:
    return found.second, found.issuer, found.pseudonym, found.standing
