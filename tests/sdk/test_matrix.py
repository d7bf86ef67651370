"""Every fault through every way in: never good (C1, T23)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.sdk import WAYS, by_command, by_verify_answer
from tashika import Cause
from tashika.testing import FakeResponder, Fault
from tashika.testing.faults import WIRE

Way = Callable[[FakeResponder, Path], Cause]
EVERY_WAY = pytest.mark.parametrize("way", [*WAYS, by_command], ids=lambda way: way.__name__)


@pytest.fixture(scope="module")
def responder() -> FakeResponder:
    return FakeResponder()


@EVERY_WAY
def test_the_right_answers_pass_each_way_in(
    responder: FakeResponder, way: Way, tmp_path: Path
) -> None:
    responder.order(None)
    good = way(responder, tmp_path)
    responder.revoke(responder.pki.certificate)
    revoked = way(responder, tmp_path)
    responder.release(responder.pki.certificate)
    assert (good, revoked) == (Cause.GOOD, Cause.REVOKED)


@pytest.mark.parametrize(
    ("fault", "way"),
    # A fault of the way there does not show in bytes.
    [(f, w) for f in Fault for w in WAYS if not (w is by_verify_answer and f in WIRE)],
)
def test_c1_t23_t26_no_fault_is_ever_good(
    responder: FakeResponder, way: Way, fault: Fault, tmp_path: Path
) -> None:
    responder.order(fault)
    cause = way(responder, tmp_path)
    assert cause.status.value == "undetermined"


@pytest.mark.parametrize(
    "fault",
    [
        Fault.BAD_SIGNATURE,
        Fault.STALE,
        Fault.WRONG_CERTID,
        Fault.NO_NONCE,
        Fault.TRY_LATER,
        Fault.GARBAGE,
        Fault.SLOW,
    ],
)
def test_c1_the_command_never_exits_0_for_a_fault(
    responder: FakeResponder, fault: Fault, tmp_path: Path
) -> None:
    responder.order(fault)
    assert by_command(responder, tmp_path).status.value == "undetermined"
