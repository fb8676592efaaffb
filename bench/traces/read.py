"""Tables of pods or nodes → a trace, a cluster. CSV or JSON lines, also compressed; columns as a mapping says.

Every fault is reported with file, line, column and value, all faults of a file at once (the first few hundred).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.traces import jsonl
from bench.traces.cells import MOST_BYTES, Floats, Names, Numbers, numbers
from bench.traces.fields import NODE_FIELDS, POD_FIELDS, Field, Mapped, places
from bench.traces.trace import WHOLE, Nodes, NodeShape, PodShape, Trace, distinct, in_order
from bench.workloads import csv_columns
from bench.workloads.csv_rows import MOST, Problems
from sched_core import InvalidObjects, NumberedNames

NAME = re.compile(r"\S(?:.{0,251}\S)?")
MODELS = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?(?:\|(?!$)|$))*")
JSON_SUFFIXES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
MOST_DEVICES, MOST_TIME_S, MOST_NODES = 1024, 1e12, 5_000_000


class Columns:
    """The columns of a file by field: numbers as float64, models as numbers of texts."""

    def __init__(self, path: Path, fields: tuple[Field, ...], mapping: Mapped) -> None:
        self.path, self.problems = path, Problems(path)
        self._fields, self._mapping = fields, mapping
        self._parts: defaultdict[str, list[Floats]] = defaultdict(list)
        self._lines: list[NDArray[np.int64]] = []
        self.places: Mapped = {}
        self.names: Names | None = None
        self.texts: dict[str, int] = {}
        self._read()

    @property
    def lines(self) -> NDArray[np.int64]:
        """Return the line of each row."""
        return np.concatenate(self._lines) if self._lines else np.zeros(0, np.int64)

    def column(self, field: str) -> Floats | None:
        """Return a field of all rows; None if the file does not have it."""
        return np.concatenate(self._parts[field]) if field in self._parts else None

    def check(self, bad: NDArray[np.bool_], field: str, reasons: Sequence[str] | str) -> None:
        """Note a reason for each row of a mask, under the column of a field."""
        if bad.any():
            lines = self.lines
            column = self.places[field].column
            for row in np.flatnonzero(bad).tolist():
                self.problems.add(int(lines[row]), column, reasons if isinstance(reasons, str) else reasons[row])

    def done(self) -> None:
        """Raise InvalidObjects if anything was wrong."""
        if self.problems.found:
            raise InvalidObjects(self.problems.found)

    def _read(self) -> None:
        blocks = jsonl.blocks if self.path.name.endswith(JSON_SUFFIXES) else csv_columns.blocks
        with csv_columns.open_text(self.path, self.problems) as text:
            header: list[str] = []
            readers: dict[str, Numbers] = {}
            for block in blocks(text, self.problems):
                if isinstance(block, list):
                    header = block
                    self.places, missing = places(header, self._fields, self._mapping)
                    for column, reason in missing:
                        self.problems.add(1, column, reason)
                    if missing:
                        return
                    readers = self._readers()
                    continue
                cells = {name: block.cells[header.index(place.column)] for name, place in self.places.items()}
                self._take(cells, block.lines, readers)

    def _readers(self) -> dict[str, Numbers]:
        readers = {}
        for field in self._fields:
            if field.name not in self.places or field.units is None:
                continue
            most = {"cpu": float(MOST), "memory": MOST_BYTES, "count": MOST_NODES}.get(field.name, MOST_TIME_S)
            most = MOST_DEVICES * WHOLE if field.name.startswith("gpu") else most
            times = field.name in ("created", "deleted")
            readers[field.name] = Numbers(self.places[field.name].factor, field.empty, most, times)
        return readers

    def _take(self, cells: dict[str, tuple[str, ...]], lines: list[int], readers: dict[str, Numbers]) -> None:
        self._lines.append(np.array(lines, np.int64))
        for name, column in cells.items():
            place = self.places[name].column
            if name == "name":
                self.names = self.names or Names(place, NAME, "a name of at most 253 characters", self.problems)
                self.names.take(column, lines)
            elif name == "gpu_model":
                for text, line in zip(column, lines, strict=True):
                    if text not in self.texts and not MODELS.fullmatch(text):
                        self.problems.add(line, place, f'"{text}" is not a list of label values, separated by |')
                    self.texts.setdefault(text, len(self.texts))
                self._parts[name].append(np.array([self.texts[text] for text in column], np.float64))
            else:
                self._parts[name].append(numbers(column, lines, place, readers[name], self.problems))


def read_pods(path: Path, mapping: Mapped | None = None) -> Trace:
    """Read a table of pods; ``mapping`` says where fields stand (see `fields`). Raises InvalidObjects."""
    columns = Columns(path, POD_FIELDS, mapping or {})
    columns.done()
    cpu, memory = columns.column("cpu"), columns.column("memory")
    assert cpu is not None and memory is not None
    created, deleted = _times(columns, len(cpu))
    gpus, gpu_milli = _gpus(columns, len(cpu))
    columns.done()
    models = columns.column("gpu_model")
    models = np.full(len(cpu), -1.0) if models is None else np.where(gpus > 0, models, -1)
    amounts = [_whole(cpu), _whole(memory), gpus, gpu_milli, models.astype(np.int64)]
    first, shape_of = distinct(amounts)
    texts = [*columns.texts, ""]  # -1 takes the last
    shapes = []
    for row in first.tolist():
        cpu_milli, memory_bytes, devices, milli, model = (int(column[row]) for column in amounts)
        accepted = tuple(filter(None, texts[model].split("|")))
        shapes.append(PodShape(cpu_milli, memory_bytes, devices, milli, accepted))
    names = columns.names.all if columns.names else NumberedNames("pod-{:07d}", len(cpu))
    return in_order(path.name, names, shapes, shape_of, created, deleted)


def read_nodes(path: Path, mapping: Mapped | None = None) -> Nodes:
    """Read a table of nodes; a ``count`` stands for so many nodes of a line. Raises InvalidObjects."""
    columns = Columns(path, NODE_FIELDS, mapping or {})
    columns.done()
    cpu, memory, gpu, count, models = map(columns.column, ("cpu", "memory", "gpu", "count", "gpu_model"))
    assert cpu is not None and memory is not None
    gpus = np.zeros(len(cpu), np.int64) if gpu is None else np.rint(gpu).astype(np.int64)
    if gpu is not None:
        columns.check(gpus % WHOLE != 0, "gpu", "a node has whole devices")
    if count is not None:
        columns.check(count != np.rint(count), "count", "is not a whole number")
    columns.done()
    repeat = np.ones(len(cpu), np.int64) if count is None else count.astype(np.int64)
    model = np.zeros(len(cpu), np.int64) if models is None else models.astype(np.int64)
    amounts = [_whole(cpu), _whole(memory), gpus // WHOLE, model]
    first, shape_of = distinct(amounts)
    texts = [*columns.texts] or [""]
    shapes = []
    for row in first.tolist():
        cpu_milli, memory_bytes, devices, text = (int(column[row]) for column in amounts)
        shapes.append(NodeShape(cpu_milli, memory_bytes, devices, texts[text]))
    given = columns.names.all if columns.names else [f"node-{number:06d}" for number in range(len(cpu))]
    names = [
        name if times == 1 else f"{name}-{each}"
        for name, times in zip(given, repeat.tolist(), strict=True)
        for each in range(times)
    ]
    return Nodes(path.name, names, shapes, np.repeat(shape_of, repeat))


def _times(columns: Columns, count: int) -> tuple[Floats, Floats]:
    """Return when pods come and go; without times all come at once, and none goes."""
    created, deleted, duration = map(columns.column, ("created", "deleted", "duration"))
    if created is None:
        if deleted is not None or duration is not None:
            columns.problems.add(1, "creation_time", "is missing (or map created), though it says when pods go")
        created = np.zeros(count)
    if deleted is not None:
        early = deleted < created
        came = columns.places["created"].column if "created" in columns.places else "creation"
        columns.check(early, "deleted", f"lies before the {came} of the line")
    elif duration is not None:
        deleted = created + duration
    return created, np.full(count, np.inf) if deleted is None else deleted


def _gpus(columns: Columns, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of devices and 1/1000 of a device on each of them.

    Without a share of its own a number below one device is a share of one. A share above a whole device is a whole one.
    """
    gpu, share = columns.column("gpu"), columns.column("gpu_share")
    if gpu is None and share is None:
        return np.zeros(count, np.int64), np.zeros(count, np.int64)
    if gpu is None or share is None:
        total = np.rint(gpu if gpu is not None else share).astype(np.int64)  # type: ignore[arg-type]
        field = "gpu" if gpu is not None else "gpu_share"
        columns.check((total > WHOLE) & (total % WHOLE != 0), field, "is neither a part of a device nor whole devices")
        return -(-total // WHOLE), np.minimum(total, WHOLE)
    devices = np.rint(gpu).astype(np.int64)
    columns.check(devices % WHOLE != 0, "gpu", "is not a number of devices (gpu_share is mapped, too)")
    devices, milli = devices // WHOLE, np.minimum(np.rint(share).astype(np.int64), WHOLE)
    return devices, np.where(devices > 0, np.where(milli > 0, milli, WHOLE), 0)


def _whole(values: Floats) -> NDArray[np.int64]:
    """Round up, as Kubernetes does with what does not fit the unit; what is no more than noise is left alone."""
    return np.ceil(values - 1e-6).astype(np.int64)
