"""Rules of the core group: a file for a kind, or for what kinds share."""
