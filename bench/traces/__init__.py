"""Traces: pods with the times at which they come and go, from tables and object dumps, and made-up ones like them."""
