"""Expressions in CEL that webhooks and policies are made of: whether they compile, to a value of which type."""

from __future__ import annotations

from collections.abc import Collection

from cluster_shim.api import fields
from cluster_shim.api.cel import Environment, admission
from cluster_shim.api.cel.types import BOOL, DYN, NULL, SIMPLE, STRING, Type, list_of, map_of, object_of
from cluster_shim.api.fields import Path
from cluster_shim.api.validation.checks import Errors

_APPLY = (object_of(admission.OBJECT, {}),)
_JSON_PATCH = (list_of(admission.JSON_PATCH),)
_AUDIT = (STRING, NULL)


def condition(errors: Errors, text: str, path: Path, has_params: bool) -> None:
    """Check the expression of a match condition."""
    _compile(errors, admission.environment(has_params), text, path, (BOOL,))


class Composition:
    """The expressions of one policy, which may use its variables."""

    def __init__(self, has_params: bool, has_variables: bool) -> None:
        self._has_params = has_params
        self._types: dict[str, Type] | None = {} if has_variables else None

    def variable(self, errors: Errors, name: str, text: str, path: Path) -> None:
        """Check the expression of a variable, which those after it may use."""
        found = _compile(errors, self._environment(), text, path)
        assert self._types is not None
        self._types[name] = _declared(found)

    def validation(self, errors: Errors, text: str, path: Path) -> None:
        """Check what an object is judged by."""
        _compile(errors, self._environment(), text, path, (BOOL,))

    def message(self, errors: Errors, text: str, path: Path) -> None:
        """Check what a message is made by."""
        within = admission.environment(self._has_params, False, self._types)
        _compile(errors, within, text, path, (STRING,))

    def annotation(self, errors: Errors, text: str, path: Path) -> None:
        """Check what an entry of the audit log is made by; it is shown with the blanks around it."""
        _compile(errors, self._environment(), text.strip(), path, _AUDIT, text)

    def mutation(self, errors: Errors, text: str, path: Path, json_patch: bool) -> None:
        """Check what an object is changed by."""
        within = admission.environment(self._has_params, True, self._types, True)
        _compile(errors, within, text, path, _JSON_PATCH if json_patch else _APPLY)

    def _environment(self) -> Environment:
        return admission.environment(self._has_params, True, self._types)


def _compile(
    errors: Errors,
    within: Environment,
    text: str,
    path: Path,
    allowed: Collection[Type] = (),
    shown: str | None = None,
) -> Type | None:
    try:
        return admission.compile_expression(within, text, allowed).type
    except admission.ExpressionError as error:
        errors.append(fields.invalid(path, text if shown is None else shown, str(error)))
        return None


def _declared(found: Type | None) -> Type:
    """Return the type by which other expressions know a variable: objects of a known type are forgotten."""
    if found is None:
        return DYN
    if found.kind == "list":
        return list_of(_declared(found.params[0]))
    if found.kind == "map":
        return map_of(_declared(found.params[0]), _declared(found.params[1]))
    return found if str(found) in SIMPLE else DYN
