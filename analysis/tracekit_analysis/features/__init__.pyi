from .characterization import characterize
from .layer_coherence import coherence_table
from .probe_batch import cross_sections
from .registry import describe_columns
from .transformer import TraceFeatures

__all__ = [
    "TraceFeatures",
    "characterize",
    "coherence_table",
    "cross_sections",
    "describe_columns",
]
