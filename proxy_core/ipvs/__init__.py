"""The ipvs backend: servers, ipsets and rules equal to those of kube-proxy in ipvs mode (upstream: pkg/proxy/ipvs)."""
