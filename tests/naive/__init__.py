"""An independent, slow and obviously right twin of the scheduler, in plain Python on plain JSON objects.

It knows nothing of the production code (no import of `sched_core` or `plugins`, no numpy, no numba): tests hold the
two against each other.
"""
