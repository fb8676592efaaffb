"""Bodies into objects and objects into bodies, in the media types that the server speaks.

``decode(data, media_type, gvk)`` reads a body that the path demands to be of a kind; ``encode_json`` and its siblings
write one. Objects are normalised (see types); errors carry upstream's words.
"""

from __future__ import annotations

from cluster_shim.api.codec.decode import JSON, MEDIA_TYPES, PROTOBUF, YAML, decode, decode_any, decode_into
from cluster_shim.api.codec.document import Decoded, Unreadable
from cluster_shim.api.codec.json import encode as encode_json
from cluster_shim.api.codec.json import from_parsed
from cluster_shim.api.codec.protobuf import encode as encode_protobuf
from cluster_shim.api.codec.unmarshal import Unmarshalable
from cluster_shim.api.codec.unstructured import from_unstructured
from cluster_shim.api.codec.yaml_reader import YAMLError
from cluster_shim.api.codec.yaml_reader import read as read_yaml
from cluster_shim.api.codec.yaml_writer import encode as encode_yaml

__all__ = [
    "JSON",
    "MEDIA_TYPES",
    "PROTOBUF",
    "YAML",
    "Decoded",
    "Unmarshalable",
    "Unreadable",
    "YAMLError",
    "decode",
    "decode_any",
    "decode_into",
    "encode_json",
    "encode_protobuf",
    "encode_yaml",
    "from_parsed",
    "from_unstructured",
    "read_yaml",
]
