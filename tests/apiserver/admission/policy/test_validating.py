"""ValidatingAdmissionPolicy in a whole server: what is refused, with what words, and what passes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.apiserver.admission.policy.manifests import REGISTRATION, add, of_kind, submit
from tests.apiserver.whole import Client, looped, whole

DENY = {"validationActions": ["Deny"]}
KIND = "ValidatingAdmission"
DENIED = "ValidatingAdmissionPolicy 'p.example.com' with binding 'p.example.com' denied request: "


async def add_rule(client: Client, expression: str, binding: Any = None, **spec: Any) -> None:
    rule = {"expression": expression, **spec.pop("rule", {})}
    await add(client, KIND, {"validations": [rule], **spec}, {**DENY, **(binding or {})})


@looped
async def test_what_does_not_hold_is_refused() -> None:
    async with whole() as client:
        await add_rule(
            client, "object.data.size() < 2", rule={"messageExpression": "'has ' + string(object.data.size())"}
        )
        refused = await submit(client, data={"a": "1", "b": "2"})
        assert (refused.status, refused.body["reason"]) == (422, "Invalid")
        assert refused.body["message"] == f'configmaps "m" is forbidden: {DENIED}has 2'
        assert (await submit(client, data={"a": "1"})).status == 201
        changed = await client(
            "PATCH", "/api/v1/namespaces/default/configmaps/m", {"data": {"b": "2"}}, "application/merge-patch+json"
        )
        assert changed.status == 422
        assert (await client("DELETE", "/api/v1/namespaces/default/configmaps/m")).status == 200


@pytest.mark.parametrize(
    ("rule", "status", "text"),
    [
        ({}, 422, "failed expression: false"),
        ({"message": "not so", "reason": "Forbidden"}, 403, "not so"),
        ({"message": "not so", "messageExpression": "'x' + object.data.none"}, 422, "not so"),
        ({"message": "not so", "reason": "RequestEntityTooLarge", "messageExpression": "' '"}, 413, "not so"),
        ({"messageExpression": r"'two\nlines'"}, 422, "failed expression: false"),
    ],
)
@looped
async def test_messages(rule: dict[str, str], status: int, text: str) -> None:
    async with whole() as client:
        await add_rule(client, "false", rule=rule)
        refused = await submit(client, data={"a": "1"})
        assert (refused.status, refused.body["message"]) == (status, f'configmaps "m" is forbidden: {DENIED}{text}')


@looped
async def test_failures() -> None:
    failing = "object.data.none == 'x'"
    async with whole() as client:
        await add_rule(client, failing)
        refused = await submit(client, data={})
        text = f"expression '{failing}' resulted in error: no such key: data"
        assert refused.body["message"].endswith(f"denied request: {text}")
    async with whole() as client:
        await add_rule(client, failing, failurePolicy="Ignore")
        assert (await submit(client)).status == 201


@looped
async def test_an_evaluation_costs_what_it_may_and_no_more() -> None:
    nested = "true"
    numbers = str(list(range(20)))
    for name in "abcdef":
        nested = f"{numbers}.all({name}, {nested})"
    async with whole() as client:
        await add_rule(client, nested)
        refused = await submit(client)
        assert refused.status == 422
        assert "cost limit exceeded" in refused.body["message"]


@looped
async def test_variables_and_conditions() -> None:
    variables = [
        {"name": "team", "expression": "object.metadata.labels['team']"},
        {"name": "known", "expression": "variables.team in ['a', 'b']"},
    ]
    conditions = [{"name": "labelled", "expression": "has(object.metadata.labels)"}]
    async with whole() as client:
        await add_rule(client, "variables.known", variables=variables, matchConditions=conditions)
        assert (await submit(client, "one")).status == 201
        refused = await submit(client, metadata={"name": "two", "labels": {"team": "c"}})
        assert refused.body["message"].endswith("failed expression: variables.known")
        assert (await submit(client, metadata={"name": "two", "labels": {"team": "b"}})).status == 201


@looped
async def test_parameters() -> None:
    rule = {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "rule": {"messageExpression": "string(params.data.max)"},
    }
    reference = {"name": "limits", "namespace": "kube-system", "parameterNotFoundAction": "Deny"}
    async with whole() as client:
        await add_rule(client, "object.data.size() <= int(params.data.max)", {"paramRef": reference}, **rule)
        refused = await submit(client)
        text = "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"
        assert refused.body["message"].endswith(f"denied request: {text}")
        limits = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "limits"}, "data": {"max": "1"}}
        await client("POST", "/api/v1/namespaces/kube-system/configmaps", limits)
        assert (await submit(client, "one", data={"a": "1"})).status == 201
        refused = await submit(client, "two", data={"a": "1", "b": "2"})
        assert refused.body["message"].endswith("denied request: 1")


@looped
async def test_warnings() -> None:
    async with whole() as client:
        await add_rule(client, "false", {"validationActions": ["Warn", "Audit"]}, rule={"message": "careful"})
        made = await submit(client)
        text = "Validation failed for ValidatingAdmissionPolicy 'p.example.com' with binding 'p.example.com': careful"
        assert (made.status, made.warnings) == (201, [f'299 - "{text}"'])


@looped
async def test_what_a_rule_knows() -> None:
    told = (
        "[request.operation, request.userInfo.username, request.kind.kind, string(namespaceObject.metadata.name),"
        " string(oldObject == null)].join(' ')"
    )
    may_list = "authorizer.group('').resource('pods').check('list').allowed()"
    async with whole() as client:
        await add_rule(client, f"!{may_list}", rule={"messageExpression": told})
        refused = await submit(client)
        assert refused.body["message"].endswith("denied request: CREATE admin ConfigMap default true")


@looped
async def test_a_policy_goes_with_its_binding() -> None:
    async with whole() as client:
        await add_rule(client, "false")
        assert (await submit(client)).status == 422
        await client("DELETE", f"{REGISTRATION}/validatingadmissionpolicybindings/p.example.com")
        assert (await submit(client)).status == 201


@looped
async def test_an_expression_that_does_not_compile() -> None:
    policy = of_kind(f"{KIND}Policy", "p", {"validations": [{"expression": "object.metadata.nme == 'a' &&"}]})
    async with whole() as client:
        refused = await client("POST", f"{REGISTRATION}/validatingadmissionpolicies", policy)
        assert refused.status == 422
        assert "compilation failed: ERROR: <input>:1:" in refused.body["message"]
