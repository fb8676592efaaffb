"""Rewrite a row function for compiled loops: ``node.requested[r]`` becomes ``node_requested[r, i]``.

What comes out is source text of a function of whole columns, a class number ``c`` and a row ``i``. Names of the
function's module are returned as bindings for the generated module; ``args`` become constants.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import textwrap
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import numpy as np

from sched_core.errors import PluginError
from sched_core.kernels.arithmetic import percent, percent_float, quotient, quotient_float
from sched_core.rows.layout import NO_LAYOUT, Layout, identifier, table_name
from sched_core.rows.table import BITS, NODE_FIELDS, POD_FIELDS, VECTORS

ROW_PARAMETERS = ("pod", "node", "args")
NORMALIZE_PARAMETERS = ("score", "lowest", "highest")
CLASS, ROW, PLACE = "stowage_class", "stowage_row", "stowage_place"
"""Parameters of a rewritten function; no name that a row function would give to a variable of its own."""
_MOVES = ("reserve_row", "unreserve_row")
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
    layout: Layout = NO_LAYOUT,
    writable: Collection[str] = (),
) -> RowFunction:
    """Rewrite a row function of a plugin.

    ``args`` are burnt in, ``widths`` gives the length of vector columns, ``layout`` has the own columns of plugins and
    their tables, ``writable`` names the plugin's own, ``in_float`` lets the numbers of the other columns arrive as
    float64. A function that moves pods gets the number of the placement as well. Raises PluginError where the function
    does not keep to the row form.
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
    rewriter = _Rewriter(plugin, function, args, widths, in_float, layout, writable)
    for parameter in definition.args.args:
        parameter.annotation = None
    definition.returns, definition.decorator_list, definition.name = None, [], name
    if ast.get_docstring(definition) is not None:
        definition.body = definition.body[1:]
    definition.body = [rewriter.visit(statement) for statement in definition.body]
    columns = tuple(sorted(rewriter.columns))
    indices = (CLASS, ROW, PLACE) if function.__name__ in _MOVES else (CLASS, ROW)
    if parameters == NORMALIZE_PARAMETERS:
        indices = NORMALIZE_PARAMETERS
    definition.args.args = [ast.arg(parameter) for parameter in (*columns, *indices)]
    source = "@kernel(inline=True)\n" + ast.unparse(ast.fix_missing_locations(definition))
    return RowFunction(name, source, columns, rewriter.bindings)


