"""``stowage bench scheduling``: run a workload through the engine, measure, compare. Figures are in ``report``."""
