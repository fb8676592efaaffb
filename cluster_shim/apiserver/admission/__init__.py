"""Admission: what changes or refuses a write that is well-formed and authorized. One plugin, one file."""
