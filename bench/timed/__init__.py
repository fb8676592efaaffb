"""Traces by time: pods come and go when the trace says so, and those that find no node wait."""
