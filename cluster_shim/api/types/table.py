"""The built-in types: read from ``tables/``, one file per package, one type per line, when somebody asks for one.

A row of a struct is ``[json name, type, protobuf number, options, markers]``; an embedded struct has no name. In a
type stand ``*`` for a pointer, ``[]`` for a list, ``map[K]V``, ``bytes`` for ``[]byte``; names without a package are
those of the same one.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types import model
from cluster_shim.api.types.model import Embedded, Field, Type

EVERYWHERE = frozenset(
    ("CreateOptions", "DeleteOptions", "GetOptions", "ListOptions", "PatchOptions", "UpdateOptions", "WatchEvent")
)
"""Kinds that upstream registers in every group and version."""

# What the tables do not describe: types whose JSON is not that of a struct.
_SPECIAL = {
    "meta/v1.Time": (model.TIME, "v1.Time"),
    "meta/v1.MicroTime": (model.MICRO_TIME, "v1.MicroTime"),
    "meta/v1.FieldsV1": (model.RAW, "v1.FieldsV1"),
    "resource.Quantity": (model.QUANTITY, "resource.Quantity"),
    "intstr.IntOrString": (model.INT_OR_STRING, "intstr.IntOrString"),
    "runtime.RawExtension": (model.RAW, "runtime.RawExtension"),
    "apiextensions/v1.JSON": (model.RAW, "v1.JSON"),
    "apiextensions/v1.JSONSchemaPropsOrArray": (model.SCHEMA_OR_ARRAY, "v1.JSONSchemaPropsOrArray"),
    "apiextensions/v1.JSONSchemaPropsOrBool": (model.SCHEMA_OR_BOOL, "v1.JSONSchemaPropsOrBool"),
    "apiextensions/v1.JSONSchemaPropsOrStringArray": (model.SCHEMA_OR_STRINGS, "v1.JSONSchemaPropsOrStringArray"),
    "types.UID": (model.STRING, "types.UID"),
    "any": (model.ANY, "interface {}"),
    "bytes": (model.BYTES, "[]uint8"),
}
_SCHEMA = "apiextensions/v1.JSONSchemaProps"
_OTHER_MODELS = {
    "resource": "io.k8s.apimachinery.pkg.api.resource",
    "intstr": "io.k8s.apimachinery.pkg.util.intstr",
    "runtime": "io.k8s.apimachinery.pkg.runtime",
}


def type_of(gvk: GroupVersionKind) -> Type | None:
    """Return the type of a kind; None if there is no such built-in kind."""
    qualified = kinds().get(gvk)
    if qualified is None and gvk.kind in EVERYWHERE and (gvk.group, gvk.version) in _group_versions():
        qualified = f"meta/v1.{gvk.kind}"
    return _named(qualified) if qualified else None


def type_by_name(qualified: str) -> Type:
    """Return a type by package and name: ``core/v1.PodSpec``."""
    return _named(qualified)


@cache
def kinds() -> dict[GroupVersionKind, str]:
    """Return the qualified type names of all built-in kinds, lists and options included."""
    return {GroupVersionKind(group, version, kind): name for group, version, kind, name in _read("kinds")}


@cache
def _group_versions() -> frozenset[tuple[str, str]]:
    return frozenset((each.group, each.version) for each in kinds())


@cache
def package_of_group(group: str) -> str:
    """Return what Go calls the package of a group: ``rbac`` for ``rbac.authorization.k8s.io``."""
    for package, (_, its_group) in _packages().items():
        if its_group == group:
            return package.partition("/")[0]
    return group.partition(".")[0]


def _read(name: str) -> Any:
    return msgspec.json.decode((files(__package__) / "tables" / f"{name}.json").read_bytes())


@cache
def _packages() -> dict[str, tuple[str, str]]:
    return {package: (prefix, group) for package, (prefix, group) in _read("packages").items()}


@cache
def _rows(package: str) -> dict[str, Any]:
    rows: dict[str, Any] = _read(package.replace("/", "."))
    return rows


def _model_name(package: str, name: str) -> str:
    prefix = _OTHER_MODELS.get(package) or (_packages()[package][0] if package in _packages() else "")
    return f"{prefix}.{name}" if prefix else ""


_made: dict[str, Type] = {}


def _named(qualified: str) -> Type:
    """Return a type that has a name; it is made once, and put aside before its fields, which may lead back to it."""
    found = _made.get(qualified)
    if found is not None:
        return found
    package, _, name = qualified.rpartition(".")
    if qualified in _SPECIAL:
        kind, shown = _SPECIAL[qualified]
        made = _made[qualified] = Type(shown, kind, _model_name(package, name), qualified)
        if kind in (model.SCHEMA_OR_ARRAY, model.SCHEMA_OR_BOOL, model.SCHEMA_OR_STRINGS):
            made.element = _named(_SCHEMA)
        return made
    row = _rows(package)[name]
    shown = f"{package.rpartition('/')[2]}.{name}"
    if "is" in row:
        base, _ = _parse(row["is"], package)
        made = Type(shown, base.kind, _model_name(package, name), qualified, base.fields, base.element)
        made.element_pointer, made.messages = base.element_pointer, base.messages
        made.wrapped = row.get("message", False)
        _made[qualified] = made
        return made
    made = _made[qualified] = Type(
        shown, model.STRUCT, _model_name(package, name), qualified, atomic=row.get("atomic", False)
    )
    for each in row["fields"]:
        _add(made, package, *each)
    return made


def _parse(text: str, package: str) -> tuple[Type, bool]:
    """Return the type that a row writes, and whether it is a pointer to it."""
    if text.startswith("*"):
        return _parse(text[1:], package)[0], True
    if text in model.SCALARS or text in ("any", "bytes"):
        return _plain(text), False
    if text.startswith("[]"):
        element, pointer = _parse(text[2:], package)
        shown = f"[]{'*' if pointer else ''}{element.name}"
        return Type(shown, model.LIST, element=element, element_pointer=pointer), False
    if text.startswith("map["):
        key, _, value = text[4:].partition("]")
        element, pointer = _parse(value, package)
        shown = f"map[{_parse(key, package)[0].name}]{'*' if pointer else ''}{element.name}"
        return Type(shown, model.MAP, element=element, element_pointer=pointer), False
    return _named(text if "." in text else f"{package}.{text}"), False


@cache
def _plain(name: str) -> Type:
    kind, shown = _SPECIAL.get(name, (name, name))
    return Type(shown, kind)


def _add(
    struct: Type,
    package: str,
    name: str,
    text: str,
    number: int,
    options: str = "",
    marks: dict[str, Any] | None = None,
) -> None:
    """Add the field that a row describes, or the fields of the struct that it embeds."""
    made, pointer = _parse(text, package)
    if not name:
        if number:
            struct.messages[number] = Embedded(made.base_name, made)
        for each in made.fields.values():
            copied = Field(**{slot: getattr(each, slot) for slot in Field.__dataclass_fields__})
            copied.embedded = (made.base_name, *each.embedded)
            struct.fields[each.name] = copied
        return
    marks = marks or {}
    struct.fields[name] = Field(
        name,
        made,
        pointer,
        omit_empty="omitempty" in options,
        omit_zero="omitzero" in options,
        number=number,
        required=marks.get("required", False),
        default=marks.get("default"),
        list_type=marks.get("list", ""),
        map_keys=tuple(marks.get("keys", ())),
        map_type=marks.get("map", ""),
        patch_strategy=tuple(marks["strategy"].split(",")) if "strategy" in marks else (),
        merge_key=marks.get("key", ""),
    )
