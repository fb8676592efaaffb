"""Binding: POST of a Binding gives a pod its node, through ``pods/binding`` or through ``bindings``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster_shim.api import errors
from cluster_shim.api.resources import GroupVersionKind, Resource
from cluster_shim.apiserver.admission.plugin import CREATE, joined
from cluster_shim.apiserver.handlers import body
from cluster_shim.apiserver.handlers.writing import write_of
from cluster_shim.apiserver.negotiation import PLAIN, negotiate
from cluster_shim.apiserver.options import write_options
from cluster_shim.apiserver.registry import binding, objects
from cluster_shim.apiserver.registry.registry import Registry, Write
from cluster_shim.apiserver.rendering import document_response, encoded, is_pretty
from cluster_shim.apiserver.request import Request, Response
from cluster_shim.storage.store import Changed

if TYPE_CHECKING:
    from cluster_shim.apiserver.server import Server

GVK = GroupVersionKind("", "v1", "Binding")
ATTEMPTS = 5
SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
_SUCCESS = encoded(SUCCESS, PLAIN)


async def bind(server: Server, resource: Resource, request: Request) -> Response:
    """Give a pod the node that the body names."""
    registry, info = server.registry, request.info
    output = negotiate(request.header("accept"), has_table=False)
    options = write_options(request, "CreateOptions")
    sent = body.decoded(request, resource, GVK, options)
    body.match_namespace(resource, info.namespace, sent)
    name = info.name or sent["metadata"].get("name", "")
    if not name:
        raise errors.bad_request("Name parameter required.")
    write = write_of(request, resource, options, name)
    await registry.admission.admit(registry.attributes(write, CREATE, sent, None))
    if write.name != sent["metadata"].get("name", ""):
        raise errors.bad_request("name in URL does not match name in Binding object")
    found = binding.problems(sent)
    if found:
        raise errors.unclassified(joined(each.message() for each in found))
    await registry.admission.validate(registry.attributes(write, CREATE, sent, None))
    pods = registry.catalogue.find("", "v1", "pods")
    if pods is None:
        raise errors.unknown_path()
    await _bind(registry, write, pods, sent)
    if output == PLAIN and not is_pretty(request):
        return Response(201, _SUCCESS)
    return document_response(request, resource, SUCCESS, output, 201)


async def _bind(registry: Registry, write: Write, pods: Resource, sent: dict[str, Any]) -> None:
    key = pods.key_of(write.namespace, write.name)
    async with registry.locked(key):
        for _ in range(ATTEMPTS):
            entry = registry.entry(pods, write.namespace, write.name)
            value = binding.bound_text(entry.value, sent, write.now)
            if value is None:
                pod = objects.load(entry, pods)
                _check_preconditions(key, sent["metadata"], pod["metadata"])
                value = objects.encoded(binding.bound(pod, sent, write.now))
            if write.dry_run:
                return
            try:
                await registry.store.update(key, value, entry.revision)
                return
            except Changed:  # another server was faster
                await registry.store.current()
    raise errors.conflict("pods", write.name, errors.MODIFIED)


def _check_preconditions(key: str, wanted: dict[str, Any], metadata: dict[str, Any]) -> None:
    for member, what in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        expected, actual = wanted.get(member), metadata.get(member, "")
        if expected and expected != actual:
            message = (
                f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
                f"Precondition failed: {what} in precondition: {expected}, {what} in object meta: {actual}"
            )
            raise errors.conflict("pods", metadata["name"], message)
