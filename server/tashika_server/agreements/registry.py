"""All that may be done with the registry: what the commands and the management API call.

Every verb that writes takes the `Change` of a transaction (`Book.writing`), so that several
make one whole and a rehearsal (`Mode.REHEARSE`) needs no code of its own. People suspend,
resume and issue through `submit`, which knows when a second person has to agree.
"""

from tashika_server.agreements.accreditations import (
    Accreditation,
    accreditations,
    add_accreditation,
    revoke_accreditation,
)
from tashika_server.agreements.agreement import (
    add_agreement,
    advance_agreement,
    change_agreement,
    end_agreement,
    end_verifier,
)
from tashika_server.agreements.agreement_record import (
    Agreement,
    Version,
    agreements,
    find_agreement,
)
from tashika_server.agreements.compiling import compile_terms
from tashika_server.agreements.compromises import (
    Compromise,
    DeclareCompromise,
    WithdrawCompromise,
    compromises,
    find_compromise,
)
from tashika_server.agreements.credential_record import Registered, credentials, find_credential
from tashika_server.agreements.credentials import (
    IssueCredential,
    Issued,
    bar_certificate,
    change_credential,
    end_credential,
)
from tashika_server.agreements.holders import (
    Holder,
    HolderKind,
    admit_holder,
    dismiss_holder,
    find_holder,
    holders,
)
from tashika_server.agreements.lifecycle import State, Step
from tashika_server.agreements.notices import AHEAD, Notice, notices
from tashika_server.agreements.notifications import (
    Notification,
    add_notification,
    notifications,
    withdraw_notification,
)
from tashika_server.agreements.parties import (
    Verifier,
    add_verifier,
    change_verifier,
    find_verifier,
    verifiers,
)
from tashika_server.agreements.period import Period
from tashika_server.agreements.proposals import (
    Proposal,
    approve,
    find_proposal,
    proposals,
    reject,
    submit,
)
from tashika_server.agreements.scope import Issuers, Scope
from tashika_server.agreements.suspension_record import (
    Resume,
    Suspend,
    Suspension,
    find_suspension,
    suspensions,
)
from tashika_server.agreements.suspensions import state

__all__ = [
    "AHEAD",
    "Accreditation",
    "Agreement",
    "Compromise",
    "DeclareCompromise",
    "Holder",
    "HolderKind",
    "IssueCredential",
    "Issued",
    "Issuers",
    "Notice",
    "Notification",
    "Period",
    "Proposal",
    "Registered",
    "Resume",
    "Scope",
    "State",
    "Step",
    "Suspend",
    "Suspension",
    "Verifier",
    "Version",
    "WithdrawCompromise",
    "accreditations",
    "add_accreditation",
    "add_agreement",
    "add_notification",
    "add_verifier",
    "admit_holder",
    "advance_agreement",
    "agreements",
    "approve",
    "bar_certificate",
    "change_agreement",
    "change_credential",
    "change_verifier",
    "compile_terms",
    "compromises",
    "credentials",
    "dismiss_holder",
    "end_agreement",
    "end_credential",
    "end_verifier",
    "find_agreement",
    "find_compromise",
    "find_credential",
    "find_holder",
    "find_proposal",
    "find_suspension",
    "find_verifier",
    "holders",
    "notices",
    "notifications",
    "proposals",
    "reject",
    "revoke_accreditation",
    "state",
    "submit",
    "suspensions",
    "verifiers",
    "withdraw_notification",
]
