"""GPU sharing, and the six published policies that place pods on shared GPUs."""
