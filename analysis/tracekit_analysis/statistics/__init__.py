"""Statistics of one series; each function takes a series and returns one frozen result."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
