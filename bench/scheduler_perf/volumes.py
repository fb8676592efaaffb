"""Pods with a volume and a claim each, bound to each other when they are created (upstream: test/utils/runners.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from bench.scheduler_perf.api import Api
from bench.scheduler_perf.objects import ObjectTemplate
from bench.scheduler_perf.types import CreatePods
from sched_core import ObjectReference, PersistentVolume, PersistentVolumeClaim, Pod, Volume
from sched_core.objects.records import (
    PersistentVolumeClaimStatus,
    PersistentVolumeClaimVolumeSource,
    PersistentVolumeStatus,
)


class VolumeMaker:
    """Makes the volumes ``<namespace>-vol-<i>`` and the claims ``pvc-<i>`` from a template each."""

    def __init__(self, volume: ObjectTemplate, claim: ObjectTemplate) -> None:
        self._volume: Any = volume.make(0, 1)
        self._claim: Any = claim.make(0, 1)

    @classmethod
    def of(cls, operation: CreatePods, templates: Mapping[str, ObjectTemplate]) -> VolumeMaker | None:
        """Return what makes the volumes of an operation; None if its pods have none."""
        volume, claim = operation.persistent_volume_template_path, operation.persistent_volume_claim_template_path
        return cls(templates[volume], templates[claim]) if volume and claim else None

    def create(self, api: Api, pod: Pod, namespace: str, number: int) -> Pod:
        """Create the claim and the volume of a pod; return the pod that uses them, and no other volumes."""
        claim_name, volume_name = f"pvc-{number}", f"{namespace}-vol-{number}"
        claim: PersistentVolumeClaim = replace(
            self._claim,
            spec=replace(self._claim.spec, volume_name=volume_name),
            status=PersistentVolumeClaimStatus(phase="Bound"),
        )
        spec = replace(
            self._volume.spec,
            claim_ref=ObjectReference(
                kind="PersistentVolumeClaim", namespace=namespace, name=claim_name, api_version="v1"
            ),
        )
        if spec.csi is not None:
            spec = replace(spec, csi=replace(spec.csi, volume_handle=volume_name))
        elif spec.aws_elastic_block_store is not None:
            source = replace(spec.aws_elastic_block_store, volume_id=f"vol-{number}")
            spec = replace(spec, aws_elastic_block_store=source)
        volume: PersistentVolume = replace(self._volume, spec=spec, status=PersistentVolumeStatus(phase="Bound"))
        api.create(claim, namespace, name=claim_name)
        api.create(volume, name=volume_name)
        source_of_claim = PersistentVolumeClaimVolumeSource(claim_name=claim_name)
        use = Volume(name="vol", persistent_volume_claim=source_of_claim)
        return replace(pod, spec=replace(pod.spec, volumes=(use,)))
