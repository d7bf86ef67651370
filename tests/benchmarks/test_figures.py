import pytest

from benchmarks.answering.figures import Demand, Figure, Reading, Sense, times


def figure(*values: float) -> Figure:
    return Figure(of="x", unit="/s", readings=[Reading(value=each) for each in values])


def test_a_ratio_is_the_median_of_those_of_each_round() -> None:
    # In the second round the machine was in another mood, for both of them.
    ours, theirs = figure(100, 40, 100), figure(50, 20, 40)
    assert times(ours, theirs, 2.0).measured == 2.0
    assert times(ours, theirs, 2.0).is_met
    assert not times(ours, theirs, 2.1).is_met


@pytest.mark.parametrize(
    ("sense", "measured", "met"),
    [
        (Sense.AT_LEAST, 9.9, False),
        (Sense.AT_LEAST, 10.0, True),
        (Sense.AT_MOST, 10.0, True),
        (Sense.AT_MOST, 10.1, False),
    ],
)
def test_a_demand_has_a_good_side(sense: Sense, measured: float, met: bool) -> None:  # noqa: FBT001
    demand = Demand(what="x", unit="ms", sense=sense, bound=10.0, measured=measured)
    assert demand.is_met is met
