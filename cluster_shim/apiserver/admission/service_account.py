"""ServiceAccount: a pod runs as a service account that exists, and finds its token mounted."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any

from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Interest, Reader, forbidden

MIRROR = "kubernetes.io/config.mirror"
ENFORCE_SECRETS = "kubernetes.io/enforce-mountable-secrets"
MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_VOLUME = "kube-api-access-"
_SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_TOKEN_SECONDS = 3607
_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_CONTAINERS = (("initContainers", "init container"), ("containers", "container"))

Pod = dict[str, Any]


class ServiceAccount:
    """The plugin."""

    name = "ServiceAccount"
    interests = (Interest((CREATE,), "", "pods"), Interest((UPDATE,), "", "pods", "ephemeralcontainers"))

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        # Upstream names the volume by chance in each pod. By chance once, pods of one template stay equal in their
        # specs, and what has been found out of one (that it is valid, who owns what) holds for all.
        self._volume = _VOLUME + "".join(random.choices(_SUFFIX_ALPHABET, k=5))

    def admit(self, attributes: Attributes) -> None:
        """Give a new pod its account, the account's pull secrets and a token. Raises Forbidden."""
        if attributes.operation != CREATE:
            return
        pod = attributes.new
        if not _is_mirror(pod):
            spec = pod["spec"]
            if not spec.get("serviceAccountName"):
                spec["serviceAccountName"] = "default"
                spec["serviceAccount"] = "default"
            account = self._account(attributes, spec["serviceAccountName"])
            if spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken", True)):
                _mount_token(spec, self._volume)
            if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
                spec["imagePullSecrets"] = [{"name": each.get("name", "")} for each in account["imagePullSecrets"]]
        self.validate(attributes)

    def validate(self, attributes: Attributes) -> None:
        """Refuse secrets that the account may not mount, and what a mirror pod may not have. Raises Forbidden."""
        pod = attributes.new
        if attributes.operation == CREATE and _is_mirror(pod):
            _check_mirror(attributes, pod)
            return
        name = pod["spec"].get("serviceAccountName")
        if not name:
            pod_name = pod["metadata"].get("name", "")
            raise forbidden(attributes, f"no service account specified for pod {attributes.namespace}/{pod_name}")
        account = self._account(attributes, name)
        if (account["metadata"].get("annotations") or {}).get(ENFORCE_SECRETS) in _TRUE:
            refusals = _ephemeral_secrets if attributes.operation == UPDATE else _foreign_secrets
            for message in refusals(account, pod["spec"]):
                raise forbidden(attributes, message)

    def _account(self, attributes: Attributes, name: str) -> Mapping[str, Any]:
        found = self._reader.get("", "serviceaccounts", attributes.namespace, name)
        if found is None:
            message = (
                f'error looking up service account {attributes.namespace}/{name}: serviceaccount "{name}" not found'
            )
            raise forbidden(attributes, message)
        return found


def _is_mirror(pod: Pod) -> bool:
    return MIRROR in (pod["metadata"].get("annotations") or {})


def _mount_token(spec: Pod, new_name: str) -> None:
    volumes = spec.get("volumes") or []
    present = next((each["name"] for each in volumes if each.get("name", "").startswith(_VOLUME)), "")
    name = present or new_name
    needed = False
    for containers, _ in _CONTAINERS:
        for container in spec.get(containers) or ():
            mounts = container.get("volumeMounts") or []
            if all(each.get("mountPath") != MOUNT_PATH for each in mounts):
                container["volumeMounts"] = [*mounts, {"name": name, "readOnly": True, "mountPath": MOUNT_PATH}]
                needed = True
    if needed and not present:
        spec["volumes"] = [*volumes, {"name": name, "projected": _projected()}]


def _projected() -> dict[str, Any]:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [namespace]}},
        ],
        "defaultMode": 420,
    }


def _check_mirror(attributes: Attributes, pod: Pod) -> None:
    spec = pod["spec"]
    if spec.get("serviceAccountName"):
        raise forbidden(attributes, "a mirror pod may not reference service accounts")
    volumes = spec.get("volumes") or []
    if any("secret" in each for each in volumes) or any(_env_secrets(spec)) or spec.get("imagePullSecrets"):
        raise forbidden(attributes, "a mirror pod may not reference secrets")
    sources = [source for each in volumes for source in (each.get("projected") or {}).get("sources") or ()]
    if any("secret" in source for source in sources):
        raise forbidden(attributes, "a mirror pod may not reference secrets")
    if any("serviceAccountToken" in source for source in sources):
        raise forbidden(attributes, "a mirror pod may not use ServiceAccountToken volume projections")


def _env_secrets(spec: Pod) -> Iterator[str]:
    """Yield where containers take secrets from, as messages name it, with the name of the secret at the end."""
    for containers, what in (*_CONTAINERS, ("ephemeralContainers", "ephemeral container")):
        yield from (text for text, _ in _secrets_of(spec, containers, what))


def _secrets_of(spec: Pod, containers: str, what: str) -> Iterator[tuple[str, str]]:
    for container in spec.get(containers) or ():
        name = container.get("name", "")
        for each in container.get("env") or ():
            reference = (each.get("valueFrom") or {}).get("secretKeyRef")
            if reference is not None:
                yield f"{what} {name} with envVar {each.get('name', '')} referencing", reference.get("name", "")
        for each in container.get("envFrom") or ():
            if each.get("secretRef") is not None:
                yield f"{what} {name} with envFrom referencing", each["secretRef"].get("name", "")


def _foreign_secrets(account: Mapping[str, Any], spec: Pod) -> Iterator[str]:
    mountable, owner = _mountable(account), account["metadata"]["name"]
    for volume in spec.get("volumes") or ():
        secret = (volume.get("secret") or {}).get("secretName", "")
        if "secret" in volume and secret not in mountable:
            yield _not_allowed("volume with", secret, owner)
    for containers, what in _CONTAINERS:
        for text, secret in _secrets_of(spec, containers, what):
            if secret not in mountable:
                yield _not_allowed(text, secret, owner)
    pull = {each.get("name", "") for each in account.get("imagePullSecrets") or ()}
    for index, each in enumerate(spec.get("imagePullSecrets") or ()):
        if each.get("name", "") not in pull:
            yield (
                f'imagePullSecrets[{index}].name="{each.get("name", "")}" is not allowed because service account '
                f"{owner} does not reference that imagePullSecret"
            )


def _ephemeral_secrets(account: Mapping[str, Any], spec: Pod) -> Iterator[str]:
    mountable, owner = _mountable(account), account["metadata"]["name"]
    for text, secret in _secrets_of(spec, "ephemeralContainers", "ephemeral container"):
        if secret not in mountable:
            yield _not_allowed(text, secret, owner)


def _mountable(account: Mapping[str, Any]) -> set[str]:
    return {each.get("name", "") for each in account.get("secrets") or ()}


def _not_allowed(text: str, secret: str, owner: str) -> str:
    return (
        f'{text} secret.secretName="{secret}" is not allowed because service account {owner} '
        "does not reference that secret"
    )
