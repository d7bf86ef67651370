"""The table of refusals cannot have a gap."""

from http import HTTPStatus

import pytest

from tashika.pki.response import ResponseStatus
from tashika_server.agreements.client_refusals import ClientStandingUnknown
from tashika_server.agreements.refusals import ProvisionSuspended
from tashika_server.refusal import Refusal, Reply, StatusStale, metric_labels


def test_a_refusal_without_its_row_cannot_be_defined():
    with pytest.raises(TypeError, match="has no row"):
        type("Rowless", (Refusal,), {})


def test_a_row_is_not_inherited():
    with pytest.raises(TypeError, match="has no row"):
        type("Staler", (StatusStale,), {})


@pytest.mark.parametrize(
    ("ocsp", "http"),
    [(None, HTTPStatus.OK), (ResponseStatus.TRY_LATER, HTTPStatus.BAD_REQUEST)],
)
def test_t6_a_200_without_an_ocsp_status_cannot_be_written_down(ocsp, http):
    with pytest.raises(TypeError, match="come together"):
        Reply(ocsp=ocsp, http=http, metric="wrong", ja="", en="")


def test_a_label_is_not_shared():
    with pytest.raises(TypeError, match="a metric label of its own"):
        type("Staler", (Refusal,), {"reply": StatusStale.reply})


def _all(parent):
    for child in parent.__subclasses__():
        if child.__module__ != __name__:  # those that cannot be defined live on for a while
            yield child
            yield from _all(child)


def test_every_refusal_speaks_both_languages():
    found = list(_all(Refusal))
    assert {StatusStale, ProvisionSuspended, ClientStandingUnknown} <= set(found)
    for row in (each.reply for each in found):
        assert row.ja.endswith("。"), row.metric
        assert row.en.endswith("."), row.metric
        assert row.en.isascii(), row.metric


def test_no_refusal_costs_anything_or_says_successful():
    rows = [each.reply for each in _all(Refusal)]
    assert {row.metric for row in rows} == set(metric_labels())
    assert not any(row.billable for row in rows)
    assert ResponseStatus.SUCCESSFUL not in {row.ocsp for row in rows}
