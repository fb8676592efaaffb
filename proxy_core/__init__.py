"""Services and EndpointSlices to the rules of a kube-proxy backend.

Empty so far: the package holds its place in the layers, and nothing here can be called yet.
"""
