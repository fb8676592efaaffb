"""The rules of the kinds of the core group and of events.k8s.io."""

from __future__ import annotations

from cluster_shim.api.validation.core import (
    claim,
    config,
    endpoints,
    event,
    namespace,
    node,
    persistent_volume,
    pod,
    pod_resize,
    pod_status,
    pod_update,
    quota,
    replication_controller,
    service,
)
from cluster_shim.api.validation.rules import Rules

POD = Rules(
    pod.create,
    pod_update.update,
    {
        "status": pod_status.update,
        "ephemeralcontainers": pod_update.ephemeral_containers,
        "resize": pod_resize.update,
    },
)
POD_TEMPLATE = Rules(replication_controller.create_template, replication_controller.update_template)
REPLICATION_CONTROLLER = Rules(
    replication_controller.create,
    replication_controller.update,
    {"status": replication_controller.update_status},
)
SERVICE = Rules(service.create, service.update, {"status": service.update_status})
ENDPOINTS = Rules(endpoints.create, endpoints.update)
NAMESPACE = Rules(
    namespace.create, namespace.update, {"status": namespace.update_status, "finalize": namespace.finalize}
)
NODE = Rules(node.create, node.update, {"status": node.update_status})
PERSISTENT_VOLUME = Rules(
    persistent_volume.create, persistent_volume.update, {"status": persistent_volume.update_status}
)
CLAIM = Rules(claim.create, claim.update, {"status": claim.update_status})
CONFIG_MAP = Rules(config.create_config_map, config.update_config_map)
SECRET = Rules(config.create_secret, config.update_secret)
SERVICE_ACCOUNT = Rules(config.create_service_account, config.update_service_account)
LIMIT_RANGE = Rules(quota.create_limit_range, quota.update_limit_range)
QUOTA = Rules(quota.create_quota, quota.update_quota, {"status": quota.update_quota_status})
EVENT = Rules(event.create, event.update, has_metadata=False)
NEWER_EVENT = Rules(event.create_newer, event.update_newer)
