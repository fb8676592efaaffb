"""What a text must look like: one function a format, each returns what is wrong with a text, as clients read it.

An empty tuple means that nothing is wrong. Verdicts are kept, since the same names and labels come again and again.
Upstream: apimachinery/pkg/util/validation and pkg/api/validate/content, which count the same limits once as characters
and once as bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from cluster_shim.api.remembered import remembered

Messages = tuple[str, ...]
Format = Callable[[str], Messages]

_KEPT = 8192

EMPTY = "must be non-empty"

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = f"{_LABEL}(\\.{_LABEL})*"
_UNDERSCORE_LABEL = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORE_SUBDOMAIN = f"{_UNDERSCORE_LABEL}(\\.{_UNDERSCORE_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_LABEL_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_LABEL_KEY})?"
_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HEADER = "[-A-Za-z0-9]+"
_PERCENT = "[0-9]+%"
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_CONDITION_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"

_ALNUM_ENDS = "must start and end with an alphanumeric character"


def size(text: str) -> int:
    """Return the length in bytes, which is what upstream counts."""
    return len(text) if text.isascii() else len(text.encode())


def regex_error(message: str, pattern: str, *examples: str) -> str:
    """Return a message with examples and the pattern."""
    if not examples:
        return f"{message} (regex used for validation is '{pattern}')"
    listed = " or ".join(f"'{each}', " for each in examples)
    return f"{message} (e.g. {listed}regex used for validation is '{pattern}')"


def in_range(low: int, high: int) -> str:
    """Return the message of a number that is not between two others."""
    return f"must be between {low} and {high}, inclusive"


def _too_long(limit: int, unit: str = "characters") -> str:
    return f"must be no more than {limit} {unit}"


def _format(pattern: str, message: str, *examples: str, limit: int = 0, unit: str = "characters") -> Format:
    matches = re.compile(pattern).fullmatch
    error = regex_error(message, pattern, *examples)

    @remembered(_KEPT)
    def check(text: str) -> Messages:
        long = (_too_long(limit, unit),) if limit and size(text) > limit else ()
        return long if matches(text) else (*long, error)

    return check


_SUBDOMAIN_MESSAGE = (
    f"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and {_ALNUM_ENDS}"
)
dns_subdomain = _format(_SUBDOMAIN, _SUBDOMAIN_MESSAGE, "example.com", limit=253)
dns_subdomain_bytes = _format(_SUBDOMAIN, _SUBDOMAIN_MESSAGE, "example.com", limit=253, unit="bytes")
dns_subdomain_underscore = _format(
    _UNDERSCORE_SUBDOMAIN,
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', "
    f"and {_ALNUM_ENDS}",
    "example.com",
    limit=253,
)
dns_1035_label = _format(
    _LABEL_1035,
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character",
    "my-name",
    "abc-123",
    limit=63,
)
wildcard_subdomain = _format(
    f"\\*\\.{_SUBDOMAIN}",
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
    "*.example.com",
    limit=253,
)
label_value = _format(
    _LABEL_VALUE,
    f"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and {_ALNUM_ENDS}",
    "MyValue",
    "my_value",
    "12345",
    limit=63,
    unit="bytes",
)
c_identifier = _format(
    _IDENTIFIER,
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric "
    "characters or '_'",
    "my_name",
    "MY_NAME",
    "MyName",
)
header_name = _format(_HEADER, "a valid HTTP header must consist of alphanumeric characters or '-'", "X-Header-Name")
percent = _format(_PERCENT, "a valid percent string must be a numeric string followed by an ending '%'", "1%", "93%")
http_path = _format(_HTTP_PATH, "Invalid path")
condition_reason = _format(
    _CONDITION_REASON,
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric "
    "characters or '_,:', and must end with an alphanumeric character or '_'",
    "my_name",
    "MY_NAME",
    "MyName",
    "ReasonA,ReasonB",
    "ReasonA:ReasonB",
)

_matches_label = re.compile(_LABEL).fullmatch
_matches_subdomain = re.compile(_SUBDOMAIN).fullmatch
_LABEL_ERROR = regex_error(
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and {_ALNUM_ENDS}",
    _LABEL,
    "my-name",
    "123-abc",
)


@remembered(_KEPT)
def dns_label(text: str) -> Messages:
    """Check a lowercase RFC 1123 label: the name of a namespace, a container, a volume."""
    messages: list[str] = [_too_long(63)] if size(text) > 63 else []
    if not _matches_label(text):
        messages.append("must not contain dots" if _matches_subdomain(text) else _LABEL_ERROR)
    return tuple(messages)


_matches_label_key = re.compile(_LABEL_KEY).fullmatch
_LABEL_KEY_ERROR = regex_error(
    f"must consist of alphanumeric characters, '-', '_' or '.', and {_ALNUM_ENDS}",
    _LABEL_KEY,
    "MyName",
    "my.name",
    "123-abc",
)


@remembered(_KEPT)
def label_key(text: str) -> Messages:
    """Check a qualified name: ``app``, ``example.com/app``."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        suffix = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return (f"a valid label key {_LABEL_KEY_ERROR} {suffix}",)
    messages: list[str] = []
    if slash:
        problems = dns_subdomain_bytes(prefix) if prefix else (EMPTY,)
        messages.extend(f"prefix part {each}" for each in problems)
    if not name:
        messages.append(f"name part {EMPTY}")
    elif size(name) > 63:
        messages.append(f"name part {_too_long(63, 'bytes')}")
    if not _matches_label_key(name):
        messages.append(f"name part {_LABEL_KEY_ERROR}")
    return tuple(messages)


