"""``stowage bench api``: how fast an API server takes and gives objects and tells watchers, and the memory it needs."""
