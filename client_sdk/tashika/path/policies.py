"""Certificate policies along a path (RFC 5280 6.1.3 (d) to (f), 6.1.4 (a), (b), 6.1.5 (g)).

A graph with one node a policy and depth, as RFC 9618 has it, in the place of
the tree of RFC 5280, which grows exponentially (CVE-2023-0464).
"""

from collections import defaultdict
from dataclasses import dataclass, field

from tashika.path.certificate import PathCertificate
from tashika.path.demands import ANY_POLICY, AnyPolicy, Demands, PolicyMapping
from tashika.path.work import Work


@dataclass(slots=True)
class _Node:
    expected: set[str]
    parents: frozenset[str]
    """Policies of the level above."""


_Level = dict[str, _Node]


@dataclass(slots=True)
class PolicyState:
    """The variables (d) to (f) of RFC 5280 6.1.2 and the valid policy graph."""

    explicit: int
    mapping: int
    any: int
    work: Work
    levels: list[_Level] = field(
        default_factory=lambda: [{ANY_POLICY: _Node({ANY_POLICY}, frozenset())}]
    )
    """Empty where the graph is NULL."""

    @classmethod
    def begin(cls, length: int, demands: Demands, work: Work) -> "PolicyState":
        """Set out for a path of ``length`` certificates."""
        return cls(
            0 if demands.must_name_policy else length + 1,
            0 if demands.policy_mapping is PolicyMapping.INHIBITED else length + 1,
            0 if demands.any_policy is AnyPolicy.INHIBITED else length + 1,
            work,
        )

    @property
    def holds(self) -> bool:
        """6.1.3 (f): a policy is left, or none is needed yet."""
        return self.explicit > 0 or bool(self.levels)

    def take(self, certificate: PathCertificate, *, last: bool) -> None:
        """6.1.3 (d) and (e): grow the graph by the certificate's policies."""
        if certificate.policies is None:
            self.levels = []
        if not self.levels or certificate.policies is None:
            return
        stated = [each.policy_identifier.dotted_string for each in certificate.policies]
        above = self.levels[-1]
        self.work.spend(
            "policies", len(stated) + sum(len(each.expected) for each in above.values())
        )
        expecting = _by_expected(above)
        level: _Level = {}
        for policy in dict.fromkeys(stated):
            if policy == ANY_POLICY:
                continue
            if policy in expecting:  # (d) (1) (i)
                level[policy] = _Node({policy}, frozenset(expecting[policy]))
            elif ANY_POLICY in above:  # (d) (1) (ii)
                level[policy] = _Node({policy}, frozenset({ANY_POLICY}))
        if ANY_POLICY in stated and (self.any > 0 or (certificate.self_issued and not last)):
            for policy, parents in expecting.items():  # (d) (2)
                level.setdefault(policy, _Node({policy}, frozenset(parents)))
        self.levels.append(level)
        self._prune()

    def map(self, pairs: dict[str, set[str]]) -> None:
        """6.1.4 (b): what the CA equates, the policies of its subject's domain by its own."""
        if not self.levels:
            return
        self.work.spend("policies", sum(map(len, pairs.values())))
        level = self.levels[-1]
        for own, theirs in pairs.items():
            if self.mapping == 0:
                level.pop(own, None)
            elif own in level:
                level[own].expected = theirs
            elif ANY_POLICY in level:
                level[own] = _Node(theirs, level[ANY_POLICY].parents)
        self._prune()

    def _prune(self) -> None:
        """6.1.3 (d) (3): what has no children goes, upwards as long as something does."""
        for depth in range(len(self.levels) - 1, 0, -1):
            used = {parent for node in self.levels[depth].values() for parent in node.parents}
            above = self.levels[depth - 1]
            self.work.spend("policies", len(above))
            if len(used) == len(above):
                break
            self.levels[depth - 1] = {each: above[each] for each in above if each in used}
        if not self.levels[0] or not self.levels[-1]:
            self.levels = []

    def granted(self, accepted: frozenset[str]) -> frozenset[str]:
        """6.1.5 (g): the policies of the anchor's domain that hold and are accepted."""
        if not self.levels:
            return frozenset()
        held = {
            policy
            for level in self.levels[1:]
            for policy, node in level.items()
            if policy != ANY_POLICY and ANY_POLICY in node.parents
        }
        if ANY_POLICY in self.levels[-1]:
            held.add(ANY_POLICY)
        if ANY_POLICY in accepted:
            return frozenset(held)
        return accepted if ANY_POLICY in held else accepted & held


def _by_expected(level: _Level) -> dict[str, set[str]]:
    found = defaultdict[str, set[str]](set)
    for policy, node in level.items():
        for expected in node.expected:
            found[expected].add(policy)
    return found
