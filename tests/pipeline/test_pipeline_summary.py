from typing import Any

from igcli.pipeline.image.outcome import Outcome
from igcli.pipeline.runs.summary import Summary


def outcome(number: int, error: float | None) -> Outcome:
    return Outcome(
        {
            "status": "ok",
            "image": f"{number}.jpg",
            "gradient_evaluations": 3,
            "completeness_error": error,
        }
    )


def beyond(summary: Summary) -> Any:
    return summary.record({})["beyond_max_error"]


def test_an_error_of_exactly_the_limit_is_within_it() -> None:
    summary = Summary(0.05)
    for number, error in enumerate([0.05, 0.0500001, None]):
        summary.add(outcome(number, error))
    assert beyond(summary) == {"max_error": 0.05, "count": 1, "images": ["1.jpg"]}
    assert summary.exit_code == 3


def test_large_errors_are_counted_whatever_the_limit() -> None:
    for limit in (None, 0.05):
        summary = Summary(limit)
        for number, error in enumerate([0.2, 0.2000001, 7.0, None, 0.01]):
            summary.add(outcome(number, error))
        assert summary.record({})["large_errors"] == 2
    assert Summary().record({})["large_errors"] == 0


def test_nothing_is_beyond_where_no_limit_is_set() -> None:
    summary = Summary()
    summary.add(outcome(0, 7.0))
    assert beyond(summary) is None
    assert summary.exit_code == 0


def test_so_many_are_counted_and_the_first_named() -> None:
    summary = Summary(0.0)
    for number in range(1500):
        summary.add(outcome(number, 0.1))
    assert beyond(summary)["count"] == 1500
    assert beyond(summary)["images"] == [f"{number}.jpg" for number in range(1000)]
