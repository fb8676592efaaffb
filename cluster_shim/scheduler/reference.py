"""PluginReference: the ways in which a user names a plugin. Nothing is imported or looked up here.

======================  ================================================================================
``my.py:MyScore=5``     a class of a file; the weight may be left out (1)
``my.py=5``             the only plugin of a file
``package.my:MyScore``  a class of a module that Python finds
``MyScore``             an in-tree plugin, or an entry point of the group ``stowage.plugins``
======================  ================================================================================
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

FORM = "FILE.py:Class=WEIGHT, module:Class=WEIGHT or NAME=WEIGHT (WEIGHT a whole number)"
MAX_WEIGHT = 2**31 - 1
_FORM = re.compile(
    r"(?:(?P<file>.+\.py)(?::(?P<of_file>[^\W\d]\w*))?"
    r"|(?P<module>[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<of_module>[^\W\d]\w*)"
    r"|(?P<name>[^\W\d][\w.-]*))(?:=(?P<weight>[0-9]{1,9}))?",
    re.ASCII,
)


class PluginReference(NamedTuple):
    """A plugin as it was named; at most one of ``file`` and ``module`` is given, with neither ``name`` is installed."""

    file: Path | None
    module: str
    name: str
    """The class; empty for the only plugin of a file."""
    weight: int = 1

    def __str__(self) -> str:
        return f"{self.where}={self.weight}"

    @property
    def where(self) -> str:
        """The reference without its weight."""
        source = str(self.file) if self.file is not None else self.module
        return ":".join(part for part in (source, self.name) if part)

    def under(self, folder: Path) -> PluginReference:
        """Return the reference with its file, unless absolute, taken from a folder."""
        return self if self.file is None else self._replace(file=folder / self.file)


def parse_reference(text: str) -> PluginReference:
    """Return what a text names; raises ValueError with the reason."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is not of the form {FORM}.")
    weight = int(found["weight"] or 1)
    if not 1 <= weight <= MAX_WEIGHT:
        raise ValueError(f"the weight of '{text}' is not a positive int32.")
    file = Path(found["file"]) if found["file"] else None
    name = found["of_file"] or found["of_module"] or found["name"] or ""
    return PluginReference(file, found["module"] or "", name, weight)


def is_reference(name: str) -> bool:
    """Tell whether a plugin's name in a configuration stands for a file or a module."""
    return ":" in name or name.endswith(".py")
