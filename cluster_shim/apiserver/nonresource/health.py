"""Health: ``/healthz``, ``/livez`` and ``/readyz``, whole or one check at a time.

The checks have upstream's names, since probes ask for them; most of what they stand for is done here before the server
answers at all, so that they share few conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cluster_shim.apiserver.nonresource.site import Handler, Site, page_not_found, text
from cluster_shim.apiserver.request import Request, Response

ENDPOINTS = ("healthz", "livez", "readyz")
READY_ONLY = ("informer-sync", "shutdown")
ALIVE_ONLY = ("loopback-serving-certificate", "etcd")

CHECKS = (
    "ping",
    "log",
    "loopback-serving-certificate",
    "etcd",
    "informer-sync",
    "poststarthook/start-apiserver-admission-initializer",
    "poststarthook/generic-apiserver-start-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/priority-and-fairness-filter",
    "poststarthook/storage-object-count-tracker-hook",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/start-apiextensions-controllers",
    "poststarthook/crd-informer-synced",
    "poststarthook/start-system-namespaces-controller",
    "poststarthook/peer-endpoint-reconciler-controller",
    "poststarthook/start-cluster-authentication-info-controller",
    "poststarthook/start-kube-apiserver-identity-lease-controller",
    "poststarthook/start-kube-apiserver-identity-lease-garbage-collector",
    "poststarthook/storage-readiness",
    "poststarthook/start-legacy-token-tracking-controller",
    "poststarthook/start-service-ip-repair-controllers",
    "poststarthook/rbac/bootstrap-roles",
    "poststarthook/scheduling/bootstrap-system-priority-classes",
    "poststarthook/priority-and-fairness-config-producer",
    "poststarthook/bootstrap-controller",
    "poststarthook/start-kubernetes-service-cidr-controller",
    "poststarthook/start-kube-aggregator-informers",
    "poststarthook/apiservice-status-local-available-controller",
    "poststarthook/apiservice-status-remote-available-controller",
    "poststarthook/apiservice-registration-controller",
    "poststarthook/apiservice-discovery-controller",
    "poststarthook/kube-apiserver-autoregistration",
    "autoregister-completion",
    "poststarthook/apiservice-openapi-controller",
    "poststarthook/apiservice-openapiv3-controller",
    "shutdown",
)
"""All checks, in the order in which they are listed."""


def checks_of(endpoint: str) -> Sequence[str]:
    """Return the names of the checks of an endpoint."""
    hidden = ALIVE_ONLY if endpoint == "readyz" else READY_ONLY
    return [name for name in CHECKS if name not in hidden]


def passes(site: Site, name: str) -> bool:
    """Tell whether a check passes."""
    if name in ("ping", "log", "loopback-serving-certificate"):
        return True
    if name == "etcd":
        return site.store_works()
    return not site.shuts_down() if name == "shutdown" else site.started()


def health(site: Site, endpoint: str) -> Handler:
    """Return the handler of an endpoint and of the checks below it."""
    names = checks_of(endpoint)

    async def handle(_server: object, request: Request) -> Response:
        below = request.path.removeprefix(f"/{endpoint}")
        if not below:
            return _all(endpoint, names, request, lambda name: passes(site, name))
        if below[1:] not in names:
            return page_not_found()
        if passes(site, below[1:]):
            return text("ok")
        return text(f"internal server error: {below[1:]} does not pass\n", 500)

    return handle


def _all(endpoint: str, names: Sequence[str], request: Request, passes: Callable[[str], bool]) -> Response:
    excluded = set(request.params("exclude"))
    lines, healthy = [], True
    for name in names:
        if name in excluded:
            lines.append(f"[+]{name} excluded: ok\n")
        elif passes(name):
            lines.append(f"[+]{name} ok\n")
        else:
            healthy = False
            lines.append(f"[-]{name} failed: reason withheld\n")
    if unknown := sorted(excluded.difference(names)):
        listed = ", ".join(f'"{name}"' for name in unknown)
        lines.append(f"warn: some health checks cannot be excluded: no matches for {listed}\n")
    if not healthy:
        return text(f"{''.join(lines)}{endpoint} check failed\n", 500)
    verbose = any(key == "verbose" for key, _ in request.query)
    return text(f"{''.join(lines)}{endpoint} check passed\n" if verbose else "ok")
