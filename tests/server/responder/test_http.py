"""HTTP as OCSP uses it, without a socket: request lines in, headers out."""

import base64
from datetime import timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.asking import AT, DAY, GOOD, HELD, NEIGHBOUR, REVOKED, ec_key, open_counter
from tashika.pki.limits import MAX_REQUEST_BYTES
from tashika.pki.response import ResponseStatus
from tashika_server.index import Coverage
from tashika_server.refusal import (
    BadHttp,
    MalformedQuestion,
    Refusal,
    StatusStale,
    TooLarge,
    UnknownPath,
    WrongMethod,
)
from tashika_server.responder import answer
from tashika_server.responder.http import Aim, decline, deliver, read_target, report_health

FIVE = timedelta(minutes=5)

# --- the way in -----------------------------------------------------------------------------

SLASHES = b"\x30\xff\xff" + b"\xff\xff\xff" * 9 + b"\xfb\xef\xbe" * 2 + b"\x01"
"""In base64: MP, 38 times `/`, 8 times `+`, AQ and two times `=`."""
TEXT = base64.b64encode(SLASHES).decode()


def decode(path):
    target = read_target("GET", path)
    assert target.aim is Aim.OCSP_IN_PATH
    return target.question


@pytest.mark.parametrize(
    "path",
    [
        f"/ocsp/{TEXT}",
        f"/ocsp//{TEXT}",
        f"/ocsp///{TEXT}",
        f"//ocsp/{TEXT}",
        f"///ocsp//{TEXT}",
        f"/ocsp/%2F{TEXT}",
        f"/ocsp/{quote(TEXT, safe='')}",
        f"/ocsp/{quote(quote(TEXT, safe=''), safe='')}",
        f"/ocsp/{TEXT.replace('+', '%2B')}",
        f"/ocsp/{TEXT.replace('+', '%2b').replace('/', '%2f')}",
        f"/ocsp/{TEXT.replace('+', ' ')}",
        f"/ocsp/{TEXT.replace('+', '%20')}",
        f"/ocsp/{TEXT.rstrip('=')}",
        f"/ocsp/{TEXT.replace('=', '%3D')}",
        f"/ocsp/{TEXT.replace('=', '%3d')}",
        f"/ocsp/{TEXT[:20]}%0D%0A{TEXT[20:]}%0D%0A",
        f"/ocsp/{TEXT[:20]}%0A{TEXT[20:]}",
        f"/ocsp/{TEXT}?",
        f"/ocsp/{TEXT}?cache=no",
        f"http://ocsp.example:8080/ocsp/{TEXT}",
        f"HTTP://ocsp.example//ocsp//{TEXT}",
    ],
)
def test_t1_every_way_a_question_is_written_in_a_path_is_read(path):
    assert "//" in TEXT
    assert "++" in TEXT
    assert TEXT.endswith("=")
    assert decode(path) == SLASHES


@given(st.binary(min_size=1, max_size=600), st.booleans(), st.booleans())
def test_t2_any_question_survives_the_path(tail, escaped, padded):
    question = b"\x30" + tail
    text = base64.b64encode(question).decode()
    text = text if padded else text.rstrip("=")
    assert decode("/ocsp/" + (quote(text, safe="") if escaped else text)) == question


@pytest.mark.parametrize(
    "path", ["/ocsp/*", "/ocsp/M", "/ocsp/MEow.", "/ocsp/%ZZ", "/ocsp/%E3%81%82", "/ocsp/M=Eo"]
)
def test_nonsense_in_a_path_is_malformed(path):
    with pytest.raises(MalformedQuestion):
        read_target("GET", path)


@pytest.mark.parametrize("path", ["/ocsp", "/ocsp/", "/ocsp//", "/ocsp?x"])
def test_a_path_without_a_question_asks_nothing(path):
    assert decode(path) == b""


def test_the_largest_question_fits_a_path_and_a_larger_one_does_not():
    assert decode("/ocsp/" + base64.b64encode(bytes(MAX_REQUEST_BYTES)).decode())
    with pytest.raises(TooLarge):
        decode("/ocsp/" + base64.b64encode(bytes(MAX_REQUEST_BYTES + 1)).decode())


@pytest.mark.parametrize(
    "path", ["/", "", "*", "/ocspx", "/OCSP", "/ocs", "/other/ocsp", "/healthz/", "ftp://h/ocsp"]
)
def test_other_paths_are_unknown(path):
    with pytest.raises(UnknownPath):
        read_target("GET", path)


@pytest.mark.parametrize("path", ["/ocsp", "/ocsp/", "//ocsp", "/ocsp/whatever"])
def test_a_posted_question_is_in_the_body(path):
    assert read_target("POST", path).aim is Aim.OCSP_IN_BODY


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "BREW"])
@pytest.mark.parametrize("path", ["/ocsp", "/healthz"])
def test_other_methods_are_not_allowed(method, path):
    with pytest.raises(WrongMethod):
        read_target(method, path)


@given(st.text(max_size=100), st.sampled_from(["GET", "HEAD", "POST"]))
def test_any_text_is_a_target_or_a_refusal(text, method):
    try:
        read_target(method, "/ocsp/" + text)
        read_target(method, text)
    except Refusal:
        return


# --- the way out ----------------------------------------------------------------------------


@pytest.fixture
def counter(tmp_path):
    return open_counter(tmp_path)


def reply(
    counter,
    *serials: int,
    aim=Aim.OCSP_IN_PATH,
    nonce=None,
    at=AT,
    cache_for=FIVE,
    **conditions: str,
):
    said = answer(counter.question(*serials, nonce=nonce), NEIGHBOUR, counter.desk, at=at)
    headers = {name.replace("_", "-"): value for name, value in conditions.items()}
    return deliver(said, aim=aim, conditions=headers, cache_for=cache_for, at=at)


