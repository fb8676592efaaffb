"""Rows of services, endpoints, ingresses, policies and addresses."""

from __future__ import annotations

from cluster_shim.api.printers.cells import (
    NONE,
    UNSET,
    Row,
    at,
    find,
    labels,
    name,
    row,
    shown_selector,
    some,
)
from cluster_shim.api.printers.durations import Json, age

SHOWN = 3
DEFAULT_INGRESS_CLASS = "ingressclass.kubernetes.io/is-default-class"


def cluster_ip(service: Json, _now: float) -> str:
    """Return the first cluster IP of a service."""
    addresses = find(service, "spec", "clusterIPs")
    return str(addresses[0]) if addresses else str(find(service, "spec", "clusterIP") or NONE)


def balancer_addresses(obj: Json, _now: float = 0) -> str:
    """Return the addresses that a load balancer gave to a service or an ingress."""
    ingress: list[Json] = find(obj, "status", "loadBalancer", "ingress") or []
    return ",".join(sorted({each.get("ip") or each.get("hostname") or "" for each in ingress} - {""}))


def external_ip(service: Json, _now: float) -> str:
    """Return under which addresses a service can be reached from outside."""
    spec = service.get("spec") or {}
    external = ",".join(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return external or NONE
        case "LoadBalancer":
            given = balancer_addresses(service)
            return ",".join(filter(None, (given, external))) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName", ""))
    return "<unknown>"


def service_ports(service: Json, _now: float) -> str:
    """Return the ports of a service: ``80:30080/TCP,443/TCP``."""
    return ",".join(_service_port(port) for port in find(service, "spec", "ports") or ()) or NONE


def _service_port(port: Json) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port', 0)}{node_port}/{port.get('protocol', '')}"


def endpoints_addresses(endpoints: Json, _now: float) -> str:
    """Return the first few addresses of Endpoints, with ports where there are any."""
    subsets: list[Json] = endpoints.get("subsets") or []
    if not subsets:
        return NONE
    found = []
    for subset in subsets:
        ports = [f":{port.get('port', 0)}" for port in subset.get("ports") or ()] or [""]
        found += [_host(address.get("ip", ""), port) for port in ports for address in subset.get("addresses") or ()]
    return some(found, SHOWN)


def _host(address: str, port: str) -> str:
    return f"[{address}]{port}" if port and ":" in address else address + port


def slice_ports(piece: Json, _now: float) -> str:
    """Return the ports of an EndpointSlice."""
    return some([_slice_port(port) for port in piece.get("ports") or ()], SHOWN) or UNSET


def _slice_port(port: Json) -> str:
    if (number := port.get("port")) is not None:
        return str(number)
    return str(port["name"]) if port.get("name") is not None else "*"


def slice_addresses(piece: Json, _now: float) -> str:
    """Return the first few addresses of an EndpointSlice."""
    found = [address for endpoint in piece.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    return some(found, SHOWN) or UNSET


def ingress_hosts(ingress: Json, _now: float) -> str:
    """Return the first few hosts of an ingress; rules without a host count, but are not shown."""
    rules: list[Json] = find(ingress, "spec", "rules") or []
    hosts: list[str] = []
    more = False
    for rule in rules:
        more = more or len(hosts) == SHOWN
        if not more and rule.get("host"):
            hosts.append(rule["host"])
    if not hosts:
        return "*"
    return f"{','.join(hosts)} + {len(rules) - SHOWN} more..." if more else ",".join(hosts)


def ingress_ports(ingress: Json, _now: float) -> str:
    """Return the ports of an ingress."""
    return "80, 443" if find(ingress, "spec", "tls") else "80"


def class_name(ingress_class: Json, now: float) -> str:
    """Return the name of an IngressClass, marked if it is the default."""
    is_default = (find(ingress_class, "metadata", "annotations") or {}).get(DEFAULT_INGRESS_CLASS) == "true"
    return f"{name(ingress_class, now)}{' (default)' if is_default else ''}"


def class_parameters(ingress_class: Json, _now: float) -> str:
    """Return where an IngressClass has its parameters: ``Kind.group/name``."""
    found: Json | None = find(ingress_class, "spec", "parameters")
    if found is None:
        return NONE
    group = f".{found['apiGroup']}" if found.get("apiGroup") is not None else ""
    return f"{found.get('kind', '')}{group}/{found.get('name', '')}"


def address_parent(address: Json, _now: float) -> str:
    """Return whose address it is: ``services/default/kubernetes``."""
    parent: Json | None = find(address, "spec", "parentRef")
    if parent is None:
        return NONE
    resource = ".".join(filter(None, (parent.get("resource", ""), parent.get("group", "")))).lower()
    return "/".join(filter(None, (resource, parent.get("namespace", ""), parent.get("name", ""))))


ROWS: dict[tuple[str, str], Row] = {
    ("", "Service"): row(
        name,
        at("spec", "type"),
        cluster_ip,
        external_ip,
        service_ports,
        age,
        lambda obj, _now: labels(find(obj, "spec", "selector")),
    ),
    ("", "Endpoints"): row(name, endpoints_addresses, age),
    ("discovery.k8s.io", "EndpointSlice"): row(name, at("addressType"), slice_ports, slice_addresses, age),
    ("networking.k8s.io", "Ingress"): row(
        name, at("spec", "ingressClassName", default=NONE), ingress_hosts, balancer_addresses, ingress_ports, age
    ),
    ("networking.k8s.io", "IngressClass"): row(class_name, at("spec", "controller"), class_parameters, age),
    ("networking.k8s.io", "NetworkPolicy"): row(name, shown_selector("spec", "podSelector"), age),
    ("networking.k8s.io", "ServiceCIDR"): row(name, lambda obj, _now: ",".join(find(obj, "spec", "cidrs") or ()), age),
    # A third cell without a column: so the real server answers.
    ("networking.k8s.io", "IPAddress"): row(name, address_parent, age),
}
