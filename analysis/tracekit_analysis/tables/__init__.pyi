from .groups import apply_over_groups, progress_bar
from .output import sentences, to_latex

__all__ = [
    "apply_over_groups",
    "progress_bar",
    "sentences",
    "to_latex",
]
