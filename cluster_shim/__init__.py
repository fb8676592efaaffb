"""The edge of Stowage: everything that speaks to users or to the Kubernetes API. So far, the command line."""
