"""The default roles and bindings of a cluster in an RBAC authorizer, without a store."""

from __future__ import annotations

from cluster_shim.apiserver.authorization.rbac import RBAC
from cluster_shim.apiserver.bootstrap.wanted import rbac
from cluster_shim.apiserver.request import RequestInfo, UserInfo


def default_rbac(aggregate: bool = True) -> RBAC:
    authorizer = RBAC(aggregate)
    for each in rbac():
        metadata = each.object["metadata"]
        authorizer.put(each.resource, metadata.get("namespace", ""), metadata["name"], each.object)
    return authorizer


def user(name: str, *groups: str) -> UserInfo:
    return UserInfo(name, "", groups)


def resource(
    verb: str, resource: str, group: str = "", namespace: str = "", name: str = "", subresource: str = ""
) -> RequestInfo:
    return RequestInfo(
        verb,
        "",
        is_resource=True,
        group=group,
        resource=resource,
        subresource=subresource,
        namespace=namespace,
        name=name,
    )


def path(verb: str, path: str) -> RequestInfo:
    return RequestInfo(verb, path)
