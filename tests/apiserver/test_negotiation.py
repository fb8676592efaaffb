"""Accept headers: in which form an answer goes out."""

from __future__ import annotations

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.negotiation import JSON, PLAIN, PROTOBUF, YAML, Output, for_errors, negotiate

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", PLAIN),
        ("*/*", PLAIN),
        ("application/json", PLAIN),
        ("application/yaml", Output(YAML)),
        ("application/vnd.kubernetes.protobuf,application/json", Output(PROTOBUF)),
        (f"{TABLE},application/json", Output(JSON, "Table", "v1")),
        ("application/json;g=meta.k8s.io;as=Table;v=v1", Output(JSON, "Table", "v1")),
        (f"{TABLE};q=0.1,application/json", PLAIN),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", PLAIN),
        ("application/xml,application/json;q=0.5", PLAIN),
        ("application/json;stream=watch", PLAIN),
    ],
)
def test_the_best_form_that_can_be_served(accept: str, expected: Output) -> None:
    assert negotiate(accept) == expected


@pytest.mark.parametrize(
    ("accept", "message"),
    [
        ("text/html", "406: Not Acceptable\n\nAvailable representations: "),
        ("application/*", "406: Not Acceptable\n\nAvailable representations: "),
        ("application/json;as=Table", "only the following media types are accepted: "),
        ("application/json;v=v1", "only the following media types are accepted: "),
    ],
)
def test_what_cannot_be_served_is_refused(accept: str, message: str) -> None:
    with pytest.raises(APIError) as caught:
        negotiate(accept)
    assert caught.value.code == 406
    assert caught.value.message == message + ", ".join([JSON, YAML, PROTOBUF])
    assert for_errors(accept) == JSON
