from .comparing import compare
from .headline import compare_headline
from .identification import Identification, identifiability
from .interactions import Interaction, interaction
from .planning import PlanRow, plan
from .profiles import MedianTime, median_time, performance_profile, time_to_target
from .ranking import Rank, rank
from .run_performance import performance
from .seed_tables import Feature, seed_table
from .two_arms import ComparisonRow

__all__ = [
    "ComparisonRow",
    "Feature",
    "Identification",
    "Interaction",
    "MedianTime",
    "PlanRow",
    "Rank",
    "compare",
    "compare_headline",
    "identifiability",
    "interaction",
    "median_time",
    "performance",
    "performance_profile",
    "plan",
    "rank",
    "seed_table",
    "time_to_target",
]
