from .arrangements import smallest_pvalue
from .effects import cliffs_delta, hedges_g
from .equivalence import EquivalenceTest, three_way, tost
from .intervals import wilson_interval
from .permanova import LocationDispersion, location_dispersion
from .permutation import PermutationTest, energy_permutation, mean_permutation
from .power import detectable_effect, power_of_difference, power_of_sameness
from .trimmed import Effect, iqm, trimmed_difference
from .two_way import FreedmanLane, freedman_lane

__all__ = [
    "Effect",
    "EquivalenceTest",
    "FreedmanLane",
    "LocationDispersion",
    "PermutationTest",
    "cliffs_delta",
    "detectable_effect",
    "energy_permutation",
    "freedman_lane",
    "hedges_g",
    "iqm",
    "location_dispersion",
    "mean_permutation",
    "power_of_difference",
    "power_of_sameness",
    "smallest_pvalue",
    "three_way",
    "tost",
    "trimmed_difference",
    "wilson_interval",
]
