"""What can be wrong with a strategic merge patch, with the code that upstream's server gives: 400, 422, or 500."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.errors import APIError, bad_request
from cluster_shim.api.patch.go import printed, type_name
from cluster_shim.api.patch.json_patch import unprocessable

BAD_PRIMITIVE_LIST = "invalid patch format of primitive list"
BAD_RETAIN_KEYS = "invalid patch format of retainKeys"
BAD_ELEMENT_ORDER = "invalid patch format of setElementOrder list"


def bad_format(text: str) -> APIError:
    """Return 400: a directive is not written as it must be."""
    return bad_request(text)


def lists_of_lists() -> APIError:
    """Return 422: lists of lists cannot be merged."""
    return unprocessable()


def failed(text: str) -> APIError:
    """Return 500: what upstream has no code of its own for."""
    return APIError(500, "", text)


def no_merge_key(element: dict[str, Any], key: str) -> APIError:
    """Say that an element lacks the key by which its list is merged."""
    return failed(f"map: {printed(element)} does not contain declared merge key: {key}")


def wrong_type(expected: Any, actual: Any) -> APIError:
    """Say that a value is of another type than another."""
    return failed(f"expected a {type_name(expected)}, but received a {type_name(actual)}")


def unknown_directive(directive: Any, element: dict[str, Any]) -> APIError:
    """Say that ``$patch`` has a value that means nothing."""
    shown = directive if isinstance(directive, str) else f"%!s({type_name(directive)}={printed(directive)})"
    return failed(f"unknown patch type: {shown} in map: {printed(element)}")
