"""Connect: log, exec, attach, port-forward and proxy: what only the node of a pod, or whoever answers there, can do.

The server finds out who that is and asks a NodeAgent; a kubelet is one. Without an agent the answers are those that
upstream gives while the kubelet is away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from cluster_shim.api import errors, fields
from cluster_shim.api.errors import APIError
from cluster_shim.api.fields import FieldError, Path
from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.admission.plugin import CONNECT
from cluster_shim.apiserver.handlers.writing import write_of
from cluster_shim.apiserver.options import WriteOptions, parse_bool, parse_int
from cluster_shim.apiserver.registry.registry import Document, Write
from cluster_shim.apiserver.request import Request, Response

if TYPE_CHECKING:
    from cluster_shim.apiserver.server import Server

KUBELET_PORT = 10250
"""Where a kubelet listens whose node does not say."""
_NOT_NEGATIVE = "must be greater than or equal to 0"
_POSITIVE = "must be greater than 0"
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


class NodeAgent(Protocol):
    """Whoever runs the pods of a node: a kubelet, over the network or in this process."""

    async def stream(self, node: str, action: str, pod: Document, container: str, request: Request) -> Response:
        """Answer a request for a pod; `action` is log, exec, attach or portforward. Raises APIError."""

    async def proxy(self, node: str, target: str, request: Request) -> Response:
        """Answer a request for a server on a node or in a pod; `target` is its address. Raises APIError."""


class NoAgent:
    """There is no agent: no kubelet can be reached."""

    async def stream(self, node: str, action: str, pod: Document, container: str, request: Request) -> Response:
        """Say that the kubelet is away."""
        raise away(node)

    async def proxy(self, node: str, target: str, request: Request) -> Response:
        """Say that nobody answers."""
        raise errors.service_unavailable(
            f"error trying to reach service: dial tcp {target}: connect: connection refused"
        )


def away(node: str) -> APIError:
    """Return what a client gets whose pod's node cannot be reached."""
    return errors.unclassified(f"dial tcp: lookup {node}: no such host")


async def pod_log(server: Server, resource: Resource, request: Request) -> Response:
    """Return what a container has written."""
    pod = _pod(server, request)
    if problems := _log_problems(request):
        raise errors.invalid("PodLogOptions", request.info.name, problems)
    container = _container(pod, request.param("container"))
    node = (pod.get("spec") or {}).get("nodeName", "")
    if not node:
        return Response(204, content_type="")
    _check_node(server, request, node)
    return await server.agent.stream(node, "log", pod, container, request)


async def pod_stream(server: Server, resource: Resource, request: Request) -> Response:
    """Connect a client with a container (exec, attach) or with ports of a pod (portforward)."""
    info = request.info
    await _admit(server, resource, request)
    pod = _pod(server, request)
    container = "" if info.subresource == "portforward" else _container(pod, request.param("container"))
    node = (pod.get("spec") or {}).get("nodeName", "")
    if not node:
        raise errors.bad_request(f"pod {info.name} does not have a host assigned")
    _check_node(server, request, node)
    return await server.agent.stream(node, info.subresource, pod, container, request)


async def proxy(server: Server, resource: Resource, request: Request) -> Response:
    """Hand a request to a server in a pod, behind a Service or on a node."""
    await _admit(server, resource, request)
    _, name, port = _split(request.info.name)
    node, target = await _TARGETS[resource.name](server, request, name, port)
    return await server.agent.proxy(node, target, request)


def _split(text: str) -> tuple[str, str, str]:
    """Return scheme, name and port of ``[scheme:]name[:port]``."""
    parts = text.split(":")
    if len(parts) == 3 and parts[0] in ("http", "https", ""):
        return parts[0], parts[1], parts[2]
    if len(parts) > 2:
        raise errors.bad_request(f"invalid service request {fields.quoted(text)}")
    return "", parts[0], parts[1] if len(parts) == 2 else ""


async def _pod_target(server: Server, request: Request, name: str, port: str) -> tuple[str, str]:
    pod = _pod(server, request, name)
    address = (pod.get("status") or {}).get("podIP", "")
    if not _is_allowed(address):
        raise errors.bad_request("address not allowed")
    if not port:
        declared = (each for part in pod["spec"]["containers"] for each in part.get("ports", ()))
        port = str(next((each["containerPort"] for each in declared), ""))
    return pod["spec"].get("nodeName", ""), _joined(address, port)


async def _service_target(server: Server, request: Request, name: str, port: str) -> tuple[str, str]:
    namespace = request.info.namespace
    service = server.registry.get("", "services", namespace, name)
    if service is None:
        raise errors.not_found("services", name)
    chosen = _port_of(service, port)
    endpoints = server.registry.get("", "endpoints", namespace, name) or {}
    for subset in endpoints.get("subsets") or ():
        for each in subset.get("ports") or ():
            if chosen is not None and each.get("name", "") == chosen and subset.get("addresses"):
                first = subset["addresses"][0]
                return first.get("nodeName", ""), _joined(first["ip"], str(each["port"]))
    raise errors.service_unavailable(f"no endpoints available for service {fields.quoted(name)}")


