"""Tasks spread over processes: in order, complete, and an error in its turn."""

import os
from collections.abc import Iterator

import pytest

from tracekit_analysis.tables.parallel import map_in_order


def _square(number: int) -> int:
    if number == 13:
        raise ValueError("13 brings bad luck")
    return number * number


def _process(pause: float) -> int:
    import time

    time.sleep(pause)
    return os.getpid()


@pytest.mark.parametrize("jobs", [1, 2, 3])
@pytest.mark.parametrize("n", [0, 1, 2, 11])
def test_results_come_in_order(n: int, jobs: int) -> None:
    assert list(map_in_order(_square, ((number,) for number in range(n)), jobs=jobs)) == [
        number * number for number in range(n)
    ]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_comes_after_what_precedes_it(jobs: int) -> None:
    found: list[int] = []
    results = map_in_order(_square, ((number,) for number in range(20)), jobs=jobs)
    with pytest.raises(ValueError, match="bad luck"):
        found.extend(results)
    assert found == [number * number for number in range(13)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_of_what_gives_the_tasks_is_raised(jobs: int) -> None:
    def tasks() -> Iterator[tuple[int]]:
        for number in range(5):
            yield (number,)
        raise OSError("the disk is gone")

    found: list[int] = []
    results = map_in_order(_square, tasks(), jobs=jobs)
    with pytest.raises(OSError, match="the disk is gone"):
        found.extend(results)
    # Whichever process met it: nothing wrong, nothing out of order, came before.
    assert found == [0, 1, 4, 9, 16][: len(found)]


def test_this_process_and_another_one_work() -> None:
    list(map_in_order(_process, [(0.0,)] * 2, jobs=2))  # until the other one has started
    processes = set(map_in_order(_process, [(0.2,)] * 6, jobs=2))
    assert len(processes) == 2
    assert os.getpid() in processes


def test_a_loop_that_ends_early_draws_no_more_tasks() -> None:
    drawn = []

    def tasks() -> Iterator[tuple[int]]:
        for number in range(1000):
            drawn.append(number)
            yield (number,)

    results = map_in_order(_square, tasks(), jobs=2)
    assert next(results) == 0
    results.close()
    n_drawn = len(drawn)
    list(map_in_order(_square, [(1,), (2,), (3,)], jobs=2))
    assert len(drawn) == n_drawn
