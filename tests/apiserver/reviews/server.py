"""A server for reviews: static tokens, service accounts, the default roles."""

from __future__ import annotations

from cluster_shim.apiserver.authentication.authenticator import Authenticator
from cluster_shim.apiserver.authentication.bearer import Bearer
from cluster_shim.apiserver.authentication.token_file import TokenFile
from cluster_shim.apiserver.authorization.authorizer import Authorizer
from cluster_shim.apiserver.authorization.rbac import RBAC
from cluster_shim.apiserver.request import Request, RequestInfo, UserInfo
from cluster_shim.apiserver.reviews.facilities import Facilities
from tests.apiserver.authentication.people import ISSUER, Clock, objects, rsa_signer, tokens
from tests.apiserver.authorization.defaults import default_rbac, user
from tests.apiserver.fakes import FakeObjects

ALICE = user("alice", "team-a", "system:authenticated")


def facilities(reader: FakeObjects | None = None, clock: Clock | None = None, rbac: RBAC | None = None) -> Facilities:
    reader, clock = reader or objects(), clock or Clock()
    file = TokenFile({"t-alice": ALICE}, (ISSUER,))
    authenticator = Authenticator(Bearer([file, tokens(reader, clock)]), None, (ISSUER,))
    return Facilities(authenticator, Authorizer([rbac or default_rbac()]), reader, rsa_signer(), ISSUER, clock)


def request(who: UserInfo = ALICE, namespace: str = "", name: str = "") -> Request:
    info = RequestInfo("create", "", is_resource=True, namespace=namespace, name=name)
    return Request("POST", "", user=who, info=info)
