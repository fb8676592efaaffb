"""Balancing: how connections are shared out among the endpoints of a Service; kube-proxy knows one way, by chance.

Two annotations of a Service choose another::

    stowage.dev/balancing: maglev                       # random (the default): by chance; maglev: by client
    stowage.dev/weights: zone-a=3, node-7=2, 10.0.0.9=5   # by address, node or zone of an endpoint; 1 if none fits

With maglev all nodes send a client's address and port to the same endpoint, and nearly all stay where they were when
an endpoint comes or goes. What cannot be used is refused by name; the Service is then served by chance, evenly.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import NamedTuple

from proxy_core.errors import Problem
from proxy_core.flat import maglev
from proxy_core.model.endpoint import Endpoint, Endpoints
from proxy_core.model.service_port import BALANCING, WEIGHTS, ServicePort, ServicePortName

METHODS = ("random", "maglev")
HIGHEST_WEIGHT = 100
_WEIGHT = re.compile(r"[0-9]{1,3}", re.ASCII)
_TEXT = 80
"""Characters of an annotation that are shown."""
MOST_SLOTS = 65_536
"""Of one list of endpoints."""


class Balancing(NamedTuple):
    """How connections are shared out."""

    maglev: bool = False
    weights: tuple[tuple[str, int], ...] = ()
    """By address, node or zone."""


EVENLY = Balancing()


class Fault(NamedTuple):
    """An annotation that cannot be used."""

    annotation: str
    reason: str

    def problem(self, name: ServicePortName) -> Problem:
        """Return it as a problem of a Service."""
        return Problem(
            "", f"Service {name.namespace}/{name.name}", f"metadata.annotations[{self.annotation}]", self.reason
        )


class Slots(NamedTuple):
    """Endpoints as the values of a map, numbered from 0."""

    values: tuple[str, ...]
    by_client: bool = False
    """Whether a hash of the client chooses the number; the numbers matter then."""


def balancing_of(port: ServicePort) -> Balancing | Fault:
    """Return how the connections to a service port are shared out."""
    if not port.balancing and not port.weights:
        return EVENLY
    found = _parse(port.balancing, port.weights)
    if port.session_affinity and isinstance(found, Balancing) and found != EVENLY:
        return Fault(BALANCING if found.maglev else WEIGHTS, "cannot go together with sessionAffinity ClientIP")
    return found


def slots_of(endpoints: Endpoints, balancing: Balancing) -> Slots | Fault:
    """Return the slots of a list of endpoints."""
    values = tuple([f"{each.ip} . {each.port}" for each in endpoints])
    if balancing is EVENLY or not values:
        return Slots(values)
    by_name = dict(balancing.weights)
    weights = [_weight(each, by_name) for each in endpoints]
    divisor = math.gcd(*weights)
    weights = [each // divisor for each in weights]
    if balancing.maglev:
        if len(values) > maglev.SIZES[-1] // maglev.SLOTS_PER_ENDPOINT:
            most = maglev.SIZES[-1] // maglev.SLOTS_PER_ENDPOINT
            return Fault(BALANCING, f"maglev serves {most} endpoints at most: {len(values)}")
        return Slots(maglev.table(values, weights, maglev.table_size(len(values))), by_client=True)
    if sum(weights) > MOST_SLOTS:
        return Fault(WEIGHTS, f"the weights of all endpoints must be {MOST_SLOTS} together at most: {sum(weights)}")
    return Slots(tuple([value for value, weight in zip(values, weights, strict=True) for _ in range(weight)]))


def _weight(endpoint: Endpoint, by_name: dict[str, int]) -> int:
    for name in (endpoint.ip, endpoint.node, endpoint.zone):
        if name in by_name:
            return by_name[name]
    return 1


@lru_cache(maxsize=1024)
def _parse(method: str, weights: str) -> Balancing | Fault:
    if method and method not in METHODS:
        return Fault(BALANCING, f"must be {' or '.join(METHODS)}: {_shown(method)}")
    found = {}
    for part in weights.split(",") if weights else ():
        name, equals, number = (each.strip() for each in part.rpartition("="))
        if not name or not equals or name in found:
            return Fault(WEIGHTS, f"must be NAME=WEIGHT, each name once, separated by a comma: {_shown(weights)}")
        if not (_WEIGHT.fullmatch(number) and 1 <= int(number) <= HIGHEST_WEIGHT):
            return Fault(WEIGHTS, f"a weight must be a number from 1 to {HIGHEST_WEIGHT}: {_shown(part.strip())}")
        found[name] = int(number)
    return Balancing(method == "maglev", tuple(found.items()))


def _shown(text: str) -> str:
    return repr(text if len(text) <= _TEXT else f"{text[:_TEXT]}...")
