"""Our own mode `flat`: the packets of mode nftables, from a number of chains that services do not add to."""
