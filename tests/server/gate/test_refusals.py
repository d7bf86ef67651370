"""The table of refusals, and that a refusal tells nothing about serials."""

import ast
import random
from http import HTTPStatus
from pathlib import Path

import pytest

import tashika_server.agreements.gate as gate_module
from support.verifiers import AT, SOURCE, ask, gate_of, suspension, terms
from tashika.pki.certid import CertId, IssuerIdentity
from tashika.pki.request import build_request, parse_request
from tashika.pki.response import ResponseStatus, error_response
from tashika_server.agreements import client_refusals, refusals
from tashika_server.agreements.limits import Buckets
from tashika_server.agreements.notes import Notebook
from tashika_server.agreements.presented import Presented
from tashika_server.agreements.refusals import AccessRefused, AccessReply
from tashika_server.agreements.terms import secret_digest

PAGES = (refusals, client_refusals)
ALL = [getattr(page, name) for page in PAGES for name in page.__all__]
ROWS = [each for each in ALL if isinstance(each, type) and issubclass(each, AccessRefused)]
KEY = bytes(range(64))
NOT_OURS_TO_BLAME = {
    "too_fast",
    "day_is_full",
    "answer_underway",
    "agreements_too_old",
    "agreements_missing",
    "client_standing_unknown",
}


@pytest.mark.parametrize("refusal", ROWS)
def test_every_refusal_speaks_both_languages_and_is_never_billed(refusal: type[AccessRefused]):
    row = refusal.reply
    assert isinstance(row, AccessReply)
    assert row.ja.endswith("。")
    assert row.ja.isascii() is False
    assert row.en.endswith(".")
    assert row.en.isascii()
    assert row.billable is False
    assert row.http is HTTPStatus.OK
    assert row.elsewhere in (401, 403, 429, 503)


def test_labels_are_told_apart():
    labels = [refusal.reply.metric for refusal in ROWS]
    assert len(labels) == len(set(labels)) > 25


@pytest.mark.parametrize("refusal", ROWS)
def test_t4_unauthorized_is_only_for_who_may_not_ask(refusal: type[AccessRefused]):
    shortage = refusal.reply.metric in NOT_OURS_TO_BLAME
    assert (refusal.reply.ocsp is ResponseStatus.TRY_LATER) == shortage
    if shortage:
        assert refusal.reply.elsewhere in (429, 503)


def test_only_an_unsigned_request_is_told_to_sign():
    told = [each for each in ROWS if each.reply.ocsp is ResponseStatus.SIG_REQUIRED]
    assert told == [refusals.SignatureMissing]


@pytest.mark.parametrize(
    "presented",
    [Presented(SOURCE, secret_digest("a guess")), None],
    ids=["a stranger", "a suspended bank"],
)
def test_a_refusal_has_the_same_bytes_whatever_is_asked_about(
    buckets: Buckets, presented: Presented | None
):
    """Certificates that are good, revoked and never issued: the gate is not even told which."""
    notebook, picked = Notebook(KEY), random.Random(1)
    issuer = IssuerIdentity(name=b"\x30\x00", key=b"key")
    gate = gate_of(buckets, terms(halts=(suspension(),)))
    answers = set()
    for _ in range(200):
        serial = picked.choice((picked.getrandbits(20), picked.getrandbits(150)))
        question = parse_request(build_request([CertId.build(issuer, serial)]))
        with pytest.raises(AccessRefused) as refused:
            ask(gate, presented, certificates=len(question.cert_ids))
        row = refused.value.reply
        assert row.ocsp is not None
        answers.add((error_response(row.ocsp), notebook.seal(refused.value, AT)))
    assert len(answers) == 1


def test_the_gate_cannot_touch_the_index():
    """None of its modules imports the index, the responder or anything else that reads it."""
    folder = Path(gate_module.__file__).parent
    mine = "codec gate gatehouse limits notes party presented refusals replay rules scan signed"
    allowed = {"agreements", "durable", "issuer", "log", "refusal"}
    for module in (*mine.split(), "manners", "snapshot", "terms"):
        tree = ast.parse((folder / f"{module}.py").read_text("utf-8"))
        imported = [
            node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
        ]
        ours = [each.split(".")[1] for each in imported if each.startswith("tashika_server.")]
        assert set(ours) <= allowed, module
