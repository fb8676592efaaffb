"""Client: the Kubernetes API for the other parts of this package, over HTTP or in process by the same interface."""
