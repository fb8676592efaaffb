"""``stowage proxy trace``: its options and what it does with them. The tracer is proxy_core.trace."""

from __future__ import annotations

from typing import Any

import click

from cluster_shim.proxy.flags import flags

EXIT_ARRIVES, EXIT_DOES_NOT = 0, 1


@click.command()
@click.option("--from", "source", required=True, metavar="IP[:PORT]", help="Who sends the packet.")
@click.option("--to", "target", required=True, metavar="IP:PORT[/udp]", help="Where to; TCP unless /udp or /sctp.")
@click.option(
    "--objects",
    "files",
    multiple=True,
    metavar="FILES...",
    help="Services, EndpointSlices, Nodes, ServiceCIDRs: files, folders, or - for stdin.  [default: a sample]",
)
@click.option("--mode", "--proxy-mode", "mode", metavar="MODE", help="iptables, nftables, ipvs or flat.")
@click.option("--config", "config_file", metavar="FILE", help="A KubeProxyConfiguration.")
@click.option("--in-interface", metavar="NAME", help="By which interface it comes in; empty: this node sends it.")
@click.option("--ways", type=click.IntRange(1), default=10, show_default=True, metavar="N", help="Show so many ways.")
@click.option("--json", "json_file", metavar="FILE|-", help="Write the result as JSON; - is standard output.")
@flags
@click.pass_context
def trace(ctx: click.Context, /, **given: Any) -> None:
    """Explain the way of a packet rule by rule, without touching anything.

    The first packet of a connection goes through the rules that a mode writes for the objects: which Service it is for,
    which rules match, where it arrives, and how probable that is. The exit status is 0 if it may arrive, 1 if it is
    dropped or rejected on all ways, 2 for bad input.

    \b
    stowage proxy trace --from 10.180.0.77 --to 172.30.0.41:80
    stowage proxy trace --from 203.0.113.9 --to 198.51.100.7:443 --objects manifests/ --mode flat
    """
    from cluster_shim.cli.proxy_run import read
    from cluster_shim.cli.result import check_json, write_json
    from cluster_shim.proxy.dry_run import machine_on_paper
    from cluster_shim.proxy.setup import setup
    from proxy_core import Node, Problem, ProxyState
    from proxy_core.trace import Verdict, explain, packet_between

    own = {name: given.pop(name) for name in _OWN}
    check_json(own["json_file"])
    found = read(own["files"], own["config_file"], own["mode"], given)
    of = setup(found.config, found.mode, found.objects, machine_on_paper)
    settings = of.settings("IPv6" if own["target"].count(":") > 1 else "IPv4")
    state = ProxyState(settings.family, of.node)
    for each in found.objects:
        if not isinstance(each, Node):
            state.update(each)
    state.apply()
    packet = packet_between(state, settings, own["source"], own["target"], own["in_interface"])
    if isinstance(packet, Problem):
        raise click.UsageError(f"{packet.field} {packet.reason}")
    explanation = explain(found.mode, state, settings, packet)
    if not write_json(own["json_file"], explanation.json()):
        for line in explanation.lines(own["ways"]):
            click.echo(line)
    stopped = (Verdict.DROPPED, Verdict.REJECTED)
    arrives = any(way.fate.verdict not in stopped for way in explanation.outcome.ways)
    ctx.exit(EXIT_ARRIVES if arrives else EXIT_DOES_NOT)


_OWN = ("source", "target", "files", "mode", "config_file", "in_interface", "ways", "json_file")
