"""The YAML templates of upstream's benchmark: text with actions (``{{ Mod .Index 12 }}``), one object per index.

A template is parsed as YAML once; only the scalars with actions in them are worked out for each index. That gives what
rendering the text and parsing it for each object would, because an action can only stand for a number. What Go's
templates have besides (conditions, loops, variables, pipes) does not occur there and is refused by name.
Source: test/integration/scheduler_perf/operations.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache, reduce
from pathlib import Path
from typing import Any

import yaml

from sched_core.objects.yaml_loader import KubernetesLoader

Number = int | float
Environment = dict[str, Number]
Evaluate = Callable[[Environment], Number]

_ACTION = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")
_NUMBER = re.compile(r"[-+]?(?:\d+(\.\d*)?|\.\d+)")
_MARK = re.compile("\ue000(\\d+)\ue001")  # stands for an action in the parsed text; of a private use area
_PLAIN = "\ue002"  # before a scalar that is not quoted: what it becomes may be a number


class TemplateError(ValueError):
    """A template that cannot be read; the message says why."""


def _add(numbers: list[Number]) -> float:
    return reduce(lambda total, number: total + float(number), numbers, 0.0)


def _multiply(numbers: list[Number]) -> float:
    return reduce(lambda total, number: total * float(number), numbers, 1.0)


def _divide(numbers: list[Number]) -> float:
    whole, part = map(float, numbers)
    if part == 0:
        raise TemplateError("division by zero")
    return whole / part


def _mod(numbers: list[Number]) -> int:
    whole, part = map(int, numbers)
    if part == 0:
        raise TemplateError("division by zero")
    return whole - part * int(whole / part)  # Go's remainder has the sign of the dividend


def _subtract(numbers: list[Number]) -> float:
    return float(numbers[0]) - float(numbers[1])


_ANY = -1
FUNCTIONS: dict[str, tuple[int, Callable[[list[Number]], Number]]] = {
    "AddFloat": (_ANY, _add),
    "AddInt": (_ANY, lambda numbers: int(_add(numbers))),
    "DivideFloat": (2, _divide),
    "DivideInt": (2, lambda numbers: int(_divide(numbers))),
    "Mod": (2, _mod),
    "MultiplyFloat": (_ANY, _multiply),
    "MultiplyInt": (_ANY, lambda numbers: int(_multiply(numbers))),
    "SubtractFloat": (2, _subtract),
    "SubtractInt": (2, lambda numbers: int(_subtract(numbers))),
}
"""Function to how many numbers it takes, and what it does: all arithmetic is in float64, as upstream."""


class Template:
    """One template; ``value`` makes the object of an index."""

    def __init__(self, text: str) -> None:
        """Parse a template. Raises TemplateError."""
        self._actions: list[Evaluate] = []
        try:
            marked = _ACTION.sub(self._mark, text)
            self._skeleton = _parse(marked)
        except yaml.YAMLError as error:
            raise TemplateError(f"malformed YAML: {' '.join(str(error).split())}") from None

    @classmethod
    def from_file(cls, path: Path) -> Template:
        """Read a template. Raises TemplateError."""
        try:
            return cls(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise TemplateError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None

    @property
    def varies(self) -> bool:
        """Tell whether there are actions, so that the objects differ."""
        return bool(self._actions)

    def value(self, index: int, count: int) -> Any:
        """Return the object number ``index`` of ``count``, as decoded YAML. Raises TemplateError."""
        if not self._actions:
            return self._skeleton
        environment: Environment = {"Index": index, "Count": count}
        texts = [_shown(action(environment)) for action in self._actions]
        return _filled(self._skeleton, texts)

    def _mark(self, match: re.Match[str]) -> str:
        self._actions.append(_compile(match[1]))
        return f"\ue000{len(self._actions) - 1}\ue001"


def _parse(text: str) -> Any:
    """Parse YAML; scalars with marks become text, and those that are not quoted begin with the sign for that."""
    loader = KubernetesLoader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            raise TemplateError("holds no object")
        _keep_as_text(root)
        return loader.construct_document(root)
    finally:
        loader.dispose()


def _keep_as_text(node: yaml.Node) -> None:
    if isinstance(node, yaml.ScalarNode):
        if _MARK.search(node.value):
            if not node.style:
                node.value = _PLAIN + node.value
            node.tag = "tag:yaml.org,2002:str"
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _keep_as_text(key)
            _keep_as_text(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _keep_as_text(value)


def _filled(value: Any, texts: list[str]) -> Any:
    if isinstance(value, dict):
        return {_filled(key, texts): _filled(item, texts) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, texts) for item in value]
    if not isinstance(value, str) or "\ue000" not in value:
        return value
    text = _MARK.sub(lambda match: texts[int(match[1])], value)
    return _plain_scalar(text[1:]) if text.startswith(_PLAIN) else text


@lru_cache(maxsize=1 << 16)
def _plain_scalar(text: str) -> Any:
    return yaml.load(text, KubernetesLoader)


def _shown(number: Number) -> str:
    """Return a number as Go prints it."""
    if isinstance(number, float) and number.is_integer() and abs(number) < 1e21:
        return str(int(number))
    return repr(number)


def _compile(action: str) -> Evaluate:
    """Turn the text of an action into a function. Raises TemplateError for what is not supported."""
    text = action.strip().removeprefix("- ").removesuffix(" -").strip()
    tokens = _TOKEN.findall(text)
    try:
        evaluate, rest = _call(tokens)
    except IndexError:
        raise TemplateError(f"action {{{{{action}}}}} ends too early") from None
    if rest:
        raise TemplateError(f"action {{{{{action}}}}}: {rest[0]!r} is not supported here")
    return evaluate


def _call(tokens: list[str]) -> tuple[Evaluate, list[str]]:
    """Read a function with its arguments, or a single argument; return what is left of the tokens."""
    name = tokens[0]
    if name not in FUNCTIONS:
        return _argument(tokens)
    arguments: list[Evaluate] = []
    rest = tokens[1:]
    while rest and rest[0] != ")":
        argument, rest = _argument(rest)
        arguments.append(argument)
    arity, function = FUNCTIONS[name]
    if arity not in (_ANY, len(arguments)):
        raise TemplateError(f"{name} takes {arity} numbers, not {len(arguments)}")
    return (lambda environment: function([each(environment) for each in arguments])), rest


def _argument(tokens: list[str]) -> tuple[Evaluate, list[str]]:
    token, rest = tokens[0], tokens[1:]
    if token == "(":
        evaluate, rest = _call(rest)
        if rest[0] != ")":
            raise TemplateError(f"{rest[0]!r} is not supported here")
        return evaluate, rest[1:]
    if token in (".Index", ".Count"):
        return (lambda environment: environment[token[1:]]), rest
    if number := _NUMBER.fullmatch(token):
        constant = float(token) if "." in token else int(number[0])
        return (lambda environment: constant), rest
    raise TemplateError(f"{token!r} is not supported: .Index, .Count, numbers and {', '.join(FUNCTIONS)} are")
