"""tracekit: record, store, characterize and report neural-network training traces.

Public names load their modules at first use, so that importing the package is fast; `__init__.pyi` lists them.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
