"""ConfigMaps, Secrets, ServiceAccounts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, metadata, names
from cluster_shim.api.validation.checks import METADATA, NOTHING, WHOLE, Errors, Object, immutable, refuse

MAX_BYTES = 1 << 20
_DATA = Path("data")
_BINARY_DATA = Path("binaryData")

_TOKEN = "kubernetes.io/service-account-token"
_OWNER = "kubernetes.io/service-account.name"


def _decoded_size(text: str) -> int:
    return len(text) // 4 * 3 - text[-2:].count("=")


def _keys(errors: Errors, keys: Iterable[str], path: Path) -> None:
    for key in keys:
        if messages := formats.config_key(key):
            refuse(errors, path.key(key), key, messages)


def create_config_map(errors: Errors, config_map: Object) -> None:
    """Check a new ConfigMap."""
    metadata.create(errors, config_map, True, names.dns_subdomain)
    data, binary = config_map.get("data") or {}, config_map.get("binaryData") or {}
    for key in data:
        _keys(errors, (key,), _DATA)
        if key in binary:
            errors.append(fields.invalid(_DATA.key(key), key, "duplicate of key present in binaryData"))
    _keys(errors, binary, _BINARY_DATA)
    total = sum(formats.size(each) for each in data.values()) + sum(_decoded_size(each) for each in binary.values())
    if total > MAX_BYTES:
        errors.append(fields.too_long(WHOLE, MAX_BYTES))


def update_config_map(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a ConfigMap."""
    metadata.update(errors, new, old)
    _stays(errors, new, old, "data", "binaryData")
    create_config_map(errors, new)


def _stays(errors: Errors, new: Object, old: Object, *keys: str) -> None:
    if not old.get("immutable"):
        return
    detail = "field is immutable when `immutable` is set"
    if not new.get("immutable"):
        errors.append(fields.forbidden(Path("immutable"), detail))
    for key in keys:
        if (new.get(key) or {}) != (old.get(key) or {}):
            errors.append(fields.forbidden(Path(key), detail))


def create_secret(errors: Errors, secret: Object) -> None:
    """Check a new Secret."""
    metadata.create(errors, secret, True, names.dns_subdomain)
    data, kind = secret.get("data") or {}, secret.get("type", "")
    _keys(errors, data, _DATA)
    if sum(_decoded_size(each or "") for each in data.values()) > MAX_BYTES:
        errors.append(fields.too_long(_DATA, MAX_BYTES))
    if kind == _TOKEN:
        if not ((secret.get("metadata") or NOTHING).get("annotations") or NOTHING).get(_OWNER):
            errors.append(fields.required(METADATA.child("annotations").key(_OWNER)))
    elif kind in _DOCKER:
        _docker(errors, data, _DOCKER[kind])
    elif kind == "kubernetes.io/basic-auth":
        if "username" not in data and "password" not in data:
            errors += (fields.required(_DATA.key("username")), fields.required(_DATA.key("password")))
    elif kind == "kubernetes.io/ssh-auth":
        if not data.get("ssh-privatekey"):
            errors.append(fields.required(_DATA.key("ssh-privatekey")))
    elif kind == "kubernetes.io/tls":
        errors.extend(fields.required(_DATA.key(key)) for key in ("tls.crt", "tls.key") if key not in data)


_DOCKER = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}


def _docker(errors: Errors, data: Object, key: str) -> None:
    if key not in data:
        errors.append(fields.required(_DATA.key(key)))
    elif problem := _json_object_problem(base64.b64decode(data[key] or "")):
        errors.append(fields.invalid(_DATA.key(key), "<secret contents redacted>", problem))


def _json_object_problem(content: bytes) -> str:
    """Return what Go's JSON decoder says of a document that should be an object; empty if it is one."""
    text = content.decode(errors="replace")
    if not text.strip():
        return "unexpected end of JSON input"
    try:
        found = json.loads(text)
    except json.JSONDecodeError as problem:
        return _syntax_problem(text, problem.pos)
    if found is None or isinstance(found, dict):
        return ""
    kind = _GO_KINDS[type(found)]
    return f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"


_GO_KINDS: dict[type, str] = {str: "string", bool: "bool", int: "number", float: "number", list: "array"}


def _syntax_problem(text: str, position: int) -> str:
    if position >= len(text):
        return "unexpected end of JSON input"
    found = "'\\''" if text[position] == "'" else f"'{text[position]}'"
    before = text[:position].rstrip()
    if not before:
        where = "looking for beginning of value"
    elif before.endswith(("{", ",")) and text.lstrip().startswith("{"):
        where = "looking for beginning of object key string"
    elif before.endswith('"'):
        where = "after object key"
    elif before.endswith((":", "[")):
        where = "looking for beginning of value"
    else:
        where = "after top-level value"
    return f"invalid character {found} {where}"


def update_secret(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a Secret."""
    metadata.update(errors, new, old)
    immutable(errors, new.get("type", ""), old.get("type", ""), Path("type"))
    _stays(errors, new, old, "data")
    create_secret(errors, new)


def create_service_account(errors: Errors, account: Object) -> None:
    """Check a new ServiceAccount."""
    metadata.create(errors, account, True, names.dns_subdomain)


def update_service_account(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a ServiceAccount."""
    metadata.update(errors, new, old)
    create_service_account(errors, new)
