"""Tests of both packages; what stands here happens before any of them loads NumPy."""

import os

# Threads of BLAS and OpenMP that wait for work sleep: by default they spin, and burn more time than the work takes.
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
