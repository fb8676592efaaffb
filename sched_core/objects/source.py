"""Where objects come from: files, folders and standard input, cut into single JSON documents.

Everything becomes JSON bytes here, YAML too. This module does *not* know what the documents mean.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sched_core.errors import Problem

STDIN = "<stdin>"
_JSON_SUFFIXES = (".json", ".json.gz")
_YAML_SUFFIXES = (".yaml", ".yml", ".yaml.gz", ".yml.gz")
_SUFFIXES = _JSON_SUFFIXES + _YAML_SUFFIXES
_SEPARATOR = re.compile(r"^---(?:[ \t]+(?=[^#\s])|[ \t]*(?:#.*)?$)", re.MULTILINE)
_TRAILING = "trailing characters"
_MAX_YAML_NODES = 50_000_000


class Document(NamedTuple):
    """One document, or what is wrong with it."""

    position: str
    """As in ``document 3``."""
    json: bytes
    """Empty if there is a reason."""
    reason: str = ""


class Source(NamedTuple):
    """One file (or standard input) that was found, or what is wrong with it."""

    name: str
    size: int
    """Bytes on disk, 0 if not known."""
    reason: str = ""


def find_sources(paths: Sequence[str | Path]) -> list[Source]:
    """List the files behind paths; folders are searched for objects' files in all depths, sorted by path."""
    sources: list[Source] = []
    for path in paths:
        if str(path) == "-":
            sources.append(Source(STDIN, 0))
        elif Path(path).is_dir():
            found = [_source(str(each)) for each in _walk(Path(path))]
            sources += found or [Source(str(path), 0, "the folder holds no .json, .yaml or .yml files")]
        else:
            sources.append(_source(str(path)))
    return sources


def read_source(source: Source) -> bytes | Problem:
    """Read one source and unpack gzip, which is known by its first bytes."""
    if source.reason:
        return Problem(source.name, "", "", source.reason)
    try:
        data = sys.stdin.buffer.read() if source.name == STDIN else Path(source.name).read_bytes()
        if data.startswith(b"\x1f\x8b"):
            data = gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        return Problem(source.name, "", "", f"the gzip data is damaged: {str(error).rstrip('.')}")
    except OSError as error:
        return Problem(source.name, "", "", f"cannot be read: {error.strerror or error}")
    return data


def split_documents(name: str, data: bytes) -> Iterator[Document]:
    """Cut the content of a file into documents; what cannot be read becomes a document with a reason."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    head = data[:4096].lstrip()
    if not head and not data.strip():
        yield Document("", b"", "is empty")
        return
    try:
        text = "" if data.isascii() else data.decode()
    except UnicodeDecodeError as error:
        yield Document("", b"", f"is not text in UTF-8: byte {error.start}")
        return
    if b"\x00" in data:
        yield Document("", b"", f"is binary: byte {data.index(0)} is zero")
        return
    name = name.lower()
    looks_like_json = head[:1] in (b"{", b"[")
    if name.endswith(_JSON_SUFFIXES) or (looks_like_json and not name.endswith(_YAML_SUFFIXES)):
        yield from _split_json(data)
    elif looks_like_json and _is_json(data):
        yield Document("document 1", data)
    else:
        yield from _split_yaml(text or data.decode("ascii"))


def _walk(folder: Path) -> list[Path]:
    return sorted(
        Path(root, file) for root, _, files in os.walk(folder) for file in files if file.lower().endswith(_SUFFIXES)
    )


def _source(name: str) -> Source:
    try:
        return Source(name, Path(name).stat().st_size)
    except OSError as error:
        return Source(name, 0, f"cannot be read: {error.strerror or error}")


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _split_json(data: bytes) -> Iterator[Document]:
    """Cut one JSON document or several, one behind the other."""
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        if _TRAILING not in str(error):
            yield Document("document 1", b"", _json_reason(data))
            return
    except RecursionError:
        yield Document("document 1", b"", "is nested too deeply")
        return
    else:
        yield Document("document 1", data)
        return
    try:
        lines = msgspec.json.Decoder(msgspec.Raw).decode_lines(data)
    except msgspec.DecodeError:
        yield from _split_json_stream(data.decode())
        return
    for number, raw in enumerate(lines, 1):
        yield Document(f"document {number}", bytes(raw))


def _split_json_stream(text: str) -> Iterator[Document]:
    decoder = json.JSONDecoder()
    blank = re.compile(r"\s*(?:---\s*)?")
    number, start = 0, 0
    while True:
        gap = blank.match(text, start)
        start = gap.end() if gap else start
        if start >= len(text):
            return
        number += 1
        try:
            _, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            yield Document(f"document {number}", b"", _json_error(error))
            return
        except RecursionError:
            yield Document(f"document {number}", b"", "is nested too deeply")
            return
        yield Document(f"document {number}", text[start:end].encode())
        start = end


def _json_reason(data: bytes) -> str:
    try:
        json.loads(data)
    except json.JSONDecodeError as error:
        return _json_error(error)
    except RecursionError:
        return "is nested too deeply"
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        return f"malformed JSON: {error}"
    return "malformed JSON"


def _json_error(error: json.JSONDecodeError) -> str:
    what = error.msg[:1].lower() + error.msg[1:]
    where = f"line {error.lineno}, column {error.colno}"
    if not error.doc[error.pos :].strip() or what.startswith("unterminated string"):
        return f"the JSON ends too early: {what} ({where})"
    return f"malformed JSON: {what} ({where})"


def _split_yaml(text: str) -> Iterator[Document]:
    """Cut YAML at its separators, so that a broken document does not hide the next ones."""
    starts = [0]
    for match in _SEPARATOR.finditer(text):
        starts += [match.start(), match.end()]
    starts.append(len(text))
    number, line, counted = 0, 0, 0
    for start, end in zip(starts[::2], starts[1::2], strict=True):
        chunk = text[start:end]
        line += text.count("\n", counted, start)
        counted = start
        if not any(line.strip() and not line.lstrip().startswith("#") for line in chunk.splitlines()):
            continue
        number += 1
        yield _read_yaml(f"document {number}", chunk, line)
    if not number:
        yield Document("", b"", "holds no objects")


def _read_yaml(position: str, chunk: str, line: int) -> Document:
    """Turn one YAML document into JSON; ``line`` is how many lines of the file are before it."""
    if chunk.lstrip()[:1] in ("{", "[") and _is_json(chunk.encode()):
        return Document(position, chunk.encode())
    import yaml  # costs 25 ms, and JSON does not need it

    from sched_core.objects.yaml_loader import KubernetesLoader

    loader = KubernetesLoader(chunk)
    try:
        value = loader.get_single_data()
        if "*" in chunk and _count_nodes(value, {}) > _MAX_YAML_NODES:
            return Document(position, b"", "malformed YAML: its aliases blow it up beyond all bounds")
        return Document(position, msgspec.json.encode(value))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f" (line {mark.line + 1 + line}, column {mark.column + 1})" if mark else ""
        what = " ".join(str(part) for part in (error.problem or error.context,) if part)
        return Document(position, b"", f"malformed YAML: {what}{where}")
    except RecursionError:
        return Document(position, b"", "malformed YAML: it contains itself or is nested too deeply")
    except (yaml.YAMLError, ValueError, TypeError) as error:
        return Document(position, b"", f"malformed YAML: {error}")
    finally:
        loader.dispose()


def _count_nodes(value: Any, known: dict[int, int]) -> int:
    """Count nodes with aliases spelled out; raises RecursionError for a value that contains itself."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        children = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count_nodes(child, known) for child in children)
    return known[id(value)]
