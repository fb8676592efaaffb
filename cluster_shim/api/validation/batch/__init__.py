"""Rules of the group batch."""
