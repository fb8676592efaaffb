"""Regular expressions of users: RE2, whose time is linear in the text, as Go's; with the errors that Go writes.

Python's own would let one pattern of a custom resource definition hold the server for hours.
"""

from __future__ import annotations

from typing import Any

from cluster_shim.api.remembered import remembered

MAX_PATTERNS = 4096

GO_ERRORS = {
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "unexpected )": "unexpected )",
    "trailing \\": "trailing backslash at end of expression",
    "bad repetition operator": "invalid nested repetition operator",
    "no argument for repetition operator": "missing argument to repetition operator",
    "invalid repetition size": "invalid repeat count",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "invalid named capture group": "invalid named capture",
    "invalid UTF-8": "invalid UTF-8",
}
"""What RE2 says, and what Go says of the same fault; the others are the same in both."""


class PatternError(Exception):
    """A pattern that cannot be read; the text is Go's."""


@remembered(MAX_PATTERNS)
def compiled(pattern: str) -> Any:
    """Return a compiled pattern with `search`, `fullmatch` and `finditer`. Raises PatternError."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise PatternError(_go_text(pattern, error.args[0])) from None


def _go_text(pattern: str, message: bytes | str) -> str:
    text = message.decode(errors="replace") if isinstance(message, bytes) else str(message)
    what, _, where = text.partition(": ")
    quoted = pattern if what in ("missing )", "unexpected )") else where
    shown = f": `{quoted}`" if quoted else ""
    return f"error parsing regexp: {GO_ERRORS.get(what, what)}{shown}"


def matches(pattern: str, text: str) -> bool:
    """Tell whether a pattern is found anywhere in a text, as Go's MatchString. Raises PatternError."""
    return compiled(pattern).search(text) is not None
