"""Compiled functions: the one decorator that holds all numba plumbing, arithmetic, and the choice of a node."""
