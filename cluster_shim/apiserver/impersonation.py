"""Impersonation: a request that is made as another user (headers ``impersonate-*``).

There are five modes, tried in order; each asks the authorizer for verbs of its own, the first that is allowed counts.
Constrained ones ask for what is to be done as well (``impersonate-on:<mode>:<verb>``). The mode that last worked for a
user is tried first, and if none works it is the error of the first that was tried which the client sees. Upstream:
endpoints/filters/impersonation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

from cluster_shim.api import errors
from cluster_shim.api.fields import quoted
from cluster_shim.apiserver.authentication import users
from cluster_shim.apiserver.authorization.authorizer import PRIVILEGED_GROUP, Authorizer
from cluster_shim.apiserver.authorization.messages import forbidden
from cluster_shim.apiserver.request import Request, RequestInfo, UserInfo

_USER, _UID, _GROUP, _EXTRA = "impersonate-user", "impersonate-uid", "impersonate-group", "impersonate-extra-"
_GROUP_NAME = "authentication.k8s.io"
_MANY = 4
"""From so many groups or extra values on, one question for all of them is asked first."""

_TRIED_LIMIT = 10_000
_EXTRA_KEY = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
)


@dataclass(frozen=True)
class _Mode:
    name: str
    """Of a constrained mode; empty for the legacy one."""

    def supports(self, wanted: UserInfo, user: UserInfo) -> bool:
        """Tell whether the mode is for such users at all."""
        node = users.node_of(wanted.name)
        account = users.split_service_account(wanted.name)
        name_only = not (wanted.uid or wanted.groups or wanted.extra)
        if self.name == "associated-node":
            own = user.extra.get(users.NODE_NAME, ())
            return (
                name_only and node is not None and list(own) == [node] and bool(users.split_service_account(user.name))
            )
        if self.name == "arbitrary-node":
            return name_only and node is not None
        if self.name == "serviceaccount":
            return name_only and account is not None
        return self.name == "" or (node is None and account is None)

    def question(self, group: str, resource: str, name: str, subresource: str = "") -> RequestInfo:
        """Return what the authorizer is asked about one property of the wanted user."""
        return RequestInfo(
            verb=f"impersonate:{self.name}" if self.name else "impersonate",
            path="",
            is_resource=True,
            group=group,
            resource=resource,
            subresource=subresource,
            name=name,
        )


_MODES = tuple(_Mode(name) for name in ("associated-node", "arbitrary-node", "serviceaccount", "user-info", ""))


class Impersonation:
    """Turns the user of a request into the one that it asks to be."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer
        self._worked: dict[str, _Mode] = {}

    def impersonate(self, request: Request) -> UserInfo:
        """Return as whom a request is made, and take the headers away. Raises 400 and 403."""
        wanted = _wanted(request)
        if wanted is None:
            return request.user
        user, info = request.user, request.info
        last = self._worked.get(user.name)
        modes = _MODES if last is None else (last, *(mode for mode in _MODES if mode is not last))
        error: errors.APIError | None = None
        for mode in modes:
            if not mode.supports(wanted, user):
                continue
            try:
                found = self._check(mode, user, wanted, info)
            except errors.APIError as refusal:
                error = error or refusal
                continue
            if len(self._worked) >= _TRIED_LIMIT:
                self._worked.clear()
            self._worked[user.name] = mode
            request.headers = [each for each in request.headers if not each[0].startswith("impersonate-")]
            return found
        raise error or forbidden(user, info)

    def _check(self, mode: _Mode, user: UserInfo, wanted: UserInfo, info: RequestInfo) -> UserInfo:
        """Ask whether a user may be the wanted one, and return that with all its groups. Raises 403."""
        if mode.name:
            self._ask(user, info._replace(verb=f"impersonate-on:{mode.name}:{info.verb}"))
        self._ask(user, _of_name(mode, wanted.name))
        if wanted.uid:
            self._ask(user, mode.question(_GROUP_NAME, "uids", wanted.uid))
        self._check_groups(mode, user, wanted.groups)
        self._check_extra(mode, user, wanted)
        return _complete(mode, wanted)

    def _check_groups(self, mode: _Mode, user: UserInfo, groups: Sequence[str]) -> None:
        def question(group: str) -> RequestInfo:
            return mode.question(_GROUP_NAME if mode.name else "", "groups", group)

        if mode.name:
            if "" in groups:
                raise forbidden(user, question(""), "impersonating the empty string group is not allowed")
            if PRIVILEGED_GROUP in groups:
                reason = "impersonating the system:masters group is not allowed"
                raise forbidden(user, question(PRIVILEGED_GROUP), reason)
            if len(groups) >= _MANY and self._authorizer.authorize(user, question("*")).allowed:
                return
        for group in groups:
            self._ask(user, question(group))

    def _check_extra(self, mode: _Mode, user: UserInfo, wanted: UserInfo) -> None:
        def question(key: str, value: str) -> RequestInfo:
            return mode.question(_GROUP_NAME, "userextras", value, key)

        values = [(key, value) for key, listed in wanted.extra.items() for value in listed]
        if mode.name:
            if reason := next((wrong for pair in values if (wrong := _wrong_extra(*pair))), ""):
                raise forbidden(user, question("", ""), reason)
            if len(values) >= _MANY and self._authorizer.authorize(user, question("*", "*")).allowed:
                return
        for key, value in values:
            self._ask(user, question(key, value))

    def _ask(self, user: UserInfo, info: RequestInfo) -> None:
        decision = self._authorizer.authorize(user, info)
        if not decision.allowed:
            raise forbidden(user, info, decision.reason)


