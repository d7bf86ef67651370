"""Credentials: issued once, kept hashed, several at a time so that one can replace another.

A token's secret leaves here in the `Issued` of the one who issues it and is nowhere else: not
in the book, not in the audit trail, not in a proposal. The value and its rows are in
`credential_record`.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from tashika_server.agreements.agreement_record import Agreement, find_agreement
from tashika_server.agreements.certificates import (
    read_authority_certificate,
    read_client_certificate,
)
from tashika_server.agreements.credential_record import (
    ROWS,
    Registered,
    find_credential,
    insert_credential,
    same_credentials,
)
from tashika_server.agreements.errors import BadPeriod, BadScope, Duplicate, WrongState
from tashika_server.agreements.holders import find_holder
from tashika_server.agreements.lifecycle import State
from tashika_server.agreements.period import Period, years_later
from tashika_server.agreements.scope import MOST
from tashika_server.agreements.terms import Credential, CredentialKind, key_digest, secret_digest
from tashika_server.agreements.wording import verbatim, worded
from tashika_server.book import Change

__all__ = [
    "IssueCredential",
    "Issued",
    "bar_certificate",
    "change_credential",
    "end_credential",
    "issue_credential",
]

TOKEN_BYTES = 32
"""256 random bits: nobody guesses that, so a plain hash of it may be kept."""
TOKEN_MARK = "tsk_"  # noqa: S105 - begins every token, so that leak scanners know one
DEFAULT_YEARS = 1
"""How long a token lives under an agreement without end."""

SECRETS = frozenset({CredentialKind.TOKEN, CredentialKind.PATH_TOKEN})
Life = tuple[datetime, datetime]
_CONCLUDED = frozenset({State.AGREED, State.ACTIVE})


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueCredential:
    """An order for a credential. Holds nothing secret, so it may wait as a proposal."""

    agreement: str
    kind: CredentialKind
    label: str
    certificate: str | None = None
    """PEM: the client's or signer's, or its CA's for mtls-ca; none for tokens."""
    subject: str | None = None
    """For mtls-ca: the client's subject as `tashika.pki.names.name_text` writes it."""
    holder: str | None = None
    """The tenant, confirmer or processor that will use it; None is the verifier itself."""
    valid_from: datetime | None = None
    """None is at once."""
    valid_to: datetime | None = None
    """None is the certificate's end, or the agreement's, or after a year."""
    rate: float | None = None
    burst: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new credential, with the secret that is shown this once."""

    registered: Registered
    secret: str | None = field(default=None, repr=False)


def issue_credential(change: Change, order: IssueCredential) -> Issued:
    """Issue a token or register a key."""
    agreement = find_agreement(change.connection, order.agreement)
    _demand_concluded(agreement)
    _demand_fitting(order, agreement)
    _demand_holder(change.connection, order, agreement)
    secret = None
    if order.kind in SECRETS:
        secret = TOKEN_MARK + secrets.token_urlsafe(TOKEN_BYTES)
        drafted = _token(order, agreement, secret, change.at)
    else:
        drafted = _key(order, change.at)
    _demand_alone(change, drafted, agreement)
    registered = Registered(
        agreement=agreement.id, label=worded(order.label, "label"), credential=drafted
    )
    return Issued(registered=insert_credential(change, registered), secret=secret)


def change_credential(
    change: Change,
    credential_id: str,
    *,
    label: str | None = None,
    valid_to: datetime | None = None,
) -> Registered:
    """Give it another label or an earlier end."""
    before = _living(change, credential_id)
    end = valid_to or before.credential.valid_to
    if not max(change.at, before.credential.valid_from) < end <= before.credential.valid_to:
        raise BadPeriod(
            f"{before.id} ends {before.credential.valid_to:%Y-%m-%d %H:%M} UTC and may only end "
            "earlier, yet not in the past",
            rule="nobody proves more by a credential than was issued",
            remedy="issue another one, or end this one now",
        )
    return ROWS.alter(
        change,
        "credential.change",
        before,
        label=before.label if label is None else worded(label, "label"),
        valid_to=end,
    )


def end_credential(change: Change, credential_id: str) -> Registered:
    """Withdraw it now (T25)."""
    before = _living(change, credential_id)
    return ROWS.alter(change, "credential.end", before, revoked_at=change.at)


def bar_certificate(change: Change, credential_id: str, certificate: str) -> Registered:
    """Refuse one certificate of a CA from now on, though its subject stays registered (T25)."""
    before = _living(change, credential_id)
    if before.credential.kind is not CredentialKind.MTLS_CA:
        raise BadScope(
            f"{before.id} is a credential of kind {before.credential.kind}",
            rule="certificates are barred where a CA vouches for them",
            remedy="end the credential instead",
        )
    key = read_client_certificate(certificate, change.at)
    barred = before.credential.barred | {key_digest(key.public_key_info)}
    texts = sorted(digest.hex() for digest in barred)
    return ROWS.alter(change, "credential.bar", before, barred=texts)


def _living(change: Change, credential_id: str) -> Registered:
    found = find_credential(change.connection, credential_id)
    if found.credential.revoked_at is not None or found.credential.valid_to <= change.at:
        raise WrongState(
            f"{found.id} has ended",
            rule="an ended credential is not changed any more",
            remedy="issue another one",
        )
    return found


# --- Making ---------------------------------------------------------------------------------


def _token(order: IssueCredential, agreement: Agreement, secret: str, at: datetime) -> Credential:
    end = agreement.newest.period.end or years_later(at, DEFAULT_YEARS)
    return _credential(order, secret_digest(secret), _life(order, at, at, end))


def _key(order: IssueCredential, at: datetime) -> Credential:
    by_subject = order.kind is CredentialKind.MTLS_CA
    read = read_authority_certificate if by_subject else read_client_certificate
    key = read(order.certificate or "", at)
    life = _life(order, at, max(at, key.begins), key.ends)
    if life[0] < key.begins or life[1] > key.ends:
        raise BadPeriod(
            f"the credential would last {Period(*life)}, "
            f"its certificate {Period(key.begins, key.ends)}",
            rule="a credential lasts no longer than its certificate",
            remedy="leave the times out to take the certificate's",
        )
    authority = key.public_key_info if by_subject else None
    return _credential(order, key_digest(key.public_key_info), life, authority)


def _life(order: IssueCredential, at: datetime, start: datetime, end: datetime) -> Life:
    life = order.valid_from or start, order.valid_to or end
    period = Period(*life)
    if life[1] <= at:
        raise BadPeriod(
            f"the credential would be over before it is issued, {period}",
            rule="a credential can be used",
            remedy="give a later end, or lengthen the agreement first",
        )
    return life


def _credential(
    order: IssueCredential, digest: bytes, life: Life, authority: bytes | None = None
) -> Credential:
    return Credential(
        id="",
        kind=order.kind,
        digest=digest,
        valid_from=life[0],
        valid_to=life[1],
        subject=order.subject and verbatim(order.subject, "subject"),
        authority=authority,
        holder=order.holder,
        rate=order.rate,
        burst=order.burst,
    )


# --- Rules ----------------------------------------------------------------------------------


def _demand_concluded(agreement: Agreement) -> None:
    if agreement.stage not in _CONCLUDED:
        raise WrongState(
            f"{agreement.id} is {agreement.stage}",
            rule="credentials are issued under a concluded agreement",
            remedy="conclude it first, or use the agreement that took its place",
        )


def _demand_fitting(order: IssueCredential, agreement: Agreement) -> None:
    """Demand that what goes with the kind is there, and nothing else."""
    wrong = None
    if (order.certificate is None) != (order.kind in SECRETS):
        wrong = "a certificate goes with keys and CAs, and never with a token"
    elif bool(order.subject) != (order.kind is CredentialKind.MTLS_CA):
        wrong = "a subject goes with mtls-ca, and only there"
    elif order.kind is CredentialKind.PATH_TOKEN and not agreement.newest.scope.path_tokens:
        wrong = "a token may stand in the URL only where the agreement says so"
    elif (order.rate is None) != (order.burst is None):
        wrong = "rate and burst of a credential go together"
    elif order.rate is not None and not 0 < order.rate <= MOST:
        wrong = f"the rate of a credential is above 0 and at most {MOST}"
    elif order.burst is not None and not 1 <= order.burst <= MOST:
        wrong = f"the burst of a credential is from 1 to {MOST}"
    if wrong:
        raise BadScope(
            f"this is no order for a credential of kind {order.kind} under {agreement.id}",
            rule=wrong,
            remedy="give what the rule says",
        )


def _demand_holder(connection: Connection, order: IssueCredential, agreement: Agreement) -> None:
    if order.holder is None:
        return
    holder = find_holder(connection, order.holder)
    if holder.verifier != agreement.verifier:
        raise BadScope(
            f"{holder.id} belongs to {holder.verifier}, {agreement.id} to {agreement.verifier}",
            rule="a holder asks under the agreements of its own verifier",
            remedy=f"see `verifier show {agreement.verifier}`",
        )


def _demand_alone(change: Change, drafted: Credential, agreement: Agreement) -> None:
    """Demand that what proves the new credential never proved another, nor proves it twice."""
    life = Period(drafted.valid_from, drafted.valid_to)
    for verifier, each in same_credentials(change.connection, drafted):
        its = each.credential
        lasts = Period(its.valid_from, its.valid_to).cut(its.revoked_at)
        another = verifier != agreement.verifier
        again = each.agreement == agreement.id and lasts and lasts.common(life)
        if another or again:
            raise Duplicate(
                f"{each.id} of {verifier} is proved by the same key",
                rule="a key tells one verifier from all others, and is registered once",
                remedy="ask for another key" if another else f"end {each.id} first",
            )
