"""The records of a KubeSchedulerConfiguration v1 (kube-scheduler/config/v1 types.go), except plugin args.

Attributes are snake_case, wire names are upstream's. Durations are whole nanoseconds. A missing weight is 0, which
means 1 once a profile is expanded. This module reads, merges and checks nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from sched_core.config.args import Args
from sched_core.config.decode import DurationNs, Float32, Int32, Int64

API_VERSION = "kubescheduler.config.k8s.io/v1"
KIND = "KubeSchedulerConfiguration"

EXTENSION_POINTS = (
    "preEnqueue",
    "queueSort",
    "preFilter",
    "filter",
    "postFilter",
    "preScore",
    "score",
    "reserve",
    "permit",
    "preBind",
    "bind",
    "postBind",
    "placementGenerate",
    "placementScore",
)
"""The extension points that a profile can name, without multiPoint."""


class Plugin(Struct, frozen=True, rename="camel"):
    """One entry of an enabled or disabled list."""

    name: str = ""
    weight: Int32 = 0


class PluginSet(Struct, frozen=True, rename="camel"):
    """What is enabled and disabled at one extension point."""

    enabled: tuple[Plugin, ...] = ()
    disabled: tuple[Plugin, ...] = ()


class Plugins(Struct, frozen=True, rename="camel", kw_only=True):
    """The plugin sets of a profile, one an extension point, and multiPoint for all of them."""

    pre_enqueue: PluginSet = PluginSet()
    queue_sort: PluginSet = PluginSet()
    pre_filter: PluginSet = PluginSet()
    filter: PluginSet = PluginSet()
    post_filter: PluginSet = PluginSet()
    pre_score: PluginSet = PluginSet()
    score: PluginSet = PluginSet()
    reserve: PluginSet = PluginSet()
    permit: PluginSet = PluginSet()
    pre_bind: PluginSet = PluginSet()
    bind: PluginSet = PluginSet()
    post_bind: PluginSet = PluginSet()
    multi_point: PluginSet = PluginSet()
    placement_generate: PluginSet = PluginSet()
    placement_score: PluginSet = PluginSet()

    def sets(self) -> dict[str, PluginSet]:
        """Return the plugin sets by upstream's names of the points, multiPoint included."""
        names = zip(self.__struct_encode_fields__, self.__struct_fields__, strict=True)
        return {point: getattr(self, attribute) for point, attribute in names}

    def names(self) -> frozenset[str]:
        """Return the names of all plugins that are enabled anywhere: those that must exist."""
        return frozenset(plugin.name for plugins in self.sets().values() for plugin in plugins.enabled)


class LeaderElectionConfiguration(Struct, frozen=True, rename="camel", kw_only=True):
    """How one of several schedulers becomes the leader (component-base/config/v1alpha1)."""

    leader_elect: bool = True
    lease_duration_ns: DurationNs = field(default=0, name="leaseDuration")
    renew_deadline_ns: DurationNs = field(default=0, name="renewDeadline")
    retry_period_ns: DurationNs = field(default=0, name="retryPeriod")
    resource_lock: str = ""
    resource_name: str = ""
    resource_namespace: str = ""


class ClientConnectionConfiguration(Struct, frozen=True, rename="camel", kw_only=True):
    """How to speak with the API server (component-base/config/v1alpha1)."""

    kubeconfig: str = ""
    accept_content_types: str = ""
    content_type: str = ""
    qps: Float32 = 0.0
    burst: Int32 = 0


class ExtenderTLSConfig(Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """TLS towards an extender; the ``*_data`` are bytes, base64 on the wire."""

    insecure: bool = False
    server_name: str = ""
    cert_file: str = ""
    key_file: str = ""
    ca_file: str = ""
    cert_data: bytes = b""
    key_data: bytes = b""
    ca_data: bytes = b""


class ExtenderManagedResource(Struct, frozen=True, rename="camel", omit_defaults=True):
    """An extended resource that an extender manages."""

    name: str = ""
    ignored_by_scheduler: bool = False


class Extender(Struct, frozen=True, rename="camel", kw_only=True, omit_defaults=True):
    """An HTTP extender; an empty verb is a call that it does not take."""

    url_prefix: str = ""
    filter_verb: str = ""
    preempt_verb: str = ""
    prioritize_verb: str = ""
    weight: Int64 = 0
    bind_verb: str = ""
    enable_https: bool = field(default=False, name="enableHTTPS")
    tls_config: ExtenderTLSConfig | None = None
    http_timeout_ns: DurationNs = field(default=0, name="httpTimeout")
    node_cache_capable: bool = False
    managed_resources: tuple[ExtenderManagedResource, ...] = ()
    ignorable: bool = False


class ProfileConfig(Struct, frozen=True, kw_only=True):
    """A profile: user's plugin sets merged with the defaults, args of every plugin that has any."""

    scheduler_name: str
    percentage_of_nodes_to_score: int | None
    """None: that of the configuration counts."""
    plugins: Plugins
    plugin_config: Mapping[str, Args]
    """Plugin name to args: a record of args.py, for a plugin without one the dict that was given."""


class SchedulerConfiguration(Struct, frozen=True, kw_only=True):
    """A complete and valid KubeSchedulerConfiguration."""

    profiles: tuple[ProfileConfig, ...]
    percentage_of_nodes_to_score: int
    """0: adaptive."""
    parallelism: int
    pod_initial_backoff_seconds: int
    pod_max_backoff_seconds: int
    extenders: tuple[Extender, ...]
    leader_election: LeaderElectionConfiguration
    client_connection: ClientConnectionConfiguration
    enable_profiling: bool
    enable_contention_profiling: bool
    delay_cache_until_active: bool


class PluginConfig(Struct, frozen=True, rename="camel"):
    """Args of one plugin as they are written."""

    name: str = ""
    args: Any = None


class KubeSchedulerProfile(Struct, frozen=True, rename="camel", kw_only=True):
    """A profile as it is written."""

    scheduler_name: str | None = None
    percentage_of_nodes_to_score: Int32 | None = None
    plugins: Plugins | None = None
    plugin_config: tuple[PluginConfig, ...] = ()


class KubeSchedulerConfiguration(Struct, frozen=True, rename="camel", kw_only=True):
    """A configuration as it is written; None: not given."""

    api_version: str = ""
    kind: str = ""
    parallelism: Int32 | None = None
    leader_election: LeaderElectionConfiguration = LeaderElectionConfiguration()
    client_connection: ClientConnectionConfiguration = ClientConnectionConfiguration()
    enable_profiling: bool | None = None
    enable_contention_profiling: bool | None = None
    percentage_of_nodes_to_score: Int32 | None = None
    pod_initial_backoff_seconds: Int64 | None = None
    pod_max_backoff_seconds: Int64 | None = None
    profiles: tuple[KubeSchedulerProfile, ...] = ()
    extenders: tuple[Extender, ...] = ()
    delay_cache_until_active: bool = False
