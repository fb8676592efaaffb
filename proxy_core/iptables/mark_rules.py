"""The rules about the mark of packets that are to be masqueraded; those of mode ipvs are the same."""

from __future__ import annotations

from proxy_core.iptables import names
from proxy_core.settings import Settings


def masquerade_rules(settings: Settings) -> tuple[str, ...]:
    """Return the rules of nat that mark packets and masquerade marked ones, each without ``-A`` and newline."""
    mark, random = settings.mark, " --random-fully" if settings.random_fully else ""
    comment = '-m comment --comment "kubernetes service traffic requiring SNAT"'
    return (
        f"{names.POSTROUTING} -m mark ! --mark {mark}/{mark} -j RETURN",
        f"{names.POSTROUTING} -j MARK --xor-mark {mark}",
        f"{names.POSTROUTING} {comment} -j MASQUERADE{random}",
        f"{names.MARK_MASQ} -j MARK --or-mark {mark}",
    )


def forward_rules(settings: Settings) -> tuple[str, ...]:
    """Return the rules of filter that let marked packets pass, and what follows them, each as above."""
    head, mark = f"{names.FORWARD} -m comment --comment", settings.mark
    return (
        f'{head} "kubernetes forwarding rules" -m mark --mark {mark}/{mark} -j ACCEPT',
        f'{head} "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
    )
