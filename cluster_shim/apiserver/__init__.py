"""The API server: requests in, answers out. Everything about objects that needs no server is in `cluster_shim.api`."""
