"""The chain: who sees what, and in which order."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.admission.chain import AdmissionChain
from cluster_shim.apiserver.admission.plugin import ANY, CREATE, UPDATE, Attributes, Interest
from cluster_shim.apiserver.admission.plugins import Environment, build_chain, names, unknown
from tests.apiserver.admission.writes import named, pod, write
from tests.apiserver.fakes import FakeObjects


class Note:
    """Writes its name into the object."""

    def __init__(self, name: str, *interests: Interest) -> None:
        self.name = name
        self.interests = interests

    async def admit(self, attributes: Attributes) -> None:
        attributes.new.setdefault("seen", []).append(self.name)


def test_plugins_see_what_they_are_interested_in_in_their_order() -> None:
    everything = Note("everything", Interest((CREATE, UPDATE), ANY, ANY, ANY))
    pods = Note("pods", Interest((CREATE,), "", "pods"))
    status = Note("status", Interest((UPDATE,), "", "pods", "status"))
    chain = AdmissionChain([status, everything, pods])
    new = pod()
    asyncio.run(chain.admit(write("pods", new)))
    assert new["seen"] == ["everything", "pods"]
    changed = pod()
    asyncio.run(chain.admit(write("pods", changed, new, subresource="status")))
    assert changed["seen"] == ["status", "everything"]
    config = named("m")
    asyncio.run(chain.admit(write("configmaps", config)))
    assert config["seen"] == ["everything"]


def chain(objects: FakeObjects, **options: Any) -> AdmissionChain:
    return build_chain(Environment(objects, cast(Any, None)), **options)


def test_a_pod_goes_through_all_plugins() -> None:
    objects = FakeObjects(
        ("", "namespaces", named("n", status={"phase": "Active"})), ("", "serviceaccounts", named("default", "n"))
    )
    new = pod()
    asyncio.run(chain(objects).admit(write("pods", new)))
    spec = new["spec"]
    assert (spec["serviceAccountName"], spec["priority"], spec["preemptionPolicy"]) == (
        "default",
        0,
        "PreemptLowerPriority",
    )
    assert [each["key"] for each in spec["tolerations"]] == [
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    ]
    (volume,) = spec["volumes"]
    assert spec["containers"][0]["volumeMounts"][0]["name"] == volume["name"]
    asyncio.run(chain(objects).validate(write("pods", new)))


def test_a_plugin_that_is_off_does_nothing() -> None:
    with pytest.raises(APIError):
        asyncio.run(chain(FakeObjects()).admit(write("configmaps", named("m"))))
    asyncio.run(chain(FakeObjects(), disable=["NamespaceLifecycle"]).admit(write("configmaps", named("m"))))


def test_names() -> None:
    assert names().index("NamespaceLifecycle") < names().index("Priority") < names().index("ResourceQuota")
    assert unknown(["Priority", "Nonsense"]) == ["Nonsense"]
