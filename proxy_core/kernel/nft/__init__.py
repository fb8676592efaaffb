"""nf_tables over netlink: the real thing behind the protocol `proxy_core.nft.kernel.Nft`."""

from proxy_core.kernel.nft.nft import NetlinkNft

__all__ = ["NetlinkNft"]
