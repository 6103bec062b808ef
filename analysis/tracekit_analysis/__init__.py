"""Statistics of recorded training traces: arrays and tables in, tables and frozen results out.

The names that most people need are here; all others are public in their wing (`tracekit_analysis.statistics.kpss`).
Names and wings load at first use, so that importing the package costs nothing; `__init__.pyi` lists them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
