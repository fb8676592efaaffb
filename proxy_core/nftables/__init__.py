"""The nftables backend: the table of kube-proxy in nftables mode (upstream: pkg/proxy/nftables)."""
