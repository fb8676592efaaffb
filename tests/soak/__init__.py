"""The soak: random events without end, and what is kept up to date held against what is made from the objects alone."""
