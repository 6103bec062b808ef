"""Comparisons over seeds: do optimizers differ, which is best, how many seeds does an answer need."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
