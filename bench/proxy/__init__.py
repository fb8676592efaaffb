"""``stowage bench proxy``: how long a proxy takes to load its rules and to change them, and packets to pass them."""
