"""``stowage compare``: policies on traces, seed by seed, in parallel; a table with a paired test, and a report."""
