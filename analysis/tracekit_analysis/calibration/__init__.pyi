from .calibrating import calibrate
from .of_columns import column_rates
from .processes import simulate
from .rates import error_rates

__all__ = [
    "calibrate",
    "column_rates",
    "error_rates",
    "simulate",
]
