"""Made-up traces keep what they say they keep, are the same for the same seed, and are read back from their file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.traces.generate import fit, generate
from bench.traces.info import info
from bench.traces.read import read_pods
from bench.traces.trace import PodShape, Trace, in_order
from bench.traces.write import write_trace

SHAPES = [PodShape(1000, 1 << 30), PodShape(500, 2 << 30, 1, 300, ("A", "B")), PodShape(8000, 8 << 30, 4, 1000)]


@pytest.fixture(scope="module")
def real() -> Trace:
    """Return a trace whose rate doubles halfway, in which shape 1 comes in bursts of four, and shape 2 stays."""
    draw = np.random.default_rng(7)
    times = np.concatenate([draw.uniform(0, 5000, 1000), draw.uniform(5000, 10_000, 2000)])
    kinds = draw.choice(3, len(times), p=[0.5, 0.3, 0.2])
    repeat = np.where(kinds == 1, 4, 1)
    shape_of, created = np.repeat(kinds, repeat).astype(np.int32), np.repeat(times, repeat)
    duration = np.select([shape_of == 0, shape_of == 1], [draw.lognormal(4, 0.5, len(shape_of)), 600.0], np.inf)
    names = [f"p{number}" for number in range(len(shape_of))]
    return in_order("real", names, SHAPES, shape_of, created, created + duration)


def test_shapes_bursts_rate_and_durations_are_kept(real: Trace) -> None:
    made = generate(fit(real), 60_000, seed=3)
    assert made.count == 60_000
    ours, theirs = (np.bincount(each.shape_of, minlength=3) / each.count for each in (made, real))
    assert np.abs(ours - theirs).max() < 0.02
    assert np.mean(made.created_s > 5000) == pytest.approx(np.mean(real.created_s > 5000), abs=0.02)
    burst = made.created_s[made.shape_of == 1]
    assert np.mean(np.diff(burst) == 0) == pytest.approx(0.75, abs=0.03)  # equal bursts within a second are one
    for shape in (0, 1):
        mine, its = ((each.deleted_s - each.created_s)[each.shape_of == shape] for each in (made, real))
        assert np.percentile(mine, [10, 50, 90]) == pytest.approx(np.percentile(its, [10, 50, 90]), rel=0.15)
    assert np.isinf(made.deleted_s[made.shape_of == 2]).all()


def test_a_seed_decides_everything_and_the_span_stretches(real: Trace) -> None:
    fitted = fit(real)
    one, same, other = generate(fitted, 500, 1), generate(fitted, 500, 1), generate(fitted, 500, 2)
    assert one.created_s.tolist() == same.created_s.tolist() and one.shape_of.tolist() == same.shape_of.tolist()
    assert one.created_s.tolist() != other.created_s.tolist()
    assert generate(fitted, 500, 1, span_s=100.0).span_s == pytest.approx(100, abs=5)


def test_a_trace_without_times_gives_one_without_times() -> None:
    flat = Trace("flat", ["a", "b"], SHAPES[:2], np.array([0, 1], np.int32), np.zeros(2), np.full(2, np.inf))
    made = generate(fit(flat), 50, 1)
    assert made.span_s == 0 and np.isinf(made.deleted_s).all() and set(made.shape_of.tolist()) == {0, 1}


def test_what_is_written_reads_back(real: Trace, tmp_path: Path) -> None:
    made = generate(fit(real), 300, 5)
    write_trace(tmp_path / "made.csv", made)
    back = read_pods(tmp_path / "made.csv")
    assert [back.shapes[each] for each in back.shape_of] == [made.shapes[each] for each in made.shape_of]
    assert back.created_s == pytest.approx(made.created_s, abs=2e-3)
    assert back.deleted_s == pytest.approx(made.deleted_s, abs=2e-3)


def test_the_peak_counts_what_is_there_at_the_same_time() -> None:
    created, deleted = np.array([0.0, 10.0, 20.0]), np.array([20.0, 30.0, np.inf])
    trace = Trace("t", ["a", "b", "c"], SHAPES, np.array([0, 0, 2], np.int32), created, deleted)
    found = info(trace)
    assert (found.peak["cpu_cores"], found.peak_s["cpu_cores"]) == (9, 20)
    assert (found.peak["gpus"], found.total["gpus"], found.never_go) == (4, 4, 1)
