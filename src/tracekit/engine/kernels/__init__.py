"""Kernels that make ops fast: threads, compiled loops, memory pool and fast convolutions."""
