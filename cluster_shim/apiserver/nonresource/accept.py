"""What a client takes, where the answer is no object of the API: discovery, statusz, OpenAPI.

Upstream has two gates. Its router wants one media type that it knows (`*/*` counts, `application/*` does not); its
serializer wants one whose parameters `as`, `g` and `v` it can serve.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cluster_shim.api.errors import APIError, not_acceptable
from cluster_shim.api.remembered import remembered

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
MEDIA_TYPES = (JSON, YAML, PROTOBUF)
"""What documents are written in; what is converted to is written in the first two only."""


class Clause(NamedTuple):
    """One alternative of an Accept header."""

    media_type: str
    quality: float
    parameters: dict[str, str]


class Form(NamedTuple):
    """The form of an answer: a media type and what the document is converted to (`as`)."""

    media_type: str
    kind: str = ""

    def content_type(self, group: str, version: str) -> str:
        """Return the Content-Type, which tells what was converted to."""
        return f"{self.media_type};g={group};v={version};as={self.kind}" if self.kind else self.media_type


@remembered(256)
def clauses(accept: str) -> Sequence[Clause]:
    """Return the alternatives of an Accept header, the preferred first."""
    found = []
    for part in accept.split(","):
        media_type, *parameters = (piece.strip() for piece in part.split(";"))
        pairs = dict(parameter.partition("=")[::2] for parameter in parameters)
        try:
            quality = float(pairs.pop("q", "1"))
        except ValueError:
            quality = 1.0
        if media_type:
            found.append(Clause(media_type, quality, pairs))
    return sorted(found, key=lambda clause: (-clause.quality, clause.media_type.count("*")))


def check_router(accept: str, media_types: Iterable[str] = MEDIA_TYPES) -> None:
    """Refuse what upstream's router refuses, in its words."""
    known = {"*/*", *media_types}
    if accept and not any(part.split(";", 1)[0].strip() in known for part in accept.split(",")):
        listed = ", ".join(media_types)
        raise APIError(406, "NotAcceptable", f"406: Not Acceptable\n\nAvailable representations: {listed}", {})


def form(accept: str, as_: tuple[str, str, str] = ("", "", "")) -> Form:
    """Return the form that a client prefers; `as_` is the group, version and kind to which there is a conversion."""
    found = clauses(accept)
    if not found:
        return Form(JSON)
    for clause in found:
        wanted = tuple(clause.parameters.get(name, "") for name in ("g", "v", "as"))
        known = MEDIA_TYPES if wanted == ("", "", "") else MEDIA_TYPES[:2]
        media_type = next((each for each in known if _matches(clause.media_type, each)), "")
        if media_type and wanted in (("", "", ""), as_):
            return Form(media_type, wanted[2])
    raise not_acceptable(MEDIA_TYPES)


def _matches(pattern: str, media_type: str) -> bool:
    main, _, sub = pattern.partition("/")
    known_main, _, known_sub = media_type.partition("/")
    return main in ("*", known_main) and sub in ("*", known_sub, "")
