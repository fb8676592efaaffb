"""The command ``stowage``."""
