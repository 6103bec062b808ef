"""Preparation of one recorded series: input checks, interleaved channels, epochs; unusable series get a reason."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
