"""The in-tree plugins of 1.36: which there are, where they plug in, which of them a profile has by default.

Sources: framework/plugins/registry.go and the interfaces of each plugin, apis/config/v1/default_plugins.go; feature
gates at their defaults. A plugin stands here whether or not this project has one of that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

UPSTREAM_PLUGINS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        name: frozenset(points.split())
        for name, points in {
            "DefaultBinder": "bind",
            "DefaultPreemption": "preEnqueue postFilter",
            "DynamicResources": "preEnqueue preFilter filter postFilter score reserve preBind",
            "GangScheduling": "preEnqueue permit",
            "ImageLocality": "score",
            "InterPodAffinity": "preFilter filter preScore score",
            "NodeAffinity": "preFilter filter preScore score",
            "NodeDeclaredFeatures": "preFilter filter",
            "NodeName": "filter",
            "NodePorts": "preFilter filter",
            "NodeResourcesBalancedAllocation": "preScore score",
            "NodeResourcesFit": "preFilter filter preScore score placementScore",
            "NodeUnschedulable": "filter",
            "NodeVolumeLimits": "preFilter filter",
            "PodGroupPodsCount": "placementScore",
            "PodTopologySpread": "preFilter filter preScore score",
            "PrioritySort": "queueSort",
            "SchedulingGates": "preEnqueue",
            "TaintToleration": "filter preScore score",
            "TopologyPlacementGenerator": "placementGenerate",
            "VolumeBinding": "preFilter filter preScore score reserve preBind",
            "VolumeRestrictions": "preFilter filter",
            "VolumeZone": "preFilter filter",
        }.items()
    }
)
"""Plugin name to the extension points that it implements, in upstream's spelling."""

DEFAULT_MULTI_POINT: tuple[tuple[str, int], ...] = (
    ("SchedulingGates", 0),
    ("PrioritySort", 0),
    ("NodeUnschedulable", 0),
    ("NodeName", 0),
    ("TaintToleration", 3),
    ("NodeAffinity", 2),
    ("NodePorts", 0),
    ("NodeResourcesFit", 1),
    ("VolumeRestrictions", 0),
    ("NodeVolumeLimits", 0),
    ("VolumeBinding", 0),
    ("VolumeZone", 0),
    ("PodTopologySpread", 2),
    ("InterPodAffinity", 2),
    ("DynamicResources", 2),
    ("DefaultPreemption", 0),
    ("NodeResourcesBalancedAllocation", 1),
    ("ImageLocality", 1),
    ("DefaultBinder", 0),
    ("NodeDeclaredFeatures", 0),
)
"""Plugins of a profile that says nothing, with their weights (0: not set), in order."""

REMOVED_PLUGINS = frozenset({"AzureDiskLimits", "CinderLimits", "EBSLimits", "GCEPDLimits"})
"""Plugins that once were and may not be named any more."""
