"""The store: keys, values, one increasing revision. What it acknowledges survives a kill. Knows no Kubernetes."""
