"""Audit: a line of JSON for each stage of a request, as a policy asks for it.

``policy.py`` says how much of which request, ``trail.py`` follows it, ``event.py`` makes the line, ``log.py`` writes
it.
"""
