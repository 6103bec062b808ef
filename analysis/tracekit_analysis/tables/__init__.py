"""Functions applied over the groups of a table, in memory or in Parquet files, in one process or several."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
