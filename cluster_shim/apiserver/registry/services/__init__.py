"""Services: addresses and ports that the server gives them, and their fields that depend on the type."""
