"""The flags of ``stowage apiserver``: what is refused before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cluster_shim.cli.apiserver import apiserver


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--data", "notes.txt"], "notes.txt is a file, and not one of SQLite by its name"),
        (["--etcd-servers", "http://127.0.0.1:2379,etcd-1"], "'etcd-1' is no URL"),
        (["--etcd-servers", "ftp://127.0.0.1"], "'ftp://127.0.0.1' is no URL"),
        (["--etcd-cafile", "missing.crt"], "'missing.crt' does not exist"),
        (["--authorization-mode", "Magic"], "'Magic' is none of"),
    ],
)
def test_refused(arguments: list[str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("not a store")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(apiserver, arguments)
    assert result.exit_code == 2
    assert complaint in result.output
