"""Watching: changes of a resource, encoded once for each form and shared by all who watch it."""
