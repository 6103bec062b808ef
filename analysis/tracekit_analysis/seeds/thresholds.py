"""Minimum numbers of seeds for each kind of answer."""

from __future__ import annotations

MIN_SEEDS_INTERVAL = 3
MIN_SEEDS_LABEL = 5
MIN_SEEDS_TRAIT = 5
MIN_SEEDS_TEST = 5
MIN_SEEDS_CLAIM = 10
MIN_SEEDS_NARROW = 20
"""Seeds from which on equivalence within less than 1 between-seed sd is claimed."""
