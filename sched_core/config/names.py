"""Label keys, label values and extended resource names: what is wrong with one, in upstream's words.

Sources: apimachinery pkg/api/validate/content (kube.go, dns.go, errors.go), pkg/apis/core/v1/helper.
"""

from __future__ import annotations

import re

_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = _DNS_LABEL + r"(\." + _DNS_LABEL + ")*"

_ENDS = "and must start and end with an alphanumeric character"
_NAME_WRONG = (
    f"must consist of alphanumeric characters, '-', '_' or '.', {_ENDS} "
    f"(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_NAME}')"
)
_VALUE_WRONG = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    f"{_ENDS} (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({_NAME})?')"
)
_SUBDOMAIN_WRONG = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    f"{_ENDS} (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)


def label_key_faults(key: str) -> list[str]:
    """Return what is wrong with a label key (a qualified name); empty if nothing is."""
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        return [
            f"a valid label key {_NAME_WRONG} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    faults = []
    if slash and not prefix:
        faults.append("prefix part must be non-empty")
    elif slash:
        faults += [f"prefix part {fault}" for fault in _subdomain_faults(prefix)]
    if not name:
        faults.append("name part must be non-empty")
    elif _length(name) > 63:
        faults.append("name part must be no more than 63 bytes")
    if not re.fullmatch(_NAME, name):
        faults.append(f"name part {_NAME_WRONG}")
    return faults


def label_value_faults(value: str) -> list[str]:
    """Return what is wrong with a label value; empty if nothing is."""
    faults = ["must be no more than 63 bytes"] if _length(value) > 63 else []
    return faults if re.fullmatch(f"({_NAME})?", value) else [*faults, _VALUE_WRONG]


def is_extended_resource_name(name: str) -> bool:
    """Tell whether a (qualified) name can be that of an extended resource."""
    native = "/" not in name or "kubernetes.io/" in name
    return not native and not name.startswith("requests.") and not label_key_faults(f"requests.{name}")


def _subdomain_faults(text: str) -> list[str]:
    faults = ["must be no more than 253 bytes"] if _length(text) > 253 else []
    return faults if re.fullmatch(_SUBDOMAIN, text) else [*faults, _SUBDOMAIN_WRONG]


def _length(text: str) -> int:
    return len(text.encode())