def _wanted(request: Request) -> UserInfo | None:
    """Return the user that the headers name, as they name it; None if there are none. Raises 400."""
    headers = [(name, _utf8(value)) for name, value in request.headers if name.startswith("impersonate-")]
    if not headers:
        return None
    name, uid = (next((value for key, value in headers if key == wanted), "") for wanted in (_USER, _UID))
    groups = tuple(value for key, value in headers if key == _GROUP)
    extra: dict[str, list[str]] = {}
    for key, value in headers:
        if key.startswith(_EXTRA):
            extra.setdefault(unquote(key[len(_EXTRA) :]), []).append(value)
    wanted = UserInfo(name, uid, groups, extra)
    if not name and (uid or groups or extra):
        raise errors.bad_request(f"requested {_go_syntax(wanted)} without impersonating a user name")
    return wanted if name else None


def _utf8(header: str) -> str:
    """Return what the bytes of a header say as UTF-8, as Go reads them; they come as Latin-1."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def _of_name(mode: _Mode, name: str) -> RequestInfo:
    """Return the question whether someone may have a name."""
    if account := users.split_service_account(name):
        namespace, account_name = account
        group = _GROUP_NAME if mode.name else ""
        return mode.question(group, "serviceaccounts", account_name)._replace(namespace=namespace)
    if not mode.name:
        return mode.question("", "users", name)
    if (node := users.node_of(name)) is not None:
        return mode.question(_GROUP_NAME, "nodes", "*" if mode.name == "associated-node" else node)
    return mode.question(_GROUP_NAME, "users", name)


def _complete(mode: _Mode, wanted: UserInfo) -> UserInfo:
    groups = wanted.groups
    if mode.name and users.node_of(wanted.name) is not None:
        groups = ("system:nodes",)
    elif not groups and (account := users.split_service_account(wanted.name)):
        groups = users.service_account_groups(account[0])
    if wanted.name == users.ANONYMOUS_NAME:
        added = users.UNAUTHENTICATED
    else:
        added = "" if users.UNAUTHENTICATED in groups else users.AUTHENTICATED
    return replace(wanted, groups=groups if not added or added in groups else (*groups, added))


def _wrong_extra(key: str, value: str) -> str:
    """Return what a constrained mode does not like about an extra value."""
    if not key:
        return "impersonating the empty string key in extra is not allowed"
    if not _EXTRA_KEY.fullmatch(key):
        path = f'extra.key: Invalid value: {quoted(key)}: must be a domain-prefixed path (such as "acme.io/foo")'
        return f"impersonating an invalid key in extra is not allowed: {path}"
    if key != key.lower():
        return f"impersonating a non-lowercase key in extra is not allowed: {quoted(key)}"
    return "" if value else "impersonating the empty string value in extra is not allowed"


def _go_syntax(user: UserInfo) -> str:
    """Return a user as Go writes it for programmers: that is what upstream shows."""

    def listed(values: Sequence[str]) -> str:
        return f"{{{', '.join(quoted(value) for value in values)}}}"

    groups = f"[]string{listed(user.groups)}" if user.groups else "[]string(nil)"
    pairs = ", ".join(f"{quoted(key)}:[]string{listed(user.extra[key])}" for key in sorted(user.extra))
    extra = f"map[string][]string{{{pairs}}}" if user.extra else "map[string][]string(nil)"
    return f"&user.DefaultInfo{{Name:{quoted(user.name)}, UID:{quoted(user.uid)}, Groups:{groups}, Extra:{extra}}}"
