"""MutatingAdmissionPolicy in a whole server: apply configurations, JSON patches, order and failures."""

from __future__ import annotations

from typing import Any

from tests.apiserver.admission.policy.manifests import add, submit
from tests.apiserver.whole import Client, looped, whole

KIND = "MutatingAdmission"


def applied(expression: str) -> dict[str, Any]:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


def patched(expression: str) -> dict[str, Any]:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


async def add_mutations(client: Client, *mutations: dict[str, Any], name: str = "p.example.com", **spec: Any) -> None:
    policy = {"reinvocationPolicy": "Never", "mutations": list(mutations), **spec}
    await add(client, KIND, policy, name=name)


@looped
async def test_apply_configurations() -> None:
    async with whole() as client:
        await add_mutations(
            client, applied("Object{metadata: Object.metadata{labels: {'made': object.metadata.name}}}")
        )
        made = await submit(client, metadata={"name": "m", "labels": {"own": "x"}}, data={"a": "1"})
        assert made.status == 201
        assert made.body["metadata"]["labels"] == {"own": "x", "made": "m"}
        assert made.body["data"] == {"a": "1"}


@looped
async def test_json_patches() -> None:
    operations = (
        "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('example.com/b'), value: '2'},"
        " JSONPatch{op: 'remove', path: '/data/a'}]"
    )
    async with whole() as client:
        await add_mutations(client, patched(operations))
        made = await submit(client, metadata={"name": "m", "labels": {"a": "1"}}, data={"a": "1", "b": "2"})
        assert made.body["data"] == {"b": "2"}
        assert made.body["metadata"]["labels"] == {"a": "1", "example.com/b": "2"}
        refused = await submit(client, "n", data={"b": "2"})
        assert refused.status == 403


@looped
async def test_a_test_that_fails_changes_nothing() -> None:
    operations = (
        "[JSONPatch{op: 'test', path: '/data/a', value: '2'}, JSONPatch{op: 'replace', path: '/data/a', value: '3'}]"
    )
    async with whole() as client:
        await add_mutations(client, patched(operations))
        assert (await submit(client, "one", data={"a": "1"})).body["data"] == {"a": "1"}
        assert (await submit(client, "two", data={"a": "2"})).body["data"] == {"a": "3"}


@looped
async def test_each_mutation_sees_what_those_before_it_made() -> None:
    first = patched("[JSONPatch{op: 'add', path: '/data/b', value: '2'}]")
    second = applied("Object{data: {'count': string(object.data.size())}}")
    async with whole() as client:
        await add_mutations(client, first, second)
        made = await submit(client, data={"a": "1"})
        assert made.body["data"] == {"a": "1", "b": "2", "count": "2"}


@looped
async def test_failures() -> None:
    failing = applied("Object{data: {'x': object.data.none}}")
    async with whole() as client:
        await add_mutations(client, failing)
        refused = await submit(client)
        assert refused.status == 403
        assert "no such key: data" in refused.body["message"]
    async with whole() as client:
        await add_mutations(client, failing, failurePolicy="Ignore")
        assert (await submit(client)).status == 201


@looped
async def test_objects_that_are_not_what_their_place_wants() -> None:
    async with whole() as client:
        await add_mutations(client, applied("Object{metadata: Object.spec{labels: {}}}"))
        refused = await submit(client)
        expected = 'type mismatch: unexpected type name "Object.spec", expected "Object.metadata"'
        assert expected in refused.body["message"]
    async with whole() as client:
        await add_mutations(client, patched("[JSONPatch{op: 'add', path: '/none', value: 'x'}]"))
        refused = await submit(client)
        text = 'Internal error occurred: strict decoding error: unknown field "none"'
        assert (refused.status, refused.body["message"]) == (500, text)


@looped
async def test_conditions() -> None:
    conditions = [{"name": "wanted", "expression": "object.metadata.name.startsWith('x')"}]
    async with whole() as client:
        await add_mutations(client, applied("Object{data: {'x': '1'}}"), matchConditions=conditions)
        assert "data" not in (await submit(client, "m")).body
        assert (await submit(client, "x1")).body["data"] == {"x": "1"}


@looped
async def test_a_second_round() -> None:
    """The first policy by name sees on its second turn what the other made."""
    copied = applied("Object{data: {'copied': object.data.?late.orValue('no')}}")
    late = applied("Object{data: {'late': 'yes'}}")
    for wanted, policy in (("no", "Never"), ("yes", "IfNeeded")):
        async with whole() as client:
            await add_mutations(client, copied, name="a.example.com", reinvocationPolicy=policy)
            await add_mutations(client, late, name="b.example.com")
            made = await submit(client, data={"x": "1"})
            assert made.body["data"] == {"x": "1", "late": "yes", "copied": wanted}
