"""Authentication: who asks, by certificate or token."""
