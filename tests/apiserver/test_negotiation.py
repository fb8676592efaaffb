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
        (f"{PROTOBUF};as=Table;v=v1;g=meta.k8s.io,{TABLE}", Output(JSON, "Table", "v1")),
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


METADATA = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (f"{PROTOBUF},application/json", PLAIN),
        (f"application/yaml;q=0.1,{PROTOBUF}", Output(YAML)),
        (f"{PROTOBUF};{METADATA},application/json", Output(PROTOBUF, "PartialObjectMetadata", "v1")),
    ],
)
def test_custom_resources_are_not_in_protobuf_but_their_metadata_is(accept: str, expected: Output) -> None:
    assert negotiate(accept, is_custom=True) == expected


def test_answers_that_are_no_objects_have_no_table() -> None:
    assert negotiate(f"{TABLE},application/json", has_table=False) == PLAIN
    with pytest.raises(APIError) as caught:
        negotiate(TABLE, has_table=False)
    assert caught.value.code == 406


def test_custom_resources_in_protobuf_alone_are_refused() -> None:
    with pytest.raises(APIError) as caught:
        negotiate(PROTOBUF, is_custom=True)
    assert caught.value.code == 406


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (f"{PROTOBUF};{METADATA},application/json;{METADATA},application/json", JSON),
        (f"{PROTOBUF};{METADATA},{PROTOBUF}", PROTOBUF),
        (f"{PROTOBUF},application/json", PROTOBUF),
        (f"application/json;{METADATA}", JSON),
    ],
)
def test_an_error_is_in_the_first_form_that_is_no_other_kind_of_object(accept: str, expected: str) -> None:
    assert for_errors(accept) == expected
