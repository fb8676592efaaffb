"""Registry: objects of a resource over the store, and what is special about a resource (strategies)."""
