"""What a plugin class promises by its names and signatures, before anything of it is called."""

from __future__ import annotations

import difflib
import inspect
from pathlib import Path

from cluster_shim.plugin.verdict import NothingToCheck, Wrong
from cluster_shim.scheduler.configuration import name_of
from sched_core import Plugin, extension_points, installed_plugins

METHODS: dict[str, int] = {
    "pre_enqueue": 1, "queue_sort_key": 3, "pre_filter": 3, "filter": 3, "domain_terms": 2, "add_pod": 4,
    "remove_pod": 4, "filter_row": 3, "post_filter": 4, "pre_score": 4, "score": 3, "score_row": 3, "normalize_row": 3,
    "normalize_score": 3, "reserve": 3, "unreserve": 3, "permit": 3, "pre_bind_pre_flight": 3, "pre_bind": 3, "bind": 3,
    "post_bind": 3, "events_to_register": 0, "sign_pod": 1, "concerns": 1, "explain": 4, "row_args": 1,
    "row_tables": 1, "fill_node": 1, "fill_pod": 1, "rank_nodes": 1, "reserve_row": 3, "unreserve_row": 3,
    "reserve_pod": 3, "unreserve_pod": 3,
}  # fmt: skip
"""The methods that the engine knows, with the number of their parameters beside ``self``."""
ROW_METHODS = ("filter_row", "score_row", "normalize_row", "reserve_row", "unreserve_row")
_PAIRS = (("add_pod", "remove_pod"), ("reserve_row", "unreserve_row"), ("reserve_pod", "unreserve_pod"))


def forms(plugin: type[Plugin]) -> str:
    """Return the form of a plugin in a few words: row, array, signed, domain."""
    row = hasattr(plugin, "filter_row") or hasattr(plugin, "score_row")
    array = hasattr(plugin, "filter") or hasattr(plugin, "score")
    found = [word for word, has in (("row", row), ("array", array)) if has]
    found += [
        word
        for word, method in (("signed", "sign_pod"), ("domain", "domain_terms"), ("concern", "concerns"))
        if array and hasattr(plugin, method)
    ]
    return ", ".join(found)


def check_names(plugin: type[Plugin]) -> str:
    """Check that the plugin has a name of its own and methods that the engine knows."""
    name = name_of(plugin)
    if not name.isidentifier():
        raise Wrong(f"its name {name!r} is no identifier")
    points = sorted(extension_points(plugin))
    for each, value in vars(plugin).items():
        if not each.startswith("_") and each not in METHODS and (callable(value) or isinstance(value, staticmethod)):
            known = _similar(each)
            if known:
                raise Wrong(f"{where(plugin, each)}: {each} is no method that the engine calls; did you mean {known}?")
    if not points:
        raise Wrong(f"it has no extension point: none of {', '.join(list(METHODS)[:8])}, ... is defined")
    for one, other in (*_PAIRS, *(pair[::-1] for pair in _PAIRS)):
        if hasattr(plugin, one) and not hasattr(plugin, other):
            raise Wrong(f"{where(plugin, one)}: {one} needs {other}, which takes it back")
    if hasattr(plugin, "normalize_row") + hasattr(plugin, "normalize_score") and "score" not in points:
        raise Wrong("it normalises, but has no score")
    if name in installed_plugins() and "plugins." not in plugin.__module__:
        raise Wrong(f"an installed plugin is called {name}, too; it can only be used in its place", warning=True)
    return f"{name}: {', '.join(points)}; {forms(plugin) or 'no filter, no score'}"


def check_signatures(plugin: type[Plugin]) -> str:
    """Check that each method takes what the engine gives it."""
    checked = []
    for method, count in METHODS.items():
        if not hasattr(plugin, method) or method not in {name for each in plugin.__mro__[:-2] for name in vars(each)}:
            continue
        own = inspect.getattr_static(plugin, method)
        if method in ROW_METHODS and not isinstance(own, staticmethod) and inspect.isfunction(own):
            raise Wrong(f"{where(plugin, method)}: {method} must be a @staticmethod: compiled code knows no self")
        try:
            parameters = inspect.signature(getattr(plugin, method))
            taken = () if isinstance(own, staticmethod) else (None,)
            parameters.bind(*taken, *[None] * count)
        except TypeError as reason:
            text = f"{method}{inspect.signature(getattr(plugin, method))} cannot be called with {count} arguments"
            raise Wrong(f"{where(plugin, method)}: {text}: {reason}") from None
        checked.append(method)
    if not checked:
        raise NothingToCheck("it defines no method itself")
    return ", ".join(checked)


def where(plugin: type[Plugin], method: str) -> str:
    """Return ``FILE:LINE`` of a method; the file, or nothing, where that is not known."""
    function = inspect.unwrap(getattr(plugin, method))
    code = getattr(function, "__code__", None)
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}" if code is not None else plugin.__name__


def _similar(name: str) -> str:
    """Return the method that a name is probably meant for, "" if there is none."""
    plain = {known.replace("_", ""): known for known in METHODS}
    flat = name.replace("_", "").lower()
    if flat in plain:
        return plain[flat]
    return next((plain[each] for each in difflib.get_close_matches(flat, plain, 1, 0.85)), "")
