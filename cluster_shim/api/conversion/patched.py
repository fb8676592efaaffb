"""Objects that a patch has made: they may say that they are of another version, or of another kind.

Upstream decodes them anew, whatever they say they are, into what the path demands; a version that is served no more
is understood, and leaves its own defaults behind.
"""

from __future__ import annotations

from typing import Any

from cluster_shim.api import conversion
from cluster_shim.api.codec import Decoded, Unmarshalable, document, from_parsed
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types import normalise, type_of

# In these, what makes pods takes its labels from the template.
_LABELLING = ("apps/v1beta1", "extensions/v1beta1")


def from_patched(parsed: Any, gvk: GroupVersionKind) -> Decoded:
    """Return the object of a kind that a patched document stands for. Raise Unreadable, Unmarshalable."""
    said = document.interpret(parsed)
    named = said._replace(kind=said.kind or gvk.kind)
    if named == gvk:
        return from_parsed(parsed, gvk)
    if not named.version:
        return Decoded(_empty(gvk), gvk, [])  # upstream takes it for its internal form, of which JSON fills nothing
    if not document.registered(named, gvk):
        raise Unmarshalable(document.not_registered(named, gvk))
    served = type_of(named) is not None
    decoded = from_parsed(parsed, named if served else gvk)
    if document.internal_name(named) != document.internal_name(gvk):
        raise Unmarshalable(document.no_conversion(named, gvk))
    if served:
        return decoded._replace(object=conversion.convert(decoded.object, gvk), gvk=gvk)
    if named.api_version in _LABELLING:
        _take_labels(decoded.object)
    return decoded


def _empty(gvk: GroupVersionKind) -> dict[str, Any]:
    return {**normalise(gvk, {}), "kind": gvk.kind, "apiVersion": gvk.api_version}


def _take_labels(obj: dict[str, Any]) -> None:
    labels = obj.get("spec", {}).get("template", {}).get("metadata", {}).get("labels")
    if labels and not obj["metadata"].get("labels"):
        obj["metadata"]["labels"] = dict(labels)
