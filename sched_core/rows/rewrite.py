"""Rewrite a row function for compiled loops: ``node.requested[r]`` becomes ``node_requested[r, i]``.

What comes out is source text of a function of whole columns, a class number ``c`` and a row ``i``. Names of the
function's module are returned as bindings for the generated module; ``args`` become constants.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import re
import textwrap
import zlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from sched_core.errors import PluginError
from sched_core.kernels.arithmetic import percent, percent_float, quotient, quotient_float
from sched_core.rows.table import BITS, VECTORS, NodeRows, PodRows

ROW_PARAMETERS = ("pod", "node", "args")
NORMALIZE_PARAMETERS = ("score", "lowest", "highest")
CLASS, ROW = "stowage_class", "stowage_row"
"""Parameters of a rewritten function; no name that a row function would give to a variable of its own."""
_FLOAT_TWINS = {percent: percent_float, quotient: quotient_float}


class RowFunction(NamedTuple):
    """A rewritten row function: its name, source text, the columns it takes, and names to bind in its module."""

    name: str
    source: str
    columns: tuple[str, ...]
    bindings: dict[str, Any]

    def call(self, *rest: str) -> str:
        """Return the text of a call."""
        return f"{self.name}({', '.join((*self.columns, *rest))})"


def rewrite(
    plugin: str,
    function: Callable[..., Any],
    args: Mapping[str, Any],
    widths: Mapping[str, int],
    *,
    in_float: bool,
) -> RowFunction:
    """Rewrite a row function of a plugin.

    ``args`` are burnt in, ``widths`` gives the length of vector columns, ``in_float`` lets numbers arrive as float64.
    Raises PluginError where the function does not keep to the row form.
    """
    own = identifier(plugin)
    name = f"{own}_{function.__name__}"
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError) as reason:
        raise PluginError(
            plugin, function.__name__, f"the source of the row function cannot be read: {reason}"
        ) from None
    definition = next((node for node in tree.body if isinstance(node, ast.FunctionDef)), None)
    if definition is None:
        raise PluginError(plugin, function.__name__, "a row function must be a plain `def`, not a lambda")
    parameters = tuple(parameter.arg for parameter in definition.args.args)
    if parameters not in (ROW_PARAMETERS, NORMALIZE_PARAMETERS):
        wanted = NORMALIZE_PARAMETERS if function.__name__.startswith("normalize") else ROW_PARAMETERS
        raise PluginError(
            plugin, function.__name__, f"its parameters must be {', '.join(wanted)}, not {', '.join(parameters)}"
        )
    rewriter = _Rewriter(plugin, function, args, widths, in_float)
    for parameter in definition.args.args:
        parameter.annotation = None
    definition.returns, definition.decorator_list, definition.name = None, [], name
    if ast.get_docstring(definition) is not None:
        definition.body = definition.body[1:]
    definition.body = [rewriter.visit(statement) for statement in definition.body]
    columns = tuple(sorted(rewriter.columns))
    indices = NORMALIZE_PARAMETERS if parameters == NORMALIZE_PARAMETERS else (CLASS, ROW)
    definition.args.args = [ast.arg(parameter) for parameter in (*columns, *indices)]
    source = "@kernel(inline=True)\n" + ast.unparse(ast.fix_missing_locations(definition))
    return RowFunction(name, source, columns, rewriter.bindings)


def identifier(plugin: str) -> str:
    """Return a plugin's name as an identifier; names that differ stay different."""
    if plugin.isidentifier():
        return plugin
    return f"{re.sub(r'[^0-9A-Za-z_]', '_', plugin)}_{zlib.crc32(plugin.encode()):08x}"


