"""Names of fields on the wire: camelCase, but for the words that Kubernetes writes in capitals."""

from __future__ import annotations

_EXCEPTIONS = {
    "client_ip": "clientIP",
    "cluster_cidr": "clusterCIDR",
    "cluster_ip": "clusterIP",
    "cluster_ips": "clusterIPs",
    "exclude_cidrs": "excludeCIDRs",
    "external_ips": "externalIPs",
    "pod_cidr": "podCIDR",
    "pod_cidrs": "podCIDRs",
    "strict_arp": "strictARP",
}


def wire_name(attribute: str) -> str:
    """Return the name on the wire of an attribute of a record."""
    if attribute in _EXCEPTIONS:
        return _EXCEPTIONS[attribute]
    head, *tail = attribute.split("_")
    return head + "".join(part.capitalize() for part in tail)
