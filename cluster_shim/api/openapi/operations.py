"""Operations: which paths a resource has, and which methods under each; in the same form for both OpenAPI versions.

Upstream: apiserver/pkg/endpoints/installer.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from cluster_shim.api.resources import GroupVersionKind, Resource, Subresource

LIST_PARAMETERS = (
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
)
DELETE_PARAMETERS = (
    "dryRun",
    "gracePeriodSeconds",
    "ignoreStoreReadErrorWithClusterBreakingPotential",
    "orphanDependents",
    "propagationPolicy",
)
COLLECTION_PARAMETERS = tuple(sorted({*LIST_PARAMETERS, *DELETE_PARAMETERS} - {"allowWatchBookmarks", "watch"}))
WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")
PATCH_PARAMETERS = (*WRITE_PARAMETERS, "force")

PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
STREAM = ";stream=watch"
JSON, PROTOBUF, YAML = "application/json", "application/vnd.kubernetes.protobuf", "application/yaml"
OBJECT_TYPES = (JSON, PROTOBUF, YAML)
STREAM_TYPES = (JSON, JSON + STREAM, PROTOBUF, PROTOBUF + STREAM, YAML)
CUSTOM_TYPES = (JSON, YAML)
ANYTHING = ("*/*",)

PROXY_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")

STATUS = "meta/v1.Status"
DELETE_OPTIONS = "meta/v1.DeleteOptions"
PATCH = "meta/v1.Patch"
WATCH_EVENT = "meta/v1.WatchEvent"
TEXT = ""
"""What an operation takes or gives: a kind, a type by its name, or a plain text."""

Shape = GroupVersionKind | str


@dataclass
class Operation:
    """One method of one path."""

    path: str
    method: str
    id: str
    tag: str
    about: str
    action: str
    kind: GroupVersionKind
    gives: Shape
    statuses: tuple[int, ...] = (200,)
    takes: Shape | None = None
    must_take: bool = True
    parameters: tuple[str, ...] = ()
    """Names of query parameters; those of the path follow from it."""
    produces: tuple[str, ...] = OBJECT_TYPES
    consumes: tuple[str, ...] = ANYTHING
    path_parameters: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.path_parameters = tuple(re.findall(r"{(\w+)}", self.path))


def group_identifier(group: str) -> str:
    """Return a group as identifiers have it: ``rbacAuthorization``, ``exampleCom``, ``core``."""
    first, *others = (group.removesuffix(".k8s.io") or "core").split(".")
    return first + "".join(_title(part) for part in others)


def _title(text: str) -> str:
    return text[:1].upper() + text[1:]


def tag_of(group: str, version: str) -> str:
    """Return the tag under which the operations of a group and version stand."""
    return f"{group_identifier(group)}_{version}"


def identifier(group: str, version: str) -> str:
    """Return what stands in the middle of the ids of a group and version: ``AppsV1``."""
    return _title(group_identifier(group)) + _title(version)


def operations(resource: Resource) -> Iterator[Operation]:
    """Yield all operations of a resource and its subresources."""
    yield from _Maker(resource).all()


class _Maker:
    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.group_version = identifier(resource.group, resource.version)
        self.root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.api_version}"
        self.below = "namespaces/{namespace}/" if resource.namespaced else ""
        self.scope = "Namespaced" if resource.namespaced else ""
        self.custom = resource.custom is not None
        self.collection = f"{self.root}/{self.below}{resource.name}"
        self.object = f"{self.collection}/{{name}}"
        self.list_of = GroupVersionKind(resource.group, resource.version, resource.list_kind or f"{resource.kind}List")

    def all(self) -> Iterator[Operation]:
        resource = self.resource
        for verb in ("list", "create", "deletecollection", "get", "update", "delete", "patch"):
            if verb in resource.verbs:
                yield getattr(self, verb)()
        if resource.namespaced:
            yield from self._everywhere()
        for subresource in resource.subresources.values():
            yield from self._below(subresource)
        if "watch" in resource.verbs and not self.custom:
            yield from self._watches()

    def _made(
        self, path: str, method: str, verb: str, about: str, action: str, gives: Shape, **more: object
    ) -> Operation:
        middle, _, name = verb.partition(" ")
        identity = f"{middle}{self.group_version}{name or self.scope + self.resource.kind}"
        made = Operation(
            path, method, identity, tag_of(self.resource.group, self.resource.version), about, action,
            self.resource.gvk, gives,
        )  # fmt: skip
        if self.custom:
            made.produces = made.consumes = CUSTOM_TYPES
        for key, value in more.items():
            setattr(made, key, value)
        return made

    def list(self) -> Operation:
        about = f"list or watch objects of kind {self.resource.kind}"
        produces = CUSTOM_TYPES if self.custom else STREAM_TYPES
        return self._made(
            self.collection, "get", "list", about, "list", self.list_of, parameters=LIST_PARAMETERS, produces=produces
        )

    def _everywhere(self) -> Iterator[Operation]:
        if "list" in self.resource.verbs:
            made = self.list()
            made.path = f"{self.root}/{self.resource.name}"
            made.id = f"list{self.group_version}{self.resource.kind}ForAllNamespaces"
            made.path_parameters = ()
            yield made

    def create(self) -> Operation:
        kind = self.resource.gvk
        return self._made(
            self.collection, "post", "create", f"create {_article(kind.kind)}", "post", kind,
            takes=kind, statuses=(200, 201, 202), parameters=WRITE_PARAMETERS,
        )  # fmt: skip

    def deletecollection(self) -> Operation:
        verb = f"delete Collection{self.scope}{self.resource.kind}"
        made = self._made(
            self.collection, "delete", verb, f"delete collection of {self.resource.kind}", "deletecollection", STATUS,
            parameters=LIST_PARAMETERS if self.custom else COLLECTION_PARAMETERS,
        )  # fmt: skip
        if not self.custom:
            made.takes, made.must_take = DELETE_OPTIONS, False
        return made

    def get(self) -> Operation:
        parameters = ("resourceVersion",) if self.custom else ()
        about = f"read the specified {self.resource.kind}"
        return self._made(self.object, "get", "read", about, "get", self.resource.gvk, parameters=parameters)

    def update(self) -> Operation:
        kind = self.resource.gvk
        about = f"replace the specified {kind.kind}"
        return self._made(
            self.object, "put", "replace", about, "put", kind,
            takes=kind, statuses=(200, 201), parameters=WRITE_PARAMETERS,
        )  # fmt: skip

    def delete(self) -> Operation:
        about = f"delete {_article(self.resource.kind)}"
        gives: Shape = self.resource.gvk if self.resource.name in RETURNED_WHEN_DELETED else STATUS
        return self._made(
            self.object, "delete", "delete", about, "delete", gives,
            takes=DELETE_OPTIONS, must_take=False, statuses=(200, 202), parameters=DELETE_PARAMETERS,
        )  # fmt: skip

    def patch(self) -> Operation:
        about = f"partially update the specified {self.resource.kind}"
        return self._made(
            self.object, "patch", "patch", about, "patch", self.resource.gvk,
            takes=PATCH, consumes=PATCH_TYPES[:3] if self.custom else PATCH_TYPES,
            statuses=(200,) if self.custom else (200, 201), parameters=PATCH_PARAMETERS,
        )  # fmt: skip

    def _below(self, subresource: Subresource) -> Iterator[Operation]:
        name = subresource.name
        if subresource.gvk.kind.endswith("Options"):
            yield from self._connections(subresource)
            return
        base = {"get": self.get, "update": self.update, "patch": self.patch, "create": self.create}
        for verb in subresource.verbs:
            made = base[verb]()
            made.path = f"{self.object}/{name}"
            made.path_parameters = tuple(re.findall(r"{(\w+)}", made.path))
            made.id += _title(name)
            made.about = made.about.replace("the specified", f"{name} of the specified")
            if verb == "create":
                made.about = f"create {name} of {_article(self.resource.kind)}"
            if not self.custom:
                made.kind = subresource.gvk
            made.gives = subresource.gvk
            if made.takes is not None and verb != "patch":
                made.takes = subresource.gvk
            if name == "log":
                made.gives, made.parameters = TEXT, CONNECT_PARAMETERS["PodLogOptions"]
                made.kind, made.produces = self.resource.gvk, (*OBJECT_TYPES, "text/plain")
            yield made

    def _connections(self, subresource: Subresource) -> Iterator[Operation]:
        name = subresource.name
        methods = PROXY_METHODS if name == "proxy" else ("get", "post")
        for method in methods:
            verb = f"connect {_title(method)}{self.scope}{self.resource.kind}{_title(name)}"
            about = f"connect {method.upper()} requests to {name} of {self.resource.kind}"
            made = self._made(
                f"{self.object}/{name}", method, verb, about, "connect", TEXT,
                kind=subresource.gvk, parameters=CONNECT_PARAMETERS[subresource.gvk.kind], produces=ANYTHING,
            )  # fmt: skip
            yield made
            if name == "proxy":
                yield self._made(
                    f"{self.object}/{name}/{{path}}", method, f"{verb}WithPath", about, "connect", TEXT,
                    kind=subresource.gvk, parameters=made.parameters, produces=ANYTHING,
                )  # fmt: skip

    def _watches(self) -> Iterator[Operation]:
        """Yield the paths by which one watched before there was a parameter for it."""
        kind, root = self.resource.kind, f"{self.root}/watch"
        many = f"watch individual changes to a list of {kind}; deprecated, list with the parameter 'watch' instead"
        one = f"watch changes to an object of kind {kind}; deprecated, list with 'watch' and 'fieldSelector' instead"
        paths = [
            (f"{root}/{self.below}{self.resource.name}", f"watch {self.scope}{kind}List", many, "watchlist"),
            (f"{root}/{self.below}{self.resource.name}/{{name}}", f"watch {self.scope}{kind}", one, "watch"),
        ]
        if self.resource.namespaced:
            paths.append((f"{root}/{self.resource.name}", f"watch {kind}ListForAllNamespaces", many, "watchlist"))
        for path, verb, about, action in paths:
            yield self._made(
                path, "get", verb, about, action, WATCH_EVENT, parameters=LIST_PARAMETERS, produces=STREAM_TYPES
            )


def _article(kind: str) -> str:
    return f"{'an' if kind[:1] in 'AEIOU' else 'a'} {kind}"


RETURNED_WHEN_DELETED = frozenset(
    (
        "csidrivers",
        "csinodes",
        "deviceclasses",
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "podtemplates",
        "resourceclaims",
        "resourceclaimtemplates",
        "resourcequotas",
        "resourceslices",
        "serviceaccounts",
        "services",
        "storageclasses",
        "volumeattachments",
        "volumeattributesclasses",
    )
)
"""Resources of which a deletion answers with the object instead of a Status."""

CONNECT_PARAMETERS = {
    "PodAttachOptions": ("container", "stderr", "stdin", "stdout", "tty"),
    "PodExecOptions": ("command", "container", "stderr", "stdin", "stdout", "tty"),
    "PodLogOptions": (
        "container",
        "follow",
        "insecureSkipTLSVerifyBackend",
        "limitBytes",
        "previous",
        "sinceSeconds",
        "stream",
        "tailLines",
        "timestamps",
    ),
    "PodPortForwardOptions": ("ports",),
    "PodProxyOptions": ("path",),
    "NodeProxyOptions": ("path",),
    "ServiceProxyOptions": ("path",),
}
