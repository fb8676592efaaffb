"""Bodies into objects and objects into bodies, in the media types that the server speaks.

``decode(data, media_type, gvk)`` reads a body that the path demands to be of a kind, ``encode(obj, media_type)`` writes
one. Objects are normalised (see types); errors carry upstream's words.
"""

from __future__ import annotations

from cluster_shim.api.codec.document import Decoded, Unreadable
from cluster_shim.api.codec.json import decode_any, decode_into, from_parsed
from cluster_shim.api.codec.json import encode as encode_json
from cluster_shim.api.codec.unmarshal import Unmarshalable

__all__ = ["Decoded", "Unmarshalable", "Unreadable", "decode_any", "decode_into", "encode_json", "from_parsed"]
