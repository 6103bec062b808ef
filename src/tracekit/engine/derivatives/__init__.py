"""Derivatives beyond one gradient: per-sample gradients, curvature products, spectra."""
