"""Rules of the group apps."""
