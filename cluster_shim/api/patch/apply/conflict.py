"""Conflicts of an apply with what others own."""

from __future__ import annotations

from collections.abc import Mapping

from cluster_shim.api.errors import APIError
from cluster_shim.api.patch.apply.fieldset import FieldSet, has, paths, shown_path, union
from cluster_shim.api.patch.apply.managed import Manager


class Conflicts(Exception):
    """What an apply would take from others, by manager."""

    def __init__(self, fields: Mapping[Manager, FieldSet]) -> None:
        super().__init__("conflicts")
        self.fields = fields

    def all_fields(self) -> FieldSet:
        """Return the fields of all managers."""
        every: FieldSet = {}
        for fields in self.fields.values():
            every = union(every, fields)
        return every

    def answer(self, allowed: FieldSet | None = None) -> APIError:
        """Return 409 with a cause for each field that is not allowed."""
        found = [
            (manager, path)
            for manager in sorted(self.fields)
            for path in paths(self.fields[manager])
            if allowed is None or not has(allowed, path)
        ]
        causes = [
            {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": shown_path(path)}
            for manager, path in found
        ]
        return APIError(409, "Conflict", _message(found), {"causes": causes})


def _message(found: list[tuple[Manager, tuple[str, ...]]]) -> str:
    if len(found) == 1:
        manager, path = found[0]
        return f"Apply failed with 1 conflict: conflict with {manager}: {shown_path(path)}"
    lines: list[str] = []
    for index, (manager, path) in enumerate(found):
        if index == 0 or found[index - 1][0] != manager:
            lines.append(f"conflicts with {manager}:")
        lines.append(f"- {shown_path(path)}")
    return f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
