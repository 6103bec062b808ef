from .evaluation import ClaimRow, evaluate_claims
from .statements import CONTROLS, PAPER_CLAIMS, Claim, Statement, contradictions, differ, stable, unstable

__all__ = [
    "CONTROLS",
    "PAPER_CLAIMS",
    "Claim",
    "ClaimRow",
    "Statement",
    "contradictions",
    "differ",
    "evaluate_claims",
    "stable",
    "unstable",
]
