from . import calibration, claims, comparisons, features, labels, seeds, series, statistics, tables
from .calibration.calibrating import calibrate
from .claims.evaluation import evaluate_claims
from .claims.statements import Claim
from .comparisons.comparing import compare
from .comparisons.headline import compare_headline
from .comparisons.identification import identifiability
from .comparisons.interactions import interaction
from .comparisons.planning import plan
from .comparisons.profiles import performance_profile, time_to_target
from .comparisons.ranking import rank
from .comparisons.run_performance import performance
from .comparisons.seed_tables import seed_table
from .errors import AnalysisError
from .features.characterization import characterize
from .features.probe_batch import cross_sections
from .features.registry import describe_columns
from .features.transformer import TraceFeatures
from .labels.labelling import label, label_from_features
from .labels.reading import read_labels
from .series.input import as_series
from .statistics.bounds import stability_index
from .tables.groups import progress_bar
from .tables.output import sentences, to_latex

__all__ = [
    "AnalysisError",
    "Claim",
    "TraceFeatures",
    "as_series",
    "calibrate",
    "calibration",
    "characterize",
    "claims",
    "compare",
    "compare_headline",
    "comparisons",
    "cross_sections",
    "describe_columns",
    "evaluate_claims",
    "features",
    "identifiability",
    "interaction",
    "label",
    "label_from_features",
    "labels",
    "performance",
    "performance_profile",
    "plan",
    "progress_bar",
    "rank",
    "read_labels",
    "seed_table",
    "seeds",
    "sentences",
    "series",
    "stability_index",
    "statistics",
    "tables",
    "time_to_target",
    "to_latex",
]
