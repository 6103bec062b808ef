from .calibrating import calibrate
from .processes import simulate
from .rates import error_rates

__all__ = [
    "calibrate",
    "error_rates",
    "simulate",
]
