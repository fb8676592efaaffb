"""Names of images: which tag one has, as far as the default of the pull policy wants to know.

Upstream: util/parsers, on top of distribution's reference grammar.
"""

from __future__ import annotations

import re

from cluster_shim.api.remembered import remembered

_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_REFERENCE = re.compile(
    rf"(?:{_HOST}/)?(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>{_DIGEST}))?",
    re.ASCII,
)
_IDENTIFIER = re.compile(r"[a-f0-9]{64}")
_DOMAIN = "docker.io/"
_OFFICIAL = "library/"
_LENGTH_LIMIT = 4096
_PATH_LIMIT = 255


@remembered(4096)
def pull_policy(image: str) -> str:
    """Return the default pull policy of an image: of ``latest``, or of no tag and no digest, Always."""
    return "Always" if _tag(image) == "latest" else "IfNotPresent"


def _tag(image: str) -> str:
    """Return the tag; ``latest`` where neither tag nor digest is said; nothing for what is no image name."""
    if _IDENTIFIER.fullmatch(image) or len(image) > _LENGTH_LIMIT:
        return ""
    prefix = "" if _has_domain(image) else _DOMAIN if "/" in image else _DOMAIN + _OFFICIAL
    found = _REFERENCE.fullmatch(prefix + image)
    if found is None or len(found["path"]) > _PATH_LIMIT:
        return ""
    if found["tag"] is None:
        return "latest" if found["digest"] is None else ""
    return found["tag"]


def _has_domain(image: str) -> bool:
    domain, slash, _ = image.partition("/")
    return bool(slash) and (domain == "localhost" or "." in domain or ":" in domain or domain.lower() != domain)