class _Rewriter(ast.NodeTransformer):
    def __init__(
        self,
        plugin: str,
        function: Callable[..., Any],
        args: Mapping[str, Any],
        widths: Mapping[str, int],
        in_float: bool,
        layout: Layout,
        writable: Collection[str],
    ) -> None:
        self.plugin, self.function, self.args, self.widths, self.in_float = plugin, function, args, widths, in_float
        self.own = identifier(plugin)
        self.tables = layout.tables.get(self.own, ())
        moves = function.__name__ in _MOVES
        self.placed = layout.placed if moves else {}
        self.shapes = {("node", name): shape for name, shape in layout.node.items()}
        self.shapes |= {("pod", name): shape for name, shape in (layout.pod | self.placed).items()}
        """Of the columns that are plugins' own, by owner and name."""
        self.writable = {("node", name) for name in writable} if moves else set()
        if function.__name__ == "reserve_row":
            self.writable |= {("pod", name) for name in writable}
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
            if owner == "args" and field in self.tables:
                return ast.Call(ast.Name("len", ast.Load()), [self._table(field)], [])
            if owner == "args":
                return ast.Constant(len(self._argument(node.args[0], field)))
            shape = self.shapes.get((owner, field))
            if shape == ():
                raise self.refuse(node, f"{owner}.{field} is one number, it has no len(...)")
            if owner:
                return ast.Constant(self.widths[field] if shape is None else shape[0])
        self.generic_visit(node)
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.stmt:
        raise self.refuse(node, "a row function cannot raise")

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if isinstance(node.value, ast.Attribute):
            owner, field = self._owner(node.value)
            if owner in ("pod", "node"):
                shape = self.shapes.get((owner, field))
                if field not in VECTORS if shape is None else shape == ():
                    raise self.refuse(node, f"{owner}.{field} is one number, it has no [...]")
                inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
                if shape is not None and len(inner) != len(shape):
                    raise self.refuse(node, f"{owner}.{field} has {len(shape)} indices, not {len(inner)}")
                return self._column(node, owner, field, [self.visit(each) for each in inner], node.ctx)
        self.generic_visit(node)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        owner, field = self._owner(node)
        if owner == "args":
            return self._constant(node, field)
        if owner in ("pod", "node"):
            shape = self.shapes.get((owner, field))
            if shape and isinstance(node.ctx, ast.Load):  # all of it, as a helper function takes it
                return self._column(node, owner, field, [ast.Slice() for _ in shape], node.ctx)
            if field in VECTORS if shape is None else shape != ():
                raise self.refuse(node, f"{owner}.{field} is a vector: write {owner}.{field}[...]")
            return self._column(node, owner, field, [], node.ctx)
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
            if self.in_float and callable(value) and value in _FLOAT_TWINS:
                name, value = f"{name}__in_float", _FLOAT_TWINS[value]  # a module may have both
            self.bindings[name] = value
            return ast.Name(name, node.ctx)
        if not hasattr(builtins, node.id):
            raise self.refuse(node, f"unknown name {node.id}")
        return node

    def _owner(self, node: ast.Attribute) -> tuple[str, str]:
        if isinstance(node.value, ast.Name) and node.value.id in ("pod", "node", "args"):
            owner = node.value.id
            known = {"pod": POD_FIELDS, "node": NODE_FIELDS}.get(owner)
            if known is not None:
                known = (*known, *(name for of, name in self.shapes if of == owner))
            if known is not None and node.attr not in known:
                raise self.refuse(node, f"a {owner} row has no column {node.attr}; it has {', '.join(known)}")
            return owner, node.attr
        return "", ""

    def _argument(self, node: ast.AST, field: str) -> Any:
        if field not in self.args:
            raise self.refuse(node, f"row_args gave no {field}; it gave {', '.join(self.args) or 'nothing'}")
        return self.args[field]

    def _constant(self, node: ast.Attribute, field: str) -> ast.expr:
        """Return what stands for ``args.<field>``: a number, or the name of an array."""
        if field in self.tables:
            return self._table(field)
        value = self._argument(node, field)
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, (int, float)) and math.isfinite(value):
            return ast.Constant(value)
        name = f"{self.own}_{field}"
        self.bindings[name] = np.asarray(value)
        return ast.Name(name, ast.Load())

    def _table(self, field: str) -> ast.expr:
        name = table_name(self.own, field)
        self.columns.add(name)
        return ast.Name(name, ast.Load())

    def _column(
        self, node: ast.AST, owner: str, field: str, inner: list[ast.expr], context: ast.expr_context
    ) -> ast.expr:
        """Return what stands for an entry of a column, read or written."""
        is_own = (owner, field) in self.shapes
        if not isinstance(context, ast.Load) and (owner, field) not in self.writable:
            raise self.refuse(node, f"{owner}.{field} cannot be written in {self.function.__name__}")
        is_placed = owner == "pod" and field in self.placed
        name = f"stowage_{'placed' if is_placed else owner}_{field}"
        self.columns.add(name)
        first = PLACE if is_placed else CLASS
        index = [*inner, _name(ROW)] if owner == "node" else [_name(first), *inner]
        slices = index[0] if len(index) == 1 else ast.Tuple(index, ast.Load())
        value: ast.expr = ast.Subscript(_name(name), slices, context)
        if self.in_float and not is_own and field not in BITS:
            value = ast.Call(_name("float"), [value], [])
        return value


def _name(text: str) -> ast.Name:
    return ast.Name(text, ast.Load())
