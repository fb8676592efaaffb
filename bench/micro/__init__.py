"""Micro-benchmarks (pytest-benchmark) of single kernels and steps, for ``make bench``; without thresholds."""
