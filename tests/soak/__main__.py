"""`make soak`: an engine and a scheduler live a million events each, or as many as ``--events`` says.

Fails on a difference and on growth.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.soak.life import Life
from tests.soak.memory import Sample, growth
from tests.soak.scheduled import ScheduledLife

SAMPLES = 60


def main() -> int:
    """Live both lives one after the other, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000, help="growth shows from about 300,000 on")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    return max([_live(kind(options.seed), options.events, options.seed) for kind in (Life, ScheduledLife)])


def _live(life: Life | ScheduledLife, events: int, seed: int) -> int:
    """Live, print a line for each sample, and return the exit status."""
    samples = list[Sample]()
    print(type(life).__name__)
    print("   events  events/s   MiB   objects  pods  numbers  classes  epoch  sets", flush=True)
    began = time.process_time()
    for number in range(1, SAMPLES + 1):
        try:
            life.live(max(events * number // SAMPLES - life.events, 1))
        except BaseException:
            print(f"seed {seed}, event {life.events}, speed {life.engine.speed}", file=sys.stderr)
            raise
        sample = Sample.of(life)
        samples.append(sample)
        rate = life.events / (time.process_time() - began)
        print(
            f"{sample.events:9,} {rate:9,.0f} {sample.resident_bytes / 2**20:5.0f} {sample.objects:9,} {sample.pods:5}"
            f" {sample.pod_numbers:8,} {sample.classes:8,} {sample.epoch:6} {sample.sets:5}",
            flush=True,
        )
    print("; ".join(f"{name} {count:,}" for name, count in sorted(life.seen.items())))
    grown = growth(samples)
    for name, (before, after) in grown.items():
        print(f"{name} grew from {before:,} to {after:,}", file=sys.stderr)
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
