from .cell import Aspect, CellLabel
from .labelling import label, label_from_features
from .reading import label_aspects, read_labels
from .rule import pooled_interval

__all__ = [
    "Aspect",
    "CellLabel",
    "label",
    "label_aspects",
    "label_from_features",
    "pooled_interval",
    "read_labels",
]
