"""Names with a domain in front: ``example.com/path``, fully qualified domains."""

from __future__ import annotations

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats
from cluster_shim.api.validation.checks import Errors, refuse


def domain_prefixed_path(errors: Errors, text: str, path: Path) -> None:
    """Check a path that begins with a domain."""
    host, slash, rest = text.partition("/")
    if not text:
        errors.append(fields.required(path))
    elif not (slash and host and rest):
        errors.append(fields.invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")'))
    else:
        refuse(errors, path, host, formats.dns_subdomain(host))
        refuse(errors, path, rest, formats.http_path(rest))


def fully_qualified_name(errors: Errors, name: str, path: Path) -> None:
    """Check a domain of at least three parts."""
    _domain(errors, name, name, path, 3, "three")


def fully_qualified_domain(errors: Errors, name: str, path: Path) -> None:
    """Check a domain of at least two parts, each a label; it may end with a dot."""
    trimmed = name.removesuffix(".")
    if not _domain(errors, name, trimmed, path, 2, "two"):
        return
    for label in trimmed.split("."):
        if messages := formats.dns_label(label):
            errors.append(fields.invalid(path, label, ",".join(messages)))
            return


def _domain(errors: Errors, name: str, trimmed: str, path: Path, least: int, word: str) -> bool:
    if not name:
        errors.append(fields.required(path))
    elif messages := formats.dns_subdomain(trimmed):
        errors.append(fields.invalid(path, trimmed, ",".join(messages)))
    elif trimmed.count(".") + 1 < least:
        detail = f"should be a domain with at least {word} segments separated by dots"
        errors.append(fields.invalid(path, trimmed, detail))
    else:
        return True
    return False
