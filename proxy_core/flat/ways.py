"""Way: what happens to packets that a dispatch map sends on.

Each way is a chain; there are a few kinds of them for each number of slots that some list of endpoints has, whatever
the number of services.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, NamedTuple, get_args

from proxy_core.flat import names
from proxy_core.nft.statements import (
    NODE_PORT_KEY,
    SERVICE_KEY,
    Goto,
    HashDnatMap,
    IsLocal,
    Rule,
    SetMark,
    SpreadDnatMap,
    rule,
)
from proxy_core.nftables.table import local_source
from proxy_core.settings import Settings

Kind = Literal["cluster", "external", "local", "own", "nodeport", "nodeport-local", "nodeport-own"]
"""A cluster IP; an external address with policy Cluster, or Local; what is the node's own of the latter; node ports."""
_BY_CLIENT = "-maglev"
_MAPS: dict[Kind, str] = {
    "cluster": names.SERVICE_ENDPOINTS,
    "external": names.SERVICE_ENDPOINTS,
    "local": names.SERVICE_ENDPOINTS,
    "own": names.OWN_SERVICE_ENDPOINTS,
    "nodeport": names.NODE_PORT_ENDPOINTS,
    "nodeport-local": names.NODE_PORT_ENDPOINTS,
    "nodeport-own": names.OWN_NODE_PORT_ENDPOINTS,
}


class Way(NamedTuple):
    """A kind of traffic, and among how many slots it is shared out."""

    kind: Kind
    slots: int
    by_client: bool = False

    @property
    def chain(self) -> str:
        return _chain(self)

    def rules(self, settings: Settings) -> tuple[Rule, ...]:
        """Return the rules of the chain."""
        key = NODE_PORT_KEY if self.kind.startswith("nodeport") else SERVICE_KEY
        found = list(_before(self.kind, settings))
        if self.slots:
            choose = HashDnatMap if self.by_client else SpreadDnatMap
            found.append(rule(choose(key, self.slots, _MAPS[self.kind])))
        return tuple(found)


def way_of(chain: str) -> Way | None:
    """Return the way that a chain is; None if it is none."""
    head, _, slots = chain.rpartition("-")
    name = head.removesuffix(_BY_CLIENT)
    for kind in get_args(Kind):
        if name == kind and slots.isdecimal():
            return Way(kind, int(slots), head != name)
    return None


def _before(kind: Kind, settings: Settings) -> tuple[Rule, ...]:
    """Return what is done before an endpoint is chosen."""
    mark = SetMark(settings.mark)
    if kind in ("external", "nodeport"):
        return (rule(mark, comment="masquerade"),)
    if kind not in ("local", "nodeport-local"):
        return ()
    own = Goto(names.OWN_TRAFFIC if kind == "local" else names.OWN_NODE_PORT_TRAFFIC)
    found = []
    if settings.detector.is_implemented:
        found.append(rule(local_source(settings.detector), own, comment="short-circuit pod traffic"))
    found.append(rule(IsLocal("saddr"), mark, comment="masquerade local traffic"))
    found.append(rule(IsLocal("saddr"), own, comment="short-circuit local traffic"))
    return tuple(found)


@lru_cache(maxsize=1 << 12)
def _chain(way: Way) -> str:
    return f"{way.kind}{_BY_CLIENT if way.by_client else ''}-{way.slots}"
