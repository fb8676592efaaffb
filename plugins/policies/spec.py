"""What the largest node of the published runs has: the unit of scores that compare CPU with GPU."""

from __future__ import annotations

from typing import Final

CPU: Final = 0
"""The row of CPU among resources."""
MAX_CPU_MILLI: Final = 128_000
MAX_GPU_MILLI: Final = 8_000
