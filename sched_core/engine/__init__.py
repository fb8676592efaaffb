"""Decisions: the cycle (one pod, everything kept), compiled batches, and the engine that picks between them."""
