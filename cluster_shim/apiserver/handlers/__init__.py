"""Handlers: one verb, one file. Each takes a Request whose RequestInfo names a resource, and gives a Response."""
