"""Strategies: what is special about the objects of a kind when they are created, updated and deleted."""
