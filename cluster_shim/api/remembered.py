"""Remembered: what a function has returned for a text, unless the text is long: clients choose it, and memory ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar, cast

LONGEST = 1024
"""Characters. What is meant to be used again (a name, a selector, a quantity) is shorter."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def remembered(most: int) -> Callable[[_Function], _Function]:
    """Keep the last `most` results of a function of a text (and of more, by position); they must not be changed."""

    def decorated(function: _Function) -> _Function:
        kept = lru_cache(most)(function)

        @wraps(function)
        def call(text: str, *more: Any) -> Any:
            return kept(text, *more) if len(text) <= LONGEST else function(text, *more)

        return cast(_Function, call)

    return decorated
