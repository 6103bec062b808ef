from .epochs import Sawtooth, remove_epoch_profile, sawtooth
from .input import Series, as_series
from .interleaving import Interleaving, detect_interleaving, split_channels

__all__ = [
    "Interleaving",
    "Sawtooth",
    "Series",
    "as_series",
    "detect_interleaving",
    "remove_epoch_profile",
    "sawtooth",
    "split_channels",
]
