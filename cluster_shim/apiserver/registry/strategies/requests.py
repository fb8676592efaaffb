"""What no row says of certificate signing requests: who asks is the server's, conditions have times."""

from __future__ import annotations

from cluster_shim.apiserver.registry.strategies.strategy import Hooks, Object
from cluster_shim.apiserver.request import UserInfo


def _create(obj: Object, user: UserInfo, now: str) -> None:
    spec = obj["spec"]
    for name in ("username", "uid", "groups", "extra"):
        spec.pop(name, None)
    members = {
        "username": user.name,
        "uid": user.uid,
        "groups": list(user.groups),
        "extra": {key: list(values) for key, values in user.extra.items()},
    }
    spec.update({name: value for name, value in members.items() if value})


def _update(new: Object, old: Object, now: str) -> None:
    new["spec"] = old["spec"]


def _subresource(subresource: str, new: Object, old: Object, now: str) -> bool:
    new["spec"] = old["spec"]
    conditions = [dict(each) for each in new.get("status", {}).get("conditions") or ()]
    before = old.get("status", {}).get("conditions") or []
    if subresource == "status":
        for decision in ("Approved", "Denied"):
            _preserve(conditions, before, decision)
    for condition in conditions:
        _fill_times(condition, before, now)
    status = old.get("status", {}) if subresource == "approval" else new.get("status", {})
    new["status"] = {key: value for key, value in status.items() if key != "conditions"}
    if conditions:
        new["status"]["conditions"] = conditions
    return True


def _preserve(conditions: list[Object], before: list[Object], decision: str) -> None:
    places = [place for place, each in enumerate(conditions) if each.get("type") == decision]
    kept = [each for each in before if each.get("type") == decision]
    if len(places) == len(kept):
        for place, each in zip(places, kept, strict=True):
            conditions[place] = each


def _fill_times(condition: Object, before: list[Object], now: str) -> None:
    if not condition.get("lastUpdateTime"):
        condition["lastUpdateTime"] = now
    if not condition.get("lastTransitionTime"):
        same = (
            each["lastTransitionTime"]
            for each in before
            if each.get("type") == condition.get("type")
            and each.get("status") == condition.get("status")
            and each.get("lastTransitionTime")
        )
        condition["lastTransitionTime"] = next(same, now)


HOOKS = {"certificate_signing_request": Hooks(_create, _update, _subresource)}