def _port_of(service: Mapping[str, Any], port: str) -> str | None:
    """Return the name of the port that is meant; the only one if none is."""
    ports: Sequence[Mapping[str, Any]] = service["spec"].get("ports") or ()
    if not port:
        return ports[0].get("name", "") if len(ports) == 1 else None
    return next((each.get("name", "") for each in ports if port in (each.get("name"), str(each["port"]))), None)


async def _node_target(server: Server, request: Request, name: str, port: str) -> tuple[str, str]:
    _check_node(server, request, name)
    node = server.registry.get("", "nodes", "", name) or {}
    status = node.get("status") or {}
    addresses = {each["type"]: each["address"] for each in status.get("addresses") or ()}
    kubelet = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port") or KUBELET_PORT
    return name, _joined(addresses.get("InternalIP", name), port or str(kubelet))


_FLAGS = ("stdin", "stdout", "stderr", "tty")
_TARGETS = {"pods": _pod_target, "services": _service_target, "nodes": _node_target}


def _joined(address: str, port: str) -> str:
    host = f"[{address}]" if ":" in address else address
    return f"{host}:{port}" if port else host


def _is_allowed(address: str) -> bool:
    import ipaddress

    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (found.is_loopback or found.is_link_local or found.is_unspecified)


async def _admit(server: Server, resource: Resource, request: Request) -> None:
    write = write_of(request, resource, WriteOptions("CreateOptions"), request.info.name)
    write.options = {}
    attributes = server.registry.attributes(write, CONNECT, _asked(server, write, request), None)
    await server.registry.admission.admit(attributes)
    await server.registry.admission.validate(attributes)


def _asked(server: Server, write: Write, request: Request) -> Document:
    """Return the options of a connection, as admission sees them: those of the query, and the path below."""
    kind = server.registry.kind_of(write)
    found: Document = {"kind": kind.kind, "apiVersion": kind.api_version}
    for name in _FLAGS:
        if request.params(name) and parse_bool(request.param(name)):
            found[name] = True
    if container := request.param("container"):
        found["container"] = container
    if command := request.params("command"):
        found["command"] = list(command)
    if ports := [parse_int(each) for each in request.params("ports")]:
        found["ports"] = ports
    if write.subresource == "proxy" and (path := request.info.path.partition(f"/{request.info.name}/proxy")[2]):
        found["path"] = path
    return found


def _pod(server: Server, request: Request, name: str = "") -> Document:
    name = name or request.info.name
    found = server.registry.get("", "pods", request.info.namespace, name)
    if found is None:
        raise errors.not_found("pods", name)
    return found


def _check_node(server: Server, request: Request, node: str) -> None:
    """Refuse a node that is not there; upstream names it by the kind of the request: ``pods "node-1" not found``."""
    if server.registry.get("", "nodes", "", node) is None:
        raise errors.not_found(request.info.resource, node)


def _container(pod: Document, asked: str) -> str:
    """Return the container that is meant; the only one if none is. Raises APIError 400."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    names = [each["name"] for kind in _CONTAINERS for each in spec.get(kind) or ()]
    if asked:
        if asked not in names:
            raise errors.bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    main: list[Document] = spec.get("containers") or []
    if len(main) == 1:
        return str(main[0]["name"])
    choice = f", choose one of: [{' '.join(names)}]" if main else ""
    raise errors.bad_request(f"a container name must be specified for pod {name}{choice}")


def _log_problems(request: Request) -> list[FieldError]:
    """Return what is wrong with the options of a log."""
    found = []
    numbers = {}
    for name in ("tailLines", "limitBytes", "sinceSeconds"):
        if text := request.param(name):
            numbers[name] = parse_int(text)
    for name in ("follow", "previous", "timestamps"):
        parse_bool(request.param(name))
    if numbers.get("tailLines", 0) < 0:
        found.append(fields.invalid(Path("tailLines"), numbers["tailLines"], _NOT_NEGATIVE))
    if "limitBytes" in numbers and numbers["limitBytes"] < 1:
        found.append(fields.invalid(Path("limitBytes"), numbers["limitBytes"], _POSITIVE))
    if "sinceSeconds" in numbers and request.param("sinceTime"):
        found.append(fields.forbidden(Path("[]"), "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif "sinceSeconds" in numbers and numbers["sinceSeconds"] < 1:
        found.append(fields.invalid(Path("sinceSeconds"), numbers["sinceSeconds"], _POSITIVE))
    return found
