"""A few numbers, one per seed: intervals, effects, tests, power."""
