"""One recorded series made fit for analysis, or refused with a reason: input, interleaved channels, epochs."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
