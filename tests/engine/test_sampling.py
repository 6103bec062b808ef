"""Sampling policies visit the training set as they say."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracekit.engine.training.sampling import SAMPLING, epochs, updates_per_epoch
from tracekit.errors import ArgumentError, UnknownNameError


def first_epochs(count, *args, seed=0, **kwargs):
    return list(itertools.islice(epochs(*args, rng=np.random.default_rng(seed), **kwargs), count))


sizes = st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


@given(sizes, st.booleans(), st.sampled_from(["reshuffle", "fixed_batches"]))
def test_an_epoch_visits_each_sample_at_most_once(size, drop_last, sampling):
    n, batch = size
    for epoch in first_epochs(3, n, batch, sampling=sampling, drop_last=drop_last):
        seen = np.concatenate(epoch)
        assert len(np.unique(seen)) == len(seen) == (n // batch * batch if drop_last else n)
        assert len(epoch) == updates_per_epoch(n, batch, drop_last)


def test_reshuffle_draws_a_new_order_and_new_batches_each_epoch():
    one, two = first_epochs(2, 100, 10)
    assert sorted(np.concatenate(one)) == sorted(np.concatenate(two))
    assert {frozenset(batch) for batch in one} != {frozenset(batch) for batch in two}


def test_fixed_batches_keep_their_members_and_change_their_order():
    one, two, three = first_epochs(3, 100, 10, sampling="fixed_batches")
    as_sets = [{tuple(batch) for batch in epoch} for epoch in (one, two, three)]
    assert as_sets[0] == as_sets[1] == as_sets[2]
    assert len({tuple(map(tuple, epoch)) for epoch in (one, two, three)}) == 3


def test_with_replacement_repeats_samples():
    (epoch,) = first_epochs(1, 50, 50, sampling="with_replacement")
    assert len(np.unique(epoch[0])) < 45


@pytest.mark.parametrize("sampling", list(SAMPLING))
def test_same_seed_same_order(sampling):
    one, two = (first_epochs(2, 30, 7, sampling=sampling, seed=5) for _ in range(2))
    assert all(np.array_equal(a, b) for x, y in zip(one, two, strict=True) for a, b in zip(x, y, strict=True))


def test_batch_larger_than_the_set():
    with pytest.raises(ArgumentError) as caught:
        updates_per_epoch(1438, 2000)
    assert str(caught.value) == (
        "`batch_size` (=2000) must be at most the number of training samples (=1438); "
        "choose a smaller batch or a larger data set."
    )


def test_unknown_policy():
    with pytest.raises(UnknownNameError, match="unknown sampling policy 'shuffle'"):
        first_epochs(1, 10, 5, sampling="shuffle")