class _Rewriter(ast.NodeTransformer):
    def __init__(
        self,
        plugin: str,
        function: Callable[..., Any],
        args: Mapping[str, Any],
        widths: Mapping[str, int],
        in_float: bool,
    ) -> None:
        self.plugin, self.function, self.args, self.widths, self.in_float = plugin, function, args, widths, in_float
        self.own = identifier(plugin)
        self.columns: set[str] = set()
        self.bindings: dict[str, Any] = {}
        self.locals = set(function.__code__.co_varnames)

    def refuse(self, node: ast.AST, reason: str) -> PluginError:
        line = self.function.__code__.co_firstlineno + getattr(node, "lineno", 1) - 1
        where = f"{self.function.__code__.co_filename}:{line}"
        return PluginError(self.plugin, self.function.__name__, f"{where}: {reason}")

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Turn ``len(pod.requests)`` and ``len(args.weights)`` into numbers."""
        if isinstance(node.func, ast.Name) and node.func.id == "len" and isinstance(node.args[0], ast.Attribute):
            owner, field = self._owner(node.args[0])
            if owner == "args":
                return ast.Constant(len(self._argument(node.args[0], field)))
            if owner:
                return ast.Constant(self.widths[field])
        self.generic_visit(node)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if isinstance(node.value, ast.Attribute):
            owner, field = self._owner(node.value)
            if owner in ("pod", "node"):
                if field not in VECTORS:
                    raise self.refuse(node, f"{owner}.{field} is one number, it has no [...]")
                index = self.visit(node.slice)
                pair = [ast.Name(CLASS), index] if owner == "pod" else [index, ast.Name(ROW)]
                return self._load(owner, field, ast.Tuple(pair, ast.Load()))
        self.generic_visit(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        owner, field = self._owner(node)
        if owner == "args":
            value = self._argument(node, field)
            if isinstance(value, np.generic):
                value = value.item()
            if isinstance(value, (int, float)) and math.isfinite(value):
                return ast.Constant(value)
            name = f"{self.own}_{field}"
            self.bindings[name] = np.asarray(value)
            return ast.Name(name, ast.Load())
        if owner in ("pod", "node"):
            if field in VECTORS:
                raise self.refuse(node, f"{owner}.{field} is a vector: write {owner}.{field}[...]")
            return self._load(owner, field, ast.Name(CLASS if owner == "pod" else ROW))
        self.generic_visit(node)
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in ROW_PARAMETERS and node.id in self.locals:
            raise self.refuse(node, f"{node.id} cannot be used as a whole: write {node.id}.<column>")
        if node.id in self.locals:
            return node
        scope = self.function.__globals__
        if node.id in scope:
            value = scope[node.id]
            if isinstance(value, (bool, int, float)):
                return ast.Constant(value)
            name = f"{self.own}__{node.id}"
            self.bindings[name] = _FLOAT_TWINS.get(value, value) if self.in_float and callable(value) else value
            return ast.Name(name, node.ctx)
        if not hasattr(builtins, node.id):
            raise self.refuse(node, f"unknown name {node.id}")
        return node

    def _owner(self, node: ast.Attribute) -> tuple[str, str]:
        if isinstance(node.value, ast.Name) and node.value.id in ("pod", "node", "args"):
            owner = node.value.id
            known = {"pod": PodRows._fields, "node": NodeRows._fields}.get(owner)
            if known is not None and node.attr not in known:
                raise self.refuse(node, f"a {owner} row has no column {node.attr}; it has {', '.join(known)}")
            return owner, node.attr
        return "", ""

    def _argument(self, node: ast.AST, field: str) -> Any:
        if field not in self.args:
            raise self.refuse(node, f"row_args gave no {field}; it gave {', '.join(self.args) or 'nothing'}")
        return self.args[field]

    def _load(self, owner: str, field: str, index: ast.expr) -> ast.expr:
        name = f"stowage_{owner}_{field}"
        self.columns.add(name)
        value: ast.expr = ast.Subscript(ast.Name(name, ast.Load()), index, ast.Load())
        if self.in_float and field not in BITS:
            value = ast.Call(ast.Name("float"), [value], [])
        return value
