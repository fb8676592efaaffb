"""Assembly: from a Config to a server that runs; what starts in which order, and ends in the reverse one."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import shutil
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cluster_shim.api import validation
from cluster_shim.api.resources import Catalogue, built_in
from cluster_shim.apiserver.account import Account
from cluster_shim.apiserver.admission.chain import AdmissionChain
from cluster_shim.apiserver.admission.plugin import AdmissionPlugin
from cluster_shim.apiserver.admission.plugins import Environment, build_chain
from cluster_shim.apiserver.admission.policy.mutating import MutatingAdmissionPolicy
from cluster_shim.apiserver.admission.policy.validating import ValidatingAdmissionPolicy
from cluster_shim.apiserver.admission.webhook import MutatingAdmissionWebhook, ValidatingAdmissionWebhook
from cluster_shim.apiserver.admission.webhook.served import Served
from cluster_shim.apiserver.audit import policy as audit
from cluster_shim.apiserver.audit.log import AuditLog
from cluster_shim.apiserver.authentication.authenticator import Authenticator
from cluster_shim.apiserver.authentication.bearer import Bearer, TokenAuthenticator
from cluster_shim.apiserver.authentication.bootstrap_tokens import BootstrapTokens
from cluster_shim.apiserver.authentication.certificates import ClientCertificates
from cluster_shim.apiserver.authentication.jwt import Signer
from cluster_shim.apiserver.authentication.openid import CONFIGURATION_PATH, KEYS_PATH, OpenID
from cluster_shim.apiserver.authentication.secret_tokens import SecretTokens
from cluster_shim.apiserver.authentication.service_accounts import ServiceAccountTokens
from cluster_shim.apiserver.authentication.token_file import TokenFile
from cluster_shim.apiserver.authorization.authorizer import AlwaysAllow, AlwaysDeny, Authorizer, Mode
from cluster_shim.apiserver.authorization.escalation import Escalation
from cluster_shim.apiserver.authorization.follow import follow_rbac
from cluster_shim.apiserver.authorization.graph import Graph
from cluster_shim.apiserver.authorization.node import Node
from cluster_shim.apiserver.authorization.rbac import RBAC
from cluster_shim.apiserver.bootstrap import start as bootstrap
from cluster_shim.apiserver.bootstrap import wanted
from cluster_shim.apiserver.bootstrap.api_services import APIServices
from cluster_shim.apiserver.bootstrap.flow_schemas import FlowSchemas
from cluster_shim.apiserver.bootstrap.presence import Presence, Settings
from cluster_shim.apiserver.config import Config
from cluster_shim.apiserver.custom.definitions import Definitions
from cluster_shim.apiserver.flows import Flows
from cluster_shim.apiserver.impersonation import Impersonation
from cluster_shim.apiserver.inflight import InFlight
from cluster_shim.apiserver.nonresource import Site, paths
from cluster_shim.apiserver.pki import store as pki
from cluster_shim.apiserver.pki.context import server_context
from cluster_shim.apiserver.pki.files import PKIError
from cluster_shim.apiserver.pki.kubeconfig import write as write_kubeconfig
from cluster_shim.apiserver.registry.identity import timestamp
from cluster_shim.apiserver.registry.registry import Registry
from cluster_shim.apiserver.registry.services.addresses import ClusterIPs
from cluster_shim.apiserver.registry.services.allocation import Services
from cluster_shim.apiserver.registry.services.ports import NodePorts
from cluster_shim.apiserver.registry.services.repair import Repair
from cluster_shim.apiserver.request import Request, Response
from cluster_shim.apiserver.reviews.facilities import Facilities
from cluster_shim.apiserver.server import Server
from cluster_shim.storage.factory import Options, open_store, sqlite_path
from cluster_shim.storage.store import Store, StoreError, Unavailable

_log = logging.getLogger(__name__)

NAMES = (
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "localhost",
)

NODE_ROLE = "system:node"
STORE_SECONDS = 2.0
"""How long the store may take to say its revision and count as one that works; as upstream."""
RESTART_SECONDS = 1.0
"""After which time what goes on beside requests begins anew, if something has ended it."""


class Assembly:
    """A server with everything that it needs, as a Config wants it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.server: Server
        self.account: Account
        self.pki: pki.PKI
        self.port = 0
        self._is_started = self._is_stopping = False
        self._store_works = True
        self._store: Store
        self._tasks: list[asyncio.Task[None]] = []
        self._ends = AsyncExitStack()
        """What is to be done at the end, the last first."""

    async def start(self) -> Server:
        """Read the state, write what a cluster has from its start, and be ready for requests (without a socket)."""
        try:
            return await self._start()
        except BaseException:
            await self.stop()
            raise

    async def _start(self) -> Server:
        config = self.config
        validation.POLICY.allow_privileged = config.allow_privileged
        self._folder = self._make_folder()
        self.pki = pki.ensure(self._folder / "pki", self._names(), datetime.now(UTC))
        self._store = self._open_store()
        self._ends.push_async_callback(self._store.close)
        await self._store.start()
        registry = Registry(self._store, Catalogue(built_in()), AdmissionChain())
        registry.event_ttl_seconds = config.event_ttl_seconds
        self.account = Account(registry)
        authorizer, rbac = self._authorizer()
        having = Environment(self.account, authorizer, self._policies(registry, authorizer))
        enable = config.enable_admission_plugins
        if "Node" in config.authorization_mode:  # which leaves to that plugin what depends on the object
            enable = (*enable, "NodeRestriction")
        registry.admission = build_chain(having, enable, config.disable_admission_plugins)
        if rbac is not None:
            registry.admission = AdmissionChain([*registry.admission.plugins, Escalation(rbac, authorizer)])
        signer = Signer(self._signing_key())
        authenticator = self._authenticator(registry, signer)
        first, last = config.service_node_port_range
        addresses, self._ports = ClusterIPs(self.account), NodePorts(self._store, first, last)
        families = [f"IPv{ipaddress.ip_network(each).version}" for each in config.service_cluster_ip_range]
        registry.reserves["", "services"] = Services(addresses, self._ports, families)
        facilities = Facilities(
            authenticator, authorizer, self.account, signer, config.service_account_issuer, time.time
        )
        self.server = Server(
            registry,
            authenticator,
            authorizer,
            impersonation=Impersonation(authorizer),
            flows=Flows(self._store, self.account),
            inflight=InFlight(config.max_requests_inflight, config.max_mutating_requests_inflight),
            facilities=facilities,
            audit=self._audit(),
        )
        self.server.paths = paths(self._site(signer))
        definitions = Definitions(self.account, self._store, registry.catalogue, timestamp)
        definitions.start()
        self._ends.push_async_callback(self._end_background)
        self._background(definitions.run)
        self._background(self._look_after_store)
        await self._bootstrap(registry, rbac is not None)
        self._is_started = True
        return self.server

    def _site(self, signer: Signer) -> Site:
        config, server = self.config, self.server
        host = f"[{self._advertised()}]" if ":" in self._advertised() else self._advertised()
        address = f"{host}:{config.secure_port}"
        issuer = OpenID(config.service_account_issuer, f"https://{address}{KEYS_PATH}", [signer.public])

        async def configuration(_: Any, request: Request) -> Response:
            return issuer.configuration(request)

        async def keys(_: Any, request: Request) -> Response:
            return issuer.keys(request)

        return Site(
            server.catalogue,
            server.metrics,
            address=address,
            started=lambda: self._is_started,
            store_works=lambda: self._store_works,
            shuts_down=lambda: self._is_stopping,
            object_counts=lambda: {each.qualified: self._store.count(each.prefix) for each in server.catalogue},
            watches=self._watches,
            in_flight=lambda: server.inflight.counts,
            flags=config.flags(),
            more={CONFIGURATION_PATH: configuration, KEYS_PATH: keys},
        )

    def _watches(self) -> dict[str, int]:
        counts = self.server.hub.counts()
        return {each.qualified: counts[each.prefix] for each in self.server.catalogue if each.prefix in counts}

    def _policies(self, registry: Registry, authorizer: Authorizer) -> dict[str, AdmissionPlugin]:
        having = (self.account, self._store, registry.catalogue, authorizer)
        served = Served(registry.catalogue, authorizer)
        made: tuple[AdmissionPlugin, ...] = (
            MutatingAdmissionPolicy(*having),
            MutatingAdmissionWebhook(self.account, served),
            ValidatingAdmissionPolicy(*having),
            ValidatingAdmissionWebhook(self.account, served),
        )
        return {each.name: each for each in made}

    async def _bootstrap(self, registry: Registry, has_rbac: bool) -> None:
        now = timestamp()
        settings = Settings(
            hostname=self.config.hostname or socket.gethostname(),
            advertise_address=self._advertised(),
            port=self.config.secure_port or 6443,
            service_cidrs=self.config.service_cluster_ip_range,
            client_authority=self._client_authority().read_text(),
        )
        presence = Presence(self.account, settings, lambda: datetime.now(UTC))
        schemas = FlowSchemas(self.account, self._store, timestamp)
        await bootstrap.start(self.account, registry.catalogue, now, has_rbac)
        await presence.start()
        await schemas.sync()
        self._background(presence.run)
        self._background(Repair(self.account, self._ports).run)
        self._background(schemas.run)
        self._background(APIServices(self.account, self._store, registry.catalogue, timestamp).run)

    def _background(self, run: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(_kept_up(run)))

    async def _look_after_store(self) -> None:
        """Find out again and again whether the store works, for whoever asks for the health of the server."""
        while True:
            try:
                async with asyncio.timeout(STORE_SECONDS):
                    await self._store.current()
                self._store_works = True
            except (TimeoutError, StoreError):
                self._store_works = False
            await asyncio.sleep(RESTART_SECONDS)

    async def _end_background(self) -> None:
        for task in reversed(self._tasks):
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception):  # such as a store that is away
                _log.warning("the server stops all the same: %s", ended)

    async def listen(self) -> int:
        """Answer on the port of the Config; return it. Raises OSError."""
        from cluster_shim.apiserver.http.listener import Listener

        config = self.config
        certificate = config.tls_cert_file or self.pki.certificate
        key = config.tls_private_key_file or self.pki.key
        context = server_context(certificate, key, self._client_authority())
        listener = Listener(self.server, [config.bind_address], config.secure_port, context)
        self.port = await listener.open()
        self._ends.push_async_callback(listener.close)
        path = config.kubeconfig or self._folder / "kubeconfig"
        host = "127.0.0.1" if config.bind_address in ("0.0.0.0", "::") else config.bind_address
        write_kubeconfig(path, self.pki, f"https://{f'[{host}]' if ':' in host else host}:{self.port}")
        return self.port

    @property
    def kubeconfig(self) -> Path:
        """Return where the kubeconfig is."""
        return self.config.kubeconfig or self._folder / "kubeconfig"

    async def stop(self) -> None:
        """End: no more requests, then what goes on beside them, then the store."""
        self._is_stopping = True
        await self._ends.aclose()

    # ------------------------------------------------------------------ parts

    def _make_folder(self) -> Path:
        if self.config.data is None:
            scratch = Path(tempfile.mkdtemp(prefix="stowage-apiserver-"))
            self._ends.callback(shutil.rmtree, scratch, ignore_errors=True)
            return scratch
        file = sqlite_path(self.config.data)
        folder = self.config.data if file is None else file.parent
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _open_store(self) -> Store:
        config = self.config
        options = Options(
            config.durability,
            compact_seconds=config.compaction_seconds,
            etcd_ca=config.etcd_cafile,
            etcd_certificate=config.etcd_certfile,
            etcd_key=config.etcd_keyfile,
            etcd_prefix=f"{config.etcd_prefix.rstrip('/')}/",
        )
        return open_store(config.data, etcd=config.etcd_servers, options=options)

    def _names(self) -> Sequence[str]:
        config = self.config
        first = str(ipaddress.ip_network(config.service_cluster_ip_range[0])[1])
        own = [*NAMES, socket.gethostname(), "127.0.0.1", first, self._advertised(), *config.tls_san]
        if config.bind_address not in ("0.0.0.0", "::"):
            own.append(config.bind_address)
        return list(dict.fromkeys(own))

    def _advertised(self) -> str:
        config = self.config
        if config.advertise_address:
            return config.advertise_address
        return config.bind_address if config.bind_address not in ("0.0.0.0", "::") else "127.0.0.1"

    def _client_authority(self) -> Path:
        return self.config.client_ca_file or self.pki.authority

    def _signing_key(self) -> pki.Key:
        path = self.config.service_account_signing_key_file
        return pki.load_key(path) if path is not None else self.pki.signing_key

    def _authorizer(self) -> tuple[Authorizer, RBAC | None]:
        modes: list[Mode] = []
        rbac = None
        for name in self.config.authorization_mode:
            if name == "RBAC":
                rbac = RBAC(self.config.aggregate_roles)
                follow_rbac(self._store, rbac)
                modes.append(rbac)
            elif name == "Node":
                graph = Graph()
                graph.follow(self._store)
                roles = (each.object for each in wanted.rbac() if each.resource == "clusterroles")
                role = next(each for each in roles if each["metadata"]["name"] == NODE_ROLE)
                modes.append(Node(graph, role["rules"]))
            else:
                modes.append(AlwaysAllow() if name == "AlwaysAllow" else AlwaysDeny())
        return Authorizer(modes), rbac

    def _audit(self) -> AuditLog | None:
        config = self.config
        if not config.audit_log_path:
            return None
        policy = audit.default() if config.audit_policy_file is None else audit.read(config.audit_policy_file)
        limits = config.audit_log_maxsize << 20, config.audit_log_maxbackup
        log = AuditLog(config.audit_log_path, policy, time.time, *limits)
        self._ends.callback(log.close)
        return log

    def _authenticator(self, registry: Registry, signer: Signer) -> Authenticator:
        config = self.config
        audiences = config.api_audiences or (config.service_account_issuer,)
        kinds: list[TokenAuthenticator] = []
        if config.token_auth_file is not None:
            kinds.append(TokenFile.read(config.token_auth_file, audiences))
        kinds.append(SecretTokens([signer.public], audiences, registry))
        kinds.append(
            ServiceAccountTokens([signer.public], [config.service_account_issuer], audiences, registry, time.time)
        )
        if config.enable_bootstrap_token_auth:
            kinds.append(BootstrapTokens(registry, time.time, audiences))
        authority = self._client_authority()
        try:
            certificates = ClientCertificates(authority.read_bytes(), time.time)
        except ValueError:
            raise PKIError(f"{authority}: has no certificates in PEM form") from None
        return Authenticator(Bearer(kinds), certificates, audiences, config.anonymous_auth)


async def _kept_up(run: Callable[[], Awaitable[None]]) -> None:
    """Run what goes on beside requests; what ends it, such as a store that is away, is logged, and it begins anew."""
    while True:
        try:
            await run()
        except Unavailable as error:
            _log.warning("%s: %s", run.__qualname__, error)
        except Exception:
            _log.exception("%s", run.__qualname__)
        await asyncio.sleep(RESTART_SECONDS)