@remembered(_KEPT)
def path_segment(text: str) -> Messages:
    """Check a name that must only be usable within a URL path."""
    if text in (".", ".."):
        return (f"may not be '{text}'",)
    return tuple(f"may not contain '{each}'" for each in "/%" if each in text)


def _parent_prefix(text: str) -> Messages:
    if text in (".", ".."):
        return (f"must not be '{text}'",)
    return ("must not start with '..'",) if text.startswith("..") else ()


_config_key = _format(
    _CONFIG_KEY,
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    "key.name",
    "KEY_NAME",
    "key-name",
    limit=253,
)


@remembered(_KEPT)
def config_key(text: str) -> Messages:
    """Check a key of a ConfigMap or a Secret."""
    return (*_config_key(text), *_parent_prefix(text))


@remembered(_KEPT)
def env_name(text: str) -> Messages:
    """Check the name of an environment variable."""
    if not text:
        return (f"environment variable name {EMPTY}",)
    if text.isascii() and text.isprintable() and "=" not in text:
        return ()
    return ("a valid environment variable name must consist only of printable ASCII characters other than '='",)


@remembered(_KEPT)
def port_name(text: str) -> Messages:
    """Check an IANA service name, as ports of containers have it."""
    messages = [_too_long(15)] if size(text) > 15 else []
    if not re.fullmatch("[-a-z0-9]+", text):
        messages.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        messages.append("must contain at least one letter (a-z)")
    if "--" in text:
        messages.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        messages.append("must not begin or end with a hyphen")
    return tuple(messages)


PORT_RANGE = in_range(1, 65535)


def port_number(number: int) -> Messages:
    """Check the number of a port."""
    return () if 1 <= number <= 65535 else (PORT_RANGE,)


ID_RANGE = in_range(0, 2**31 - 1)


def user_or_group_id(number: int) -> Messages:
    """Check a numeric user or group."""
    return () if 0 <= number < 2**31 else (ID_RANGE,)


_DECIMAL = re.compile("-?[1-9][0-9]*|0")


def decimal_integer(text: str) -> Messages:
    """Check an integer in its shortest decimal form."""
    if not text:
        return (EMPTY,)
    return () if _DECIMAL.fullmatch(text) else ("must be a valid decimal integer in canonical form",)
