"""Comparisons over seeds: whether optimizers differ, which is best, and how many seeds an answer needs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