def test_an_answer_in_a_path_may_be_kept(counter):
    """RFC 5019 6.2."""
    sent = reply(counter, GOOD)
    assert sent.status == 200
    assert sent.headers["Content-Type"] == "application/ocsp-response"
    assert sent.headers["Cache-Control"] == ("max-age=300, public, no-transform, must-revalidate")
    assert parsedate_to_datetime(sent.headers["Date"]) == AT
    assert parsedate_to_datetime(sent.headers["Expires"]) == AT + DAY
    assert parsedate_to_datetime(sent.headers["Last-Modified"]) == AT - timedelta(hours=1)
    assert sent.headers["Date"].endswith("GMT")


@pytest.mark.parametrize(
    "how",
    [
        {"aim": Aim.OCSP_IN_BODY},
        {"nonce": b"n" * 32},
        {"cache_for": timedelta(0)},
    ],
    ids=str,
)
def test_other_answers_are_not_kept(counter, how):
    sent = reply(counter, GOOD, **how)
    assert sent.headers["Cache-Control"] == "no-store"
    assert not {"ETag", "Expires", "Last-Modified"} & sent.headers.keys()


def test_nothing_is_kept_past_next_update(counter):
    at = AT + DAY - timedelta(seconds=90)
    assert reply(counter, GOOD, at=at).headers["Cache-Control"].startswith("max-age=90,")


def test_the_tag_names_what_is_said_not_the_bytes(counter):
    """All workers agree on it, and signing again does not change it."""
    first, again = reply(counter, GOOD), reply(counter, GOOD, at=AT + timedelta(seconds=90))
    assert first.body != again.body
    assert first.headers["ETag"] == again.headers["ETag"]
    assert first.headers["ETag"].startswith('W/"')


def test_the_tag_changes_with_what_is_said(counter, tmp_path):
    tags = {reply(counter, serial).headers["ETag"] for serial in (GOOD, REVOKED, HELD)}
    mark = counter.issuer.identity.fingerprint
    counter.index.entries.pop((mark, REVOKED))
    tags.add(reply(counter, REVOKED).headers["ETag"])
    counter.index.coverage[mark] = Coverage(number=8, this_update=AT, next_update=AT + DAY)
    tags.add(reply(counter, GOOD).headers["ETag"])
    (tmp_path / "other").mkdir()
    other = open_counter(
        tmp_path / "other", authority=counter.authority, key=ec_key("another responder")
    )
    tags.add(reply(other, GOOD).headers["ETag"])
    assert len(tags) == 6


@pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', 'W/"x",W/{} , "y"', "*"])
def test_if_none_match_spares_the_body(counter, form):
    opaque = reply(counter, GOOD).headers["ETag"].removeprefix("W/")
    sent = reply(counter, GOOD, if_none_match=form.format(opaque))
    assert (sent.status, sent.body) == (304, b"")
    assert sent.headers.keys() >= {"Cache-Control", "Date", "ETag", "Expires", "Last-Modified"}


@pytest.mark.parametrize("tag", ['"x"', 'W/"x"', "", "nonsense"])
def test_another_tag_gets_the_answer_whatever_the_date(counter, tag):
    """RFC 9110 13.1.3: the date counts only where there is no tag."""
    date = reply(counter, GOOD).headers["Last-Modified"]
    assert reply(counter, GOOD, if_none_match=tag, if_modified_since=date).status == 200


def test_if_modified_since_spares_the_body(counter):
    date = reply(counter, GOOD).headers["Last-Modified"]
    assert reply(counter, GOOD, if_modified_since=date).status == 304
    assert reply(counter, GOOD, if_modified_since="yesterday").status == 200


def test_a_released_hold_is_not_kept_alive_by_a_later_date(counter):
    """The release takes thisUpdate back to the issuer's oldest CRL."""
    mark = counter.issuer.identity.fingerprint
    weakest = counter.index.coverage[mark]
    counter.index.coverage[mark] = Coverage(number=9, this_update=AT, next_update=AT + DAY)
    held = reply(counter, HELD)
    counter.index.coverage[mark] = weakest
    counter.index.entries.pop((mark, HELD))
    assert reply(counter, HELD, if_modified_since=held.headers["Last-Modified"]).status == 200


def test_an_answer_with_a_nonce_is_never_not_modified(counter):
    assert reply(counter, GOOD, nonce=b"n", if_none_match="*").status == 200


def test_several_answers_are_kept_as_long_as_the_shortest(counter):
    """Foreign certificates are unknown for five minutes only; here all end together."""
    assert parsedate_to_datetime(reply(counter, GOOD, REVOKED).headers["Expires"]) == AT + DAY


def test_t9_a_refusal_is_never_kept():
    for refusal in (StatusStale(), MalformedQuestion(), BadHttp(), WrongMethod()):
        sent = decline(refusal, note="id", at=AT)
        assert sent.headers["Cache-Control"] == "no-store"
        assert sent.body


def test_an_ocsp_refusal_is_five_bytes_under_200():
    sent = decline(StatusStale(), note="id", at=AT)
    assert sent.status == 200
    assert sent.body == bytes((0x30, 3, 0x0A, 1, ResponseStatus.TRY_LATER))
    assert sent.headers["Content-Type"] == "application/ocsp-response"


def test_a_wrong_method_is_told_the_right_ones():
    sent = decline(WrongMethod(), note="id", at=AT)
    assert (sent.status, sent.headers["Allow"]) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize(("generation", "status"), [(12, 200), (0, 200), (None, 503)])
def test_health_is_an_index_that_can_be_read(generation, status):
    assert report_health(generation, at=AT).status == status
