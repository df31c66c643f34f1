"""How the bench tells its figures."""

from tests.bench.figures import Figure, percentile, table


def test_a_figure_knows_its_ratio_and_whether_its_aim_is_met() -> None:
    fast = Figure("rate", 500.0, "/s", limit=1000.0, aim=300.0)
    slow = Figure("time", 21.0, "ms", aim=20.0, smaller_is_better=True)
    assert (fast.ratio, fast.meets_aim, slow.ratio, slow.meets_aim) == (0.5, True, None, False)
    lines = table([fast, slow]).splitlines()
    assert lines[2].endswith("met")
    assert lines[3].endswith("NOT MET")


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert [percentile([3.0, 1.0, 2.0, 4.0], share) for share in (0.0, 0.5, 0.99)] == [1.0, 3.0, 4.0]
