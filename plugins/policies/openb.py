"""The typical pods of the trace openb (Alibaba's cluster-trace-gpu-v2023): what GPU pods of a large cluster ask for."""

from __future__ import annotations

from plugins.policies.typical_pods import typical_pods

_KINDS = (
    (1047, 3152, 810, 1), (874, 11300, 1000, 1), (599, 11400, 1000, 1), (470, 3152, 1000, 1), (388, 11908, 470, 1),
    (366, 12500, 0, 0), (360, 8000, 470, 1), (326, 12000, 1000, 1), (290, 32000, 0, 0), (255, 18708, 1000, 1),
    (237, 11908, 650, 1), (232, 4000, 320, 1), (195, 9810, 1000, 1), (185, 8000, 0, 0), (164, 8000, 1000, 1),
    (159, 4000, 1000, 1), (158, 15700, 1000, 1), (153, 11908, 1000, 1), (150, 16000, 1000, 1), (122, 4000, 230, 1),
    (120, 15400, 0, 0), (120, 6000, 460, 1), (95, 16500, 0, 0), (93, 14200, 1000, 1), (84, 24200, 1000, 1),
    (75, 3152, 590, 1), (72, 8000, 320, 1), (72, 4152, 550, 1), (55, 11900, 1000, 1), (54, 4000, 160, 1),
    (45, 4152, 370, 1), (43, 4000, 220, 1), (41, 8200, 1000, 1), (36, 15200, 1000, 1), (31, 4152, 810, 1),
)  # fmt: skip
"""Number of pods, CPU milli, GPU milli of each device, devices: the kinds of 95 % of the pods."""

TYPICAL_PODS = typical_pods({(cpu, milli, count, ""): pods for pods, cpu, milli, count in _KINDS}, portion=1)
