"""Static tokens: a CSV file of ``token,user,uid,"group1,group2"`` (``--token-auth-file``)."""

from __future__ import annotations

import csv
from pathlib import Path

from cluster_shim.apiserver.authentication.users import authenticated
from cluster_shim.apiserver.authentication.verdict import Audiences, Verdict, common
from cluster_shim.apiserver.request import UserInfo


class TokenFileError(Exception):
    """The file cannot be read, or a line of it is no token."""


class TokenFile:
    """The tokens of a file, as they were when it was read."""

    def __init__(self, users: dict[str, UserInfo], audiences: Audiences) -> None:
        self._users = users
        self._audiences = audiences

    @classmethod
    def read(cls, path: Path, audiences: Audiences) -> TokenFile:
        """Read a file; of a token that is there twice the last line counts. Raises TokenFileError."""
        users: dict[str, UserInfo] = {}
        try:
            with path.open(encoding="utf-8", newline="") as file:
                reader = csv.reader(file, strict=True)
                for record in reader:
                    if not record:
                        continue
                    if len(record) < 3:
                        columns = f"at least 3 columns (token, user name, user uid), found {len(record)}"
                        raise TokenFileError(f"token file {str(path)!r}, line {reader.line_num}: must have {columns}")
                    token, name, uid, *groups = record
                    if token:
                        user = UserInfo(name, uid, tuple(groups[0].split(",")) if groups else ())
                        users[token] = authenticated(user)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise TokenFileError(f"token file {str(path)!r} cannot be read: {error}") from error
        return cls(users, audiences)

    def authenticate(self, token: str, audiences: Audiences) -> Verdict | None:
        """Return whose token it is. The tokens are for the audiences of the server."""
        user = self._users.get(token)
        if user is None or not (accepted := common(self._audiences, audiences)):
            return None
        return Verdict(user, accepted)
