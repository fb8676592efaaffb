"""The iptables backend: rules equal to those of kube-proxy in iptables mode (upstream: pkg/proxy/iptables)."""
