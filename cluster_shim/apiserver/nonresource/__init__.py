"""Paths that are no resources: discovery, OpenAPI, version, health, metrics and the index of them all."""

from __future__ import annotations

from cluster_shim.apiserver.nonresource import about, discovery, exposition, openapi
from cluster_shim.apiserver.nonresource.health import ENDPOINTS, health
from cluster_shim.apiserver.nonresource.metrics import Metrics
from cluster_shim.apiserver.nonresource.site import Handler, Site

__all__ = ["Handler", "Metrics", "Site", "paths"]


def paths(site: Site) -> dict[str, Handler]:
    """Return the handlers of a site by path; one that ends in ``/`` is for all paths below that have none."""
    found: dict[str, Handler] = {
        **discovery.handlers(site),
        **openapi.handlers(site),
        "/version": about.version_page,
        "/statusz": about.statusz(site),
        "/flagz": about.flagz(site),
        "/metrics": exposition.metrics_page(site),
        "/metrics/slis": exposition.slis_page(site),
        **site.more,
    }
    for endpoint in ENDPOINTS:
        found[f"/{endpoint}"] = found[f"/{endpoint}/"] = health(site, endpoint)
    found["/"] = found["/index.html"] = about.index(site, lambda: found)
    return found
