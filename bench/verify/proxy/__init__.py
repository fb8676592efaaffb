"""Recorded rules of kube-proxy, held against those of `proxy_core`."""
