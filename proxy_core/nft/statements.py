"""Statements of a rule, each with its text in the words of nft; ``family`` is ``ip`` or ``ip6``.

A rule is a tuple of statements and a comment.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from proxy_core.addresses import Family

TableFamily = Literal["ip", "ip6"]
Field = Literal["saddr", "daddr", "l4proto", "dport"]
Key = tuple[Field, ...]

SERVICE_KEY: Key = ("daddr", "l4proto", "dport")
NODE_PORT_KEY: Key = ("l4proto", "dport")
HAIRPIN_KEY: Key = ("saddr", "daddr", "l4proto", "dport")


def table_family(family: Family) -> TableFamily:
    """Return the family of a table."""
    return "ip6" if family == "IPv6" else "ip"


class Statement(Protocol):
    """Anything that can stand in a rule."""

    def text(self, family: TableFamily) -> str:
        """Return the words of nft."""


def key_text(key: Key, family: TableFamily) -> str:
    """Return the words of a concatenation of fields."""
    words = {"saddr": f"{family} saddr", "daddr": f"{family} daddr", "l4proto": "meta l4proto", "dport": "th dport"}
    return " . ".join(words[field] for field in key)


class InSet(NamedTuple):
    """Go on if the fields are in a named set (or are not)."""

    key: Key
    set: str
    negated: bool = False

    def text(self, family: TableFamily) -> str:
        return f"{key_text(self.key, family)} {'!= ' if self.negated else ''}@{self.set}"


class VerdictMap(NamedTuple):
    """Take the verdict that a named map has for the fields, if it has one."""

    key: Key
    map: str

    def text(self, family: TableFamily) -> str:
        return f"{key_text(self.key, family)} vmap @{self.map}"


class Address(NamedTuple):
    """Go on if an address is in a network (or is not)."""

    field: Literal["saddr", "daddr"]
    network: str
    negated: bool = False

    def text(self, family: TableFamily) -> str:
        return f"{family} {self.field} {'!= ' if self.negated else ''}{self.network}"


class AddressIn(NamedTuple):
    """Go on if an address is in one of some networks (or in none)."""

    field: Literal["saddr", "daddr"]
    networks: tuple[str, ...]
    negated: bool = False
    separator: str = " , "

    def text(self, family: TableFamily) -> str:
        networks = self.separator.join(self.networks)
        return f"{family} {self.field} {'!= ' if self.negated else ''}{{ {networks} }}"


class InputInterface(NamedTuple):
    """Go on if the packet came in by an interface; a name that ends in ``*`` stands for all that begin so."""

    name: str
    negated: bool = False

    def text(self, family: TableFamily) -> str:
        return f"iifname {'!= ' if self.negated else ''}{self.name}"


class IsLocal(NamedTuple):
    """Go on if an address is the node's own."""

    field: Literal["saddr", "daddr"]

    def text(self, family: TableFamily) -> str:
        return f"fib {self.field} type local"


class Protocol4(NamedTuple):
    """Go on if the packet is of a transport protocol (tcp, udp, sctp)."""

    protocol: str

    def text(self, family: TableFamily) -> str:
        return f"meta l4proto {self.protocol}"


class IsNew(NamedTuple):
    """Go on if the packet is the first of a connection."""

    def text(self, family: TableFamily) -> str:
        return "ct state new"


class IsDnat(NamedTuple):
    """Go on if the connection's destination was changed."""

    def text(self, family: TableFamily) -> str:
        return "ct status dnat"


class SetMark(NamedTuple):
    """Set bits of the packet's mark."""

    mark: str

    def text(self, family: TableFamily) -> str:
        return f"mark set mark or {self.mark}"


class TakeMark(NamedTuple):
    """Go on if bits of the packet's mark are set, and clear them."""

    mark: str

    def text(self, family: TableFamily) -> str:
        return f"mark and {self.mark} != 0 mark set mark xor {self.mark}"


class Masquerade(NamedTuple):
    """Give the packet the address of the interface by which it leaves."""

    def text(self, family: TableFamily) -> str:
        return "masquerade fully-random"


class Jump(NamedTuple):
    """Go through a chain and come back."""

    chain: str

    def text(self, family: TableFamily) -> str:
        return f"jump {self.chain}"


class Goto(NamedTuple):
    """Go through a chain, and come back to where this one was jumped to."""

    chain: str

    def text(self, family: TableFamily) -> str:
        return f"goto {self.chain}"


class Drop(NamedTuple):
    """Drop the packet."""

    def text(self, family: TableFamily) -> str:
        return "drop"


class Reject(NamedTuple):
    """Refuse the packet: the sender is told that nobody listens there."""

    def text(self, family: TableFamily) -> str:
        return "reject"


class SpreadDnat(NamedTuple):
    """Change the destination to one of some endpoints (address, port), each as likely as the others."""

    endpoints: tuple[tuple[str, int], ...]

    def text(self, family: TableFamily) -> str:
        choices = " , ".join(f"{number} : {ip} . {port}" for number, (ip, port) in enumerate(self.endpoints))
        return f"dnat {family} addr . port to numgen random mod {len(self.endpoints)} map {{ {choices} }}"


class SpreadDnatMap(NamedTuple):
    """Change the destination to what a named map has for the fields and a number below ``modulus``, each as likely.

    The map is shared by all services that have as many endpoints; the kernel looks the number up as the last part of
    the key.
    """

    key: Key
    modulus: int
    map: str

    def text(self, family: TableFamily) -> str:
        key = f"{key_text(self.key, family)} . numgen random mod {self.modulus}"
        return f"dnat {family} addr . port to {key} map @{self.map}"


class HashDnatMap(NamedTuple):
    """Change the destination to what a named map has for the fields and a hash of the source below ``modulus``."""

    key: Key
    modulus: int
    map: str
    seed: int = 1

    def text(self, family: TableFamily) -> str:
        hashed = f"jhash {family} saddr . th sport mod {self.modulus} seed {self.seed:#x}"
        return f"dnat {family} addr . port to {key_text(self.key, family)} . {hashed} map @{self.map}"


class SpreadGoto(NamedTuple):
    """Go to one of some chains, each as likely as the others."""

    chains: tuple[str, ...]

    def text(self, family: TableFamily) -> str:
        choices = " , ".join(f"{number} : goto {chain}" for number, chain in enumerate(self.chains))
        return f"numgen random mod {len(self.chains)} vmap {{ {choices} }}"


class Remember(NamedTuple):
    """Put the packet's source into a set, or renew its time there."""

    set: str

    def text(self, family: TableFamily) -> str:
        return f"update @{self.set} {{ {family} saddr }}"


class Dnat(NamedTuple):
    """Change the destination to an endpoint ``ip:port``."""

    endpoint: str

    def text(self, family: TableFamily) -> str:
        return f"dnat to {self.endpoint}"


class Rule(NamedTuple):
    """One rule of a chain."""

    statements: tuple[Statement, ...]
    comment: str = ""

    def text(self, family: TableFamily) -> str:
        words = " ".join(each.text(family) for each in self.statements)
        return f'{words} comment "{self.comment}"' if self.comment else words


def rule(*statements: Statement, comment: str = "") -> Rule:
    """Return a rule of some statements."""
    return Rule(statements, comment)
