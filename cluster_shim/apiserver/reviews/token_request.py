"""TokenRequest (``serviceaccounts/token``): makes a token of a service account.

Upstream: registry/core/serviceaccount/storage/token.go, pkg/serviceaccount/claims.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from cluster_shim.api import errors, fields
from cluster_shim.api.fields import FieldError, Path, quoted
from cluster_shim.api.resources import gvk_of
from cluster_shim.apiserver.authentication import users
from cluster_shim.apiserver.request import Request
from cluster_shim.apiserver.reviews.facilities import Facilities, Object, time

KIND, GROUP = "TokenRequest", "authentication.k8s.io"
DEFAULT_SECONDS = 3600
MINIMUM_SECONDS = 600
MAXIMUM_SECONDS = 1 << 32

WARN_ONLY_SECONDS = 3607
"""What kubelets ask for on behalf of pods that were made before tokens had an end: such tokens live on for a year."""

EXTENDED_SECONDS = 365 * 24 * 3600


def asked(request: Request, body: Object) -> Object:
    """Return a request as those see it who may change it: with its namespace and its time."""
    spec = {"audiences": None, "boundObjectRef": None, **(body.get("spec") or {})}
    if spec.get("expirationSeconds") is None:
        spec["expirationSeconds"] = DEFAULT_SECONDS
    metadata = {"namespace": request.info.namespace, **(body.get("metadata") or {})}
    return {**body, "metadata": metadata, "spec": spec}


def granted(request: Request, body: Object, server: Facilities) -> Object:
    """Return a request with all that it leaves open. Raises APIError 400, 404, 409 and 422."""
    namespace, name = request.info.namespace, request.info.name
    _check_metadata(body, namespace, name)
    account = _get(server, "serviceaccounts", namespace, name)
    metadata = account["metadata"]
    asked_uid = (body.get("metadata") or {}).get("uid")
    if asked_uid and asked_uid != metadata["uid"]:
        message = f"the UID in the token request ({asked_uid}) does not match the UID of the service account"
        raise errors.conflict(KIND, name, f"{message} ({metadata['uid']})", GROUP)
    return _granted(body, namespace, name, metadata["uid"], server)


def token_request(request: Request, body: Object, server: Facilities) -> Object:
    """Make a token."""
    namespace, name = request.info.namespace, request.info.name
    body = granted(request, body, server)
    metadata, spec = _get(server, "serviceaccounts", namespace, name)["metadata"], body["spec"]
    if found := _check_seconds(spec["expirationSeconds"]):
        raise errors.invalid(KIND, "", found, GROUP)
    bound = _bound(spec["boundObjectRef"], namespace, name, server)
    now = int(server.now())
    claims = _claims(metadata, spec, bound, now, server)
    request.annotations["authentication.kubernetes.io/issued-credential-id"] = f"JTI={claims['jti']}"
    status = {"token": server.signer.sign(claims), "expirationTimestamp": time(now + spec["expirationSeconds"])}
    return {**body, "status": status}


def _check_metadata(body: Object, namespace: str, name: str) -> None:
    metadata = body.get("metadata") or {}
    if metadata.get("namespace", namespace) != namespace:
        message = "the namespace of the provided object does not match the namespace sent on the request"
        raise errors.bad_request(message)
    if (given := metadata.get("name", name)) != name:
        path = Path("metadata").child("name")
        error = fields.invalid(path, given, "must match the service account name if specified")
        raise errors.invalid(KIND, name, [error], GROUP)


def _granted(body: Object, namespace: str, name: str, uid: str, server: Facilities) -> Object:
    """Return a request with all that it leaves open."""
    asked = body.get("spec") or {}
    seconds = asked.get("expirationSeconds")
    return {
        "kind": KIND,
        "apiVersion": f"{GROUP}/v1",
        "metadata": {
            **(body.get("metadata") or {}),
            **{"name": name, "namespace": namespace, "uid": uid, "creationTimestamp": time(server.now())},
        },
        "spec": {
            "audiences": list(asked.get("audiences") or server.authenticator.audiences),
            "expirationSeconds": DEFAULT_SECONDS if seconds is None else seconds,
            "boundObjectRef": asked.get("boundObjectRef"),
        },
        "status": {"token": "", "expirationTimestamp": None},
    }


def _check_seconds(seconds: int) -> list[FieldError]:
    path = Path("spec").child("expirationSeconds")
    if seconds < MINIMUM_SECONDS:
        return [fields.invalid(path, seconds, "may not specify a duration less than 10 minutes")]
    if seconds > MAXIMUM_SECONDS:
        return [fields.invalid(path, seconds, "may not specify a duration larger than 2^32 seconds")]
    return []


def _bound(ref: Mapping[str, Any] | None, namespace: str, account: str, server: Facilities) -> dict[str, Object]:
    """Return the claims about the object that a token is to be bound to. Raises 400, 404 and 409."""
    if ref is None:
        return {}
    gvk = gvk_of(ref)
    kind = gvk.kind if not gvk.group else ""
    name = ref.get("name", "")
    if kind == "Pod":
        found = _get(server, "pods", namespace, name)
        if found["spec"].get("serviceAccountName") != account:
            text = f"cannot bind token for serviceaccount {quoted(account)} to pod running"
            raise errors.bad_request(f"{text} with different serviceaccount name.")
        claims = {"pod": _ref(found), **_node_of(found, server)}
    elif kind in ("Node", "Secret"):
        resource = f"{kind.lower()}s"
        found = _get(server, resource, namespace if kind == "Secret" else "", name)
        claims = {kind.lower(): _ref(found)}
    else:
        written = f"{gvk.group}/{gvk.version}, Kind={gvk.kind}"
        raise errors.bad_request(f"cannot bind token to object of type {written}")
    uid = found["metadata"]["uid"]
    if ref.get("uid") and ref["uid"] != uid:
        message = f"the UID in the bound object reference ({ref['uid']}) does not match the UID in record."
        raise errors.conflict(
            gvk.kind, name, f"{message} The object might have been deleted and then recreated", gvk.group
        )
    return claims


def _node_of(pod: Object, server: Facilities) -> dict[str, Object]:
    name = pod["spec"].get("nodeName")
    if not name:
        return {}
    node = server.reader.get("", "nodes", "", name)
    return {"node": _ref(node) if node is not None else {"name": name}}


def _claims(
    account: Mapping[str, Any], spec: Object, bound: dict[str, Object], now: int, server: Facilities
) -> dict[str, Any]:
    seconds = spec["expirationSeconds"]
    private: Object = {"namespace": account["namespace"]}
    private |= {"serviceaccount": {"name": account["name"], "uid": account["uid"]}, **bound}
    if "pod" in bound and seconds == WARN_ONLY_SECONDS and _are_own(spec["audiences"], server):
        private["warnafter"] = now + seconds
        seconds = EXTENDED_SECONDS
    return {
        "aud": spec["audiences"],
        "exp": now + seconds,
        "iat": now,
        "iss": server.issuer,
        "jti": str(uuid4()),
        "kubernetes.io": private,
        "nbf": now,
        "sub": users.service_account_name(account["namespace"], account["name"]),
    }


def _are_own(audiences: Sequence[str], server: Facilities) -> bool:
    return set(audiences) <= set(server.authenticator.audiences)


def _get(server: Facilities, resource: str, namespace: str, name: str) -> Object:
    if not name:
        raise errors.bad_request("Name parameter required.")
    found = server.reader.get("", resource, namespace, name)
    if found is None:
        raise errors.not_found(resource, name)
    return found


def _ref(found: Object) -> Object:
    return {"name": found["metadata"]["name"], "uid": found["metadata"]["uid"]}
