from . import plot
from .experiment import Sweep, resume_sweep, run_sweep
from .report import write_report
from .traces import open_experiment, read

__version__: str

__all__ = [
    "Sweep",
    "__version__",
    "open_experiment",
    "plot",
    "read",
    "resume_sweep",
    "run_sweep",
    "write_report",
]
