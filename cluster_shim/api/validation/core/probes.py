"""Probes and lifecycle hooks of containers: one handler each, and sane numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats
from cluster_shim.api.validation.checks import Errors, Object, need, non_negative, refuse

_SCHEMES = ("HTTP", "HTTPS")
_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")

_REAL_TIME = (
    "SIGRTMAX",
    *(f"SIGRTMAX-{number}" for number in range(1, 15)),
    "SIGRTMIN",
    *(f"SIGRTMIN+{number}" for number in range(1, 16)),
)
_COMMON_SIGNALS = (
    "ABRT ALRM BUS CHLD CLD CONT FPE HUP ILL INT IO IOT KILL PIPE POLL PROF PWR QUIT SEGV STKFLT STOP SYS TERM TRAP "
    "TSTP TTIN TTOU URG USR1 USR2 VTALRM WINCH XCPU XFSZ"
)
_SIGNALS = {
    "linux": tuple(sorted((*(f"SIG{each}" for each in _COMMON_SIGNALS.split()), *_REAL_TIME))),
    "windows": ("SIGKILL", "SIGTERM"),
}


def probes(errors: Errors, container: Object, grace_period: int | None, path: Path) -> None:
    """Check the three probes of a container."""
    if "livenessProbe" in container:
        _once(errors, container["livenessProbe"], grace_period, path.child("livenessProbe"))
    if "readinessProbe" in container:
        _readiness(errors, container["readinessProbe"], grace_period, path.child("readinessProbe"))
    if "startupProbe" in container:
        _once(errors, container["startupProbe"], grace_period, path.child("startupProbe"))


def _once(errors: Errors, probe: Object, grace_period: int | None, path: Path) -> None:
    _probe(errors, probe, grace_period, path)
    if probe.get("successThreshold", 0) != 1:
        errors.append(fields.invalid(path.child("successThreshold"), probe.get("successThreshold", 0), "must be 1"))


def _readiness(errors: Errors, probe: Object, grace_period: int | None, path: Path) -> None:
    _probe(errors, probe, grace_period, path)
    if "terminationGracePeriodSeconds" in probe:
        at = path.child("terminationGracePeriodSeconds")
        seconds = probe["terminationGracePeriodSeconds"]
        errors.append(fields.invalid(at, seconds, "must not be set for readinessProbes"))


def _probe(errors: Errors, probe: Object, grace_period: int | None, path: Path) -> None:
    _handler(errors, probe, grace_period, path, _OF_PROBE)
    non_negative(errors, probe, path, *_NUMBERS)
    seconds = probe.get("terminationGracePeriodSeconds")
    if seconds is not None and seconds <= 0:
        errors.append(fields.invalid(path.child("terminationGracePeriodSeconds"), seconds, "must be greater than 0"))


def lifecycle(errors: Errors, hooks: Object, grace_period: int | None, os: str | None, path: Path) -> None:
    """Check the hooks of a container and its stop signal; `os` is None where the pod names none."""
    for key in ("postStart", "preStop"):
        if key in hooks:
            _handler(errors, hooks[key], grace_period, path.child(key), _OF_LIFECYCLE)
    if "stopSignal" not in hooks:
        return
    signal, at = hooks["stopSignal"], path.child("stopSignal")
    if os is None:
        errors.append(fields.forbidden(at, "may not be set for containers with empty `spec.os.name`"))
    elif os in _SIGNALS and signal not in _SIGNALS[os]:
        errors.append(fields.not_supported(at, signal, _SIGNALS[os]))


def _handler(
    errors: Errors,
    holder: Object,
    grace_period: int | None,
    path: Path,
    kinds: tuple[tuple[str, Callable[[Errors, Object, Path, int | None], None]], ...],
) -> None:
    found = 0
    for key, check in kinds:
        if key not in holder:
            continue
        if found:
            errors.append(fields.forbidden(path.child(key), "may not specify more than 1 handler type"))
        else:
            check(errors, holder[key], path.child(key), grace_period)
        found += 1
    if not found:
        errors.append(fields.required(path, "must specify a handler type"))


def _exec(errors: Errors, action: Object, path: Path, grace_period: int | None) -> None:
    need(errors, action, "command", path)


def _http_get(errors: Errors, action: Object, path: Path, grace_period: int | None) -> None:
    need(errors, action, "path", path)
    port(errors, action.get("port", 0), path.child("port"))
    scheme = action.get("scheme", "")
    if scheme not in _SCHEMES:
        errors.append(fields.not_supported(path.child("scheme"), scheme, _SCHEMES))
    for header in action.get("httpHeaders") or ():
        name = header.get("name", "")
        refuse(errors, path.child("httpHeaders"), name, formats.header_name(name))


def _tcp_socket(errors: Errors, action: Object, path: Path, grace_period: int | None) -> None:
    port(errors, action.get("port", 0), path.child("port"))


def _sleep(errors: Errors, action: Object, path: Path, grace_period: int | None) -> None:
    seconds = action.get("seconds", 0)
    if grace_period is not None and not 0 <= seconds <= grace_period:
        detail = f"must be non-negative and less than terminationGracePeriodSeconds ({grace_period})"
        errors.append(fields.invalid(path, seconds, detail))


_OF_PROBE = (("exec", _exec), ("httpGet", _http_get), ("tcpSocket", _tcp_socket), ("grpc", _tcp_socket))
_OF_LIFECYCLE = (("exec", _exec), ("httpGet", _http_get), ("tcpSocket", _tcp_socket), ("sleep", _sleep))


def port(errors: Errors, value: Any, path: Path) -> None:
    """Check a port that is a number or the name of one."""
    messages = formats.port_name(value) if isinstance(value, str) else formats.port_number(value)
    if messages:
        refuse(errors, path, value, messages)
