"""What a judgement holds of revocation data, and what it may still fetch, in the policy's order."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tashika.causes import Cause
from tashika.errors import PkiError, SourceFailed, WrongUse
from tashika.ocsp import Question, ask
from tashika.path.causes import PathCause
from tashika.path.crls import CrlSource
from tashika.path.lists import RevocationList, read_list
from tashika.path.status import (
    InOrder,
    Settled,
    Status,
    StatusNeed,
    StatusSource,
    Tried,
    Unsettled,
)
from tashika.pki.limits import MAX_RESPONSE_BYTES
from tashika.status.addresses import AddressBook, Addresses, addresses_in
from tashika.status.answers import Heard, HeldAnswer, OcspSource
from tashika.status.policy import Freshness, Kind, RevocationPolicy, UrlsFrom
from tashika.status.sets import CompactSource, LocalSet
from tashika.status.stapled import MAX_STAPLED, Stapled, read_stapled
from tashika.status.subject import subject_of
from tashika.status.then import AsOf
from tashika.status.wants import Got, NamedBy, Want


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A Want, and for which certificate."""

    want: Want
    about: bytes
    question: Question | None


class Holdings:
    """The status source of one judgement: believes the first kind of source that settles a matter.

    A kind is not looked at before all that can be fetched of the kinds before it has come;
    ``wants`` has what is to be fetched next. For one judgement, and one round after the other.
    """

    def __init__(
        self,
        *,
        policy: RevocationPolicy,
        book: AddressBook,
        sets: Sequence[LocalSet],
        nonces: Callable[[int], bytes],
        stapled: Stapled,
        now: datetime,
    ) -> None:
        self._policy, self._book, self._nonces = policy, book, nonces
        self._limits = policy.limits
        self._until = now if policy.freshness is Freshness.SINCE_SIGNING else None
        self._tried: list[Tried] = []
        answers = [HeldAnswer(body=each) for each in stapled.answers[:MAX_STAPLED]]
        self._answers = self._ocsp(())
        self._lists: list[RevocationList] = []
        limit = policy.limits.list_octets
        brought = read_stapled(stapled.lists[:MAX_STAPLED], limit=limit, tried=self._tried)
        self._sources: dict[Kind, StatusSource] = {
            Kind.STAPLED: InOrder((self._ocsp(answers), CrlSource(brought, until=self._until))),
            Kind.COMPACT: CompactSource(sets, policy=policy.answers, tried=self._tried),
            Kind.OCSP: self._answers,
            Kind.LISTS: CrlSource((), until=self._until),
        }
        self._wanted: dict[object, _Wanted] = {}
        self._asked = set[object]()
        self._listed = set[bytes]()
        self._rounds = self._octets = 0

    def status(self, need: StatusNeed) -> Status:
        """Answer by the kinds of sources in their order, as far as they have been asked."""
        why = Unsettled(cause=PathCause.STATUS_MISSING)
        for kind in self._policy.order:
            answer = self._source(kind).status(need)
            if isinstance(answer, Settled):
                return answer
            self._note_lists(kind, need, answer)
            why = answer if why.cause is PathCause.STATUS_MISSING else why
            if self._still_wants(kind, need):
                break
        return why

    @property
    def wants(self) -> tuple[Want, ...]:
        """What the needs that were asked about since the last round want fetched next."""
        return tuple(each.want for each in self._wanted.values())

    def take(self, got: Sequence[Got]) -> None:
        """Take what came for ``wants``, in their order; raises WrongUse for any other number."""
        wanted, self._wanted = self._wanted, {}
        if len(got) != len(wanted):
            raise WrongUse("send the judge one body or SourceFailed for each of its wants")
        self._asked |= wanted.keys()
        self._rounds += 1
        for each, came in zip(wanted.values(), got, strict=True):
            self._take_one(each, came)
        self._sources[Kind.LISTS] = CrlSource(self._lists, until=self._until)

    @property
    def tried(self) -> tuple[Tried, ...]:
        """All that did not settle a matter, in order."""
        return tuple(self._tried)

    @property
    def heard(self) -> tuple[Heard, ...]:
        """All verified answers to questions of this judgement, in order."""
        return tuple(self._answers.heard)

    def _ocsp(self, answers: Iterable[HeldAnswer]) -> OcspSource:
        return OcspSource(
            answers, policy=self._policy.answers, until=self._until, tried=self._tried
        )

    def _source(self, kind: Kind) -> StatusSource:
        if self._until is None:
            return self._sources[kind]
        return AsOf(source=self._sources[kind], later=self._policy.later_revocation)

    def _take_one(self, wanted: _Wanted, came: Got) -> None:
        want = wanted.want
        if isinstance(came, bytes) and len(came) > want.limit:
            came = SourceFailed(Cause.TOO_LARGE, f"more than {want.limit} octets")
        if isinstance(came, SourceFailed):
            self._note(want.url, wanted.about, came.cause, came.detail)
        elif wanted.question is not None:
            held = HeldAnswer(body=came, question=wanted.question, source=want.url)
            self._answers.add(held)
        else:
            self._octets += len(came)
            try:
                self._lists.append(read_list(came))
                self._listed.add(wanted.about)
            except PkiError as wrong:
                self._note(want.url, wanted.about, PathCause.STATUS_UNUSABLE, str(wrong))

    def _still_wants(self, kind: Kind, need: StatusNeed) -> bool:
        """Note the next thing to be fetched for a need, if this kind has one."""
        if kind not in (Kind.OCSP, Kind.LISTS):
            return False
        for url, named_by in self._urls(kind, need):
            # One list serves everybody; an answer serves its certificate.
            key = url if kind is Kind.LISTS else (url, need.certificate.fingerprint, need.identity)
            if key in self._wanted:
                return True
            if key in self._asked:
                continue
            if kind is Kind.LISTS and self._reserved >= self._left:
                return self._reserved > 0 or self._spent(url, need)  # what comes may leave room
            if self._rounds >= self._limits.rounds or self._count >= self._limits.fetches:
                return self._spent(url, need)
            self._wanted[key] = self._want(kind, need, url, named_by)
            return True
        return False

    @property
    def _count(self) -> int:
        return len(self._asked) + len(self._wanted)

    @property
    def _left(self) -> int:
        return self._limits.octets - self._octets

    @property
    def _reserved(self) -> int:
        """Octets that the lists of this round may bring."""
        return sum(each.want.limit for each in self._wanted.values() if each.question is None)

    def _spent(self, url: str, need: StatusNeed) -> bool:
        about = need.certificate.fingerprint
        self._note(url, about, PathCause.BUDGET_SPENT, "FetchLimits")
        return False

    def _urls(self, kind: Kind, need: StatusNeed) -> list[tuple[str, NamedBy]]:
        found = [(each, NamedBy.CONFIGURATION) for each in _of(kind, self._book.addresses(need))]
        if self._policy.urls_from is UrlsFrom.CERTIFICATES_TOO:
            named = _of(kind, addresses_in(need.certificate))
            known = {url for url, _ in found}
            found += [(each, NamedBy.CERTIFICATE) for each in named if each not in known]
        return found

    def _want(self, kind: Kind, need: StatusNeed, url: str, named_by: NamedBy) -> _Wanted:
        about = need.certificate.fingerprint
        if kind is Kind.LISTS:
            limit = min(self._limits.list_octets, self._left - self._reserved)
            want = Want(url=url, question=None, limit=limit, named_by=named_by)
            return _Wanted(want=want, about=about, question=None)
        # A nonce of its own for each source: one could replay it to another.
        question = ask(subject_of(need), self._policy.answers, self._nonces)
        want = Want(
            url=url,
            question=question.body,
            limit=MAX_RESPONSE_BYTES,
            named_by=named_by,
            repeatable=question.nonce is not None,
        )
        return _Wanted(want=want, about=about, question=question)

    def _note_lists(self, kind: Kind, need: StatusNeed, answer: Unsettled) -> None:
        """Note why lists did not settle a need, their silence too; answers and sets note theirs."""
        about = need.certificate.fingerprint
        silent = answer.cause is PathCause.STATUS_MISSING
        came = kind is Kind.LISTS and about in self._listed
        if kind in (Kind.STAPLED, Kind.LISTS) and (came or not silent):
            self._note(kind.value, about, answer.cause, answer.detail)

    def _note(self, source: str, about: bytes, cause: Cause | PathCause, detail: str) -> None:
        seen = Tried(source=source, about=about, cause=cause, detail=detail)
        if seen not in self._tried:
            self._tried.append(seen)


def _of(kind: Kind, addresses: Addresses) -> tuple[str, ...]:
    return addresses.responders if kind is Kind.OCSP else addresses.lists
