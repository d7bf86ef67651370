"""What ``tashika.testing`` gives others, and that its page says the truth."""

import re
from pathlib import Path

import pytest

from support.sdk import checked
from tashika import Client
from tashika.testing import FakeResponder, Fault, Pki
from tashika.testing.fixtures import (  # noqa: F401 - pytest finds fixtures by their names
    every_fault,
    tashika_pki,
    tashika_responder,
    tashika_url,
)

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
TESTS = "".join(each.read_text() for each in Path(__file__).parents[1].rglob("test_*.py"))
TABLE = dict(re.findall(r"(?m)^\| `(\w+)` \| [^|]+ \| `(\w+)` \|$", PAGE))


@every_fault
def test_the_page_tells_the_cause_of_every_fault(
    tashika_responder: FakeResponder,  # noqa: F811
    fault: Fault,
) -> None:
    tashika_responder.order(fault)
    assert checked(tashika_responder).cause == TABLE[fault]


INCIDENTS = dict(re.findall(r"(?m)^\| C(\d+) \| .* \| (`test_.*`) \|$", PAGE))


@pytest.mark.parametrize("number", range(1, 15))
def test_the_page_names_tests_of_every_incident(number: int) -> None:
    named = re.findall(r"`(\w+)`", INCIDENTS[str(number)])
    assert named
    for each in named:
        assert f"c{number}_" in each
        assert f"def {each}(" in TESTS


def test_the_page_knows_no_other_fault() -> None:
    assert set(TABLE) == set(Fault)


def test_the_pages_own_tests_run(
    tashika_responder: FakeResponder,  # noqa: F811
    tashika_url: str,  # noqa: F811
) -> None:
    (code,) = re.findall(r"```python\n(from tashika import Client\n.*?)```", PAGE, re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(code, "testing.md", "exec"), names)  # noqa: S102 - our own page
    for name in ("test_a_card_in_force_is_let_in", "test_a_revoked_card_is_turned_away"):
        names[name](tashika_responder, tashika_url)  # type: ignore[operator]
    tashika_responder.order(Fault.GARBAGE)
    names["test_nobody_gets_in_by_a_wrong_answer"](  # type: ignore[operator]
        tashika_responder, tashika_url, Fault.GARBAGE
    )


def test_a_responder_is_new_for_each_test_and_its_pki_is_not(
    tashika_responder: FakeResponder,  # noqa: F811
    tashika_pki: Pki,  # noqa: F811
) -> None:
    assert tashika_responder.pki is tashika_pki
    with Client(tashika_responder.url, transport=tashika_responder) as client:
        assert client.check(tashika_pki.certificate, tashika_pki.issuer)
