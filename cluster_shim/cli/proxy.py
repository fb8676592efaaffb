"""``stowage proxy``: its options and what it does with them. The work is done by cluster_shim.proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cluster_shim.cli.proxy_trace import trace
from cluster_shim.proxy.flags import FLAGS, flags

if TYPE_CHECKING:
    from cluster_shim.cli.proxy_run import Wishes

EXIT_FAILED = 1


class ProxyGroup(click.Group):
    """A command that does its own work unless a sub-command is named.

    ``--from`` takes all that follows it, and a switch may be written as upstream's (``--masquerade-all=true``).
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = [_switch(each) for each in args]
        if words and words[0] in self.commands:
            return super().parse_args(ctx, [words[0], *_spread(words[1:], "--objects")])
        return super().parse_args(ctx, _spread(words, "--from"))


def _switch(word: str) -> str:
    """Return ``--X=true`` and ``--X=false`` of a switch as ``--X`` and ``--no-X``."""
    name, _, value = word.removeprefix("--").partition("=")
    if value not in ("true", "false") or not any(each.kind == "flag" and each.name == name for each in FLAGS):
        return word
    return f"--{name}" if value == "true" else f"--no-{name}"


def _spread(args: list[str], option: str) -> list[str]:
    """Return the arguments with ``--from A B`` written as ``--from A --from B``, or so for another option."""
    found: list[str] = []
    taking = False
    for each in args:
        if each == option:
            taking = True
        elif each.startswith(f"{option}="):
            taking = True
            found += [option, each.partition("=")[2]]
        elif taking and (each == "-" or not each.startswith("-")):
            found += [option, each]
        else:
            taking = False
            found.append(each)
    if args and args[-1] == option:
        found.append(option)  # click says what is missing
    return found


@click.group(cls=ProxyGroup, invoke_without_command=True)
@click.option(
    "--from",
    "files",
    multiple=True,
    metavar="FILES...",
    help="Services, EndpointSlices, Nodes, ServiceCIDRs: files, folders (both are watched), or - for stdin.",
)
@click.option(
    "--mode",
    "--proxy-mode",
    "mode",
    metavar="MODE",
    help="iptables, nftables, ipvs, or flat, which is ours: nftables whose changes cost as much as has changed."
    "  [default: what --config says, else iptables]",
)
@click.option(
    "--config", "config_file", metavar="FILE", help="A KubeProxyConfiguration; if it changes, the proxy ends."
)
@click.option("--netns", metavar="NAME|PATH", help="Work in this network namespace.")
@click.option("--dry-run", is_flag=True, help="Print what a first sync would write, and touch nothing.")
@click.option("--diff", is_flag=True, help="Print how the kernel differs from what it should have, and touch nothing.")
@click.option("--once", is_flag=True, help="Sync once and end.")
@click.option("--init-only", is_flag=True, help="Set what needs more rights (sysctls) and end before any rule.")
@click.option("--cleanup", is_flag=True, help="Remove the rules of all modes and end; the kubelet's stay.")
@click.option("--write-config-to", metavar="FILE|-", help="Write the configuration with all defaults and end.")
@click.option(
    "--json",
    "json_file",
    metavar="FILE|-",
    help="Write the result of --dry-run or --diff as JSON; - is stdout.",
)
@click.option(
    "--iptables-variant",
    type=click.Choice(["legacy", "nft"]),
    help="Which programs of iptables are used.  [default: those that this machine calls iptables]",
)
@click.option("--healthz-port", type=click.IntRange(0, 65535), help="Deprecated: the port of --healthz-bind-address.")
@click.option("--metrics-port", type=click.IntRange(0, 65535), help="Deprecated: the port of --metrics-bind-address.")
@click.option("-v", "--v", "verbosity", count=False, type=int, default=0, metavar="N", help="2 tells of every sync.")
@flags
@click.pass_context
def proxy(ctx: click.Context, /, **given: Any) -> None:
    """Be the service proxy of a node: the rules of kube-proxy 1.36, from manifests.

    Without --from, --dry-run shows a sample. The proxy runs until SIGTERM or Ctrl-C; its rules stay, as upstream. The
    exit status is 0 after that; 1 if rules could not be written (--once) or removed (--cleanup), if they differ
    (--diff), or if a new start is needed; 2 for bad input, and where rights or the kernel do not allow a start.

    \b
    stowage proxy --dry-run --mode nftables
    stowage proxy --from manifests/ --mode flat --netns node-1
    stowage proxy --from manifests/ --diff
    stowage proxy trace --from 10.180.0.77 --to 172.30.0.41:80
    """
    if ctx.invoked_subcommand is not None:
        return
    from cluster_shim.cli.proxy_run import run

    ctx.exit(run(_wishes(given)))


proxy.add_command(trace)


def _wishes(given: dict[str, Any]) -> Wishes:
    from cluster_shim.cli.proxy_run import Wishes

    own = {name: given.pop(name) for name in Wishes._fields if name != "flags"}
    what = [name for name in ("dry_run", "diff", "once", "init_only", "cleanup", "write_config_to") if own[name]]
    if len(what) > 1:
        options = " and ".join(f"--{name.replace('_', '-')}" for name in what)
        raise click.UsageError(f"{options} exclude each other.")
    if own["json_file"] and what not in (["dry_run"], ["diff"]):
        raise click.UsageError("--json goes with --dry-run or --diff.")
    return Wishes(**own, flags=given)
