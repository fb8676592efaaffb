"""Rules of the groups networking.k8s.io and discovery.k8s.io."""
