"""Named formats: what names of Kubernetes and some texts of OpenAPI must look like. Upstream: library/format.go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from cluster_shim.api.cel.values import NONE, Optional
from cluster_shim.api.fields import quoted
from cluster_shim.api.validation import formats as names

Check = Callable[[str], Sequence[str]]


class NamedFormat:
    """A format as a value."""

    type_name = "kubernetes.NamedFormat"
    __slots__ = ("check", "name")

    def __init__(self, name: str, check: Check) -> None:
        self.name = name
        self.check = check

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NamedFormat) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


def _texts(name: str, text: str, value: str) -> list[str]:
    from cluster_shim.api.custom.formats import check_of

    check = check_of(name)
    return [] if check is None or check(value) else [text]


def _prefix(check: Check) -> Check:
    """Return a check for the beginning of a name, which may end with a dash."""
    return lambda value: check(f"{value[:-1]}a" if len(value) > 1 and value.endswith("-") else value)


def _uri(value: str) -> list[str]:
    return _texts("uri", f"parse {quoted(value)}: invalid URI for request", value)


_CHECKS: dict[str, Check] = {
    "dns1123Label": names.dns_label,
    "dns1123Subdomain": names.dns_subdomain,
    "dns1035Label": names.dns_1035_label,
    "qualifiedName": names.label_key,
    "dns1123LabelPrefix": _prefix(names.dns_label),
    "dns1123SubdomainPrefix": _prefix(names.dns_subdomain),
    "dns1035LabelPrefix": _prefix(names.dns_1035_label),
    "labelValue": names.label_value,
    "uri": _uri,
    "uuid": partial(_texts, "uuid", "does not match the UUID format"),
    "byte": partial(_texts, "byte", "invalid base64"),
    "date": partial(_texts, "date", "invalid date"),
    "datetime": partial(_texts, "datetime", "invalid datetime"),
}
FORMATS = {name: NamedFormat(name, check) for name, check in _CHECKS.items()}


def _named(name: str) -> Optional:
    found = FORMATS.get(name)
    return NONE if found is None else Optional(True, found)


def _validate(of: NamedFormat, value: str) -> Optional:
    errors = of.check(value)
    return Optional(True, list(errors)) if errors else NONE


def _constant(of: NamedFormat) -> Callable[[], NamedFormat]:
    return lambda: of


FUNCTIONS = {
    "format.named": _named,
    "validate": _validate,
    **{f"format.{name}": _constant(of) for name, of in FORMATS.items()},
}
