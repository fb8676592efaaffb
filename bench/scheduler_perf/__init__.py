"""``stowage bench scheduler-perf``: upstream's benchmark files, as they stand, through the whole scheduler."""
