"""A trace → CSV with the columns of the openb lists, so that everything that reads those reads it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.traces.trace import Trace

HEADER = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,creation_time,deletion_time\n"
BLOCK = 1 << 16


def write_trace(path: Path, trace: Trace) -> None:
    """Write a trace under another name, then give the file its name; times in seconds with three decimals."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.absolute().parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(HEADER)
            file.writelines(_lines(trace))
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _lines(trace: Trace) -> Iterator[str]:
    middle = [
        f",{shape.cpu_milli},{-(-shape.memory_bytes // 2**20)},{shape.gpus},{shape.gpu_milli},{'|'.join(shape.models)},"
        for shape in trace.shapes
    ]
    for start in range(0, trace.count, BLOCK):
        stop = min(start + BLOCK, trace.count)
        names, shapes = trace.names[start:stop], trace.shape_of[start:stop].tolist()
        created, deleted = trace.created_s[start:stop].tolist(), trace.deleted_s[start:stop]
        ends = ["" if np.isinf(end) else f"{end:.3f}" for end in deleted.tolist()]
        for name, shape, begin, end in zip(names, shapes, created, ends, strict=True):
            yield f"{name}{middle[shape]}{begin:.3f},{end}\n"
