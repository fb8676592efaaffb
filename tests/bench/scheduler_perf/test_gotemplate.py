"""Go templates: parsed once, the same objects as rendering and parsing each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.scheduler_perf.gotemplate import Template, TemplateError
from sched_core.objects.yaml_loader import KubernetesLoader


def test_a_template_without_actions_is_its_yaml() -> None:
    template = Template("a: 1\nb: [x, '2']\n")
    assert not template.varies
    assert template.value(0, 1) == template.value(5, 9) == {"a": 1, "b": ["x", "2"]}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (".Index", 13),
        (" .Count ", 40),
        ("- .Index -", 13),
        ("Mod .Index 5", 3),
        ("DivideInt 30000 .Count", 750),
        ("DivideInt .Index 10", 1),
        ("DivideFloat .Index 10", 1.3),
        ("DivideFloat .Count 10", 4),
        ("AddInt .Index .Count 1", 54),
        ("AddFloat .Index 0.5", 13.5),
        ("SubtractInt .Index .Count", -27),
        ("SubtractFloat .Index 0.25", 12.75),
        ("MultiplyInt .Index 2.5", 32),
        ("MultiplyFloat .Index 0.5", 6.5),
        ("Mod (SubtractInt .Index .Count) 5", -2),
        ("AddInt (Mod .Index 5) (DivideInt .Count 3)", 16),
    ],
)
def test_actions_compute_as_upstreams_functions(action: str, expected: float) -> None:
    value = Template(f"n: {{{{{action}}}}}").value(13, 40)["n"]
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        "host: 8{{ Mod .Index 12 }}",
        "memory: {{ DivideInt 30000 .Count }}Mi",
        'quoted: "{{ .Index }}"',
        "'{{ .Index }}': {{ .Index }}",
        "foo.com/bar-{{.Index}}: 1",
        "deep: {list: [a-{{.Index}}, {{.Index}}, {key: {{.Count}}}]}",
        "negative: -{{.Index}}",
        "fraction: {{.Index}}.{{.Count}}",
        "spaces: a {{.Index}} b",
        "text: |\n  line {{.Index}}\n",
    ],
)
def test_the_result_is_that_of_rendering_the_text_first(text: str) -> None:
    template = Template(text)
    for index, count in ((0, 1), (7, 12), (11, 100)):
        rendered = text
        for action, number in (
            ("{{ Mod .Index 12 }}", index % 12),
            ("{{ DivideInt 30000 .Count }}", 30000 // count),
            ("{{ .Index }}", index),
            ("{{.Index}}", index),
            ("{{.Count}}", count),
        ):
            rendered = rendered.replace(action, str(number))
        assert template.value(index, count) == yaml.load(rendered, KubernetesLoader)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: {{ if .Index }}", "'if' is not supported"),
        ("a: {{ .Name }}", "'.Name' is not supported"),
        ("a: {{ .Index | Mod 2 }}", "'|' is not supported here"),
        ("a: {{ Mod .Index }}", "Mod takes 2 numbers, not 1"),
        ("a: {{ (Mod .Index 2 }}", "ends too early"),
        ("a: {{ }}", "ends too early"),
        ("a: {{ (.Index .Count) }}", "'.Count' is not supported here"),
        ("a: [", "malformed YAML"),
        ("", "holds no object"),
    ],
)
def test_what_is_not_supported_is_named(text: str, reason: str) -> None:
    with pytest.raises(TemplateError) as refused:
        Template(text)
    assert reason in str(refused.value)


@pytest.mark.parametrize("action", ["DivideInt 1 .Index", "Mod 1 .Index"])
def test_division_by_zero_is_an_error_of_the_template(action: str) -> None:
    with pytest.raises(TemplateError, match="division by zero"):
        Template(f"a: {{{{ {action} }}}}").value(0, 1)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="cannot be read: No such file"):
        Template.from_file(tmp_path / "gone.yaml")


def test_objects_of_different_indices_share_nothing_that_differs() -> None:
    template = Template("a: {b: {{.Index}}, c: {d: 1}}")
    values: list[Any] = [template.value(index, 3) for index in range(3)]
    assert [value["a"]["b"] for value in values] == [0, 1, 2]
