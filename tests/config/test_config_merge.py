"""Merging a user's plugin sets with the default ones, and the order in which plugins run in the end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sched_core.config import DEFAULT_MULTI_POINT, UPSTREAM_PLUGINS, ProfileConfig, dump_config, expand, load_config
from sched_core.config.merge import DEFAULT_PLUGINS, merge_plugin_set, merge_plugins
from sched_core.config.types import EXTENSION_POINTS, Plugin, Plugins, PluginSet
from sched_core.errors import InvalidConfig
from tests.naive.merge import expanded, merged


def plugin_set(enabled: str = "", disabled: str = "") -> PluginSet:
    """Build a set from words like ``A B=3``."""

    def entries(words: str) -> tuple[Plugin, ...]:
        pairs = (word.partition("=") for word in words.split())
        return tuple(Plugin(name, int(weight or 0)) for name, _, weight in pairs)

    return PluginSet(enabled=entries(enabled), disabled=entries(disabled))


# default, user's, expected: enabled and disabled lists
EXAMPLES = {
    "a new plugin goes to the end": (("A B", ""), ("X", ""), ("A B X", "")),
    "a default plugin is moved behind a new one": (("A B", ""), ("X B", "B"), ("A X B", "B")),
    "all disabled, the user's order": (("A B", ""), ("B A", "*"), ("B A", "*")),
    "a new weight leaves the place": (("A B C", ""), ("C=3 A=2", ""), ("A=2 B C=3", "")),
    "a weight that is not given is not the default one": (("A=3", ""), ("A", ""), ("A", "")),
    "of two entries the last replaces, the other stays": (("A B C", ""), ("B=2 B=4", ""), ("A B=4 C B=2", "")),
    "only disabled": (("A", ""), ("", "A"), ("", "A")),
    "disabling what is not there": (("A", ""), ("", "X"), ("A", "X")),
    "what the default disables stays disabled": (("A B", "B"), ("X", ""), ("A X", "B")),
    "the user's disabled come first": (("A", "B"), ("", "C"), ("A", "C B")),
    "weights of disabled entries are dropped": (("A", ""), ("", "A=7"), ("", "A")),
    "nothing": (("A B=2", ""), ("", ""), ("A B=2", "")),
}


@pytest.mark.parametrize(("default", "custom", "expected"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_examples(default: tuple[str, str], custom: tuple[str, str], expected: tuple[str, str]) -> None:
    assert merge_plugin_set(plugin_set(*default), plugin_set(*custom)) == plugin_set(*expected)


def test_every_point_is_merged_with_its_own() -> None:
    custom = Plugins(**{attribute: plugin_set(attribute) for attribute in Plugins.__struct_fields__})
    result = merge_plugins(DEFAULT_PLUGINS, custom)
    for attribute in Plugins.__struct_fields__:
        default = [name for name, _ in DEFAULT_MULTI_POINT] if attribute == "multi_point" else []
        assert [plugin.name for plugin in getattr(result, attribute).enabled] == [*default, attribute]


names = st.sampled_from("ABCDEFG")
entries = st.lists(st.builds(Plugin, names, st.integers(-1, 3)), max_size=6).map(tuple)
unique_entries = st.lists(st.builds(Plugin, names, st.integers(-1, 3)), max_size=6, unique_by=lambda p: p.name).map(
    tuple
)
disabled_entries = st.lists(st.builds(Plugin, st.sampled_from("ABCDEFG*")), max_size=3).map(tuple)


@given(unique_entries, disabled_entries, entries, disabled_entries)
def test_merge_is_the_obvious_one(
    default: tuple[Plugin, ...],
    default_disabled: tuple[Plugin, ...],
    enabled: tuple[Plugin, ...],
    disabled: tuple[Plugin, ...],
) -> None:
    result = merge_plugin_set(PluginSet(default, default_disabled), PluginSet(enabled, disabled))
    off = [plugin.name for plugin in (*disabled, *default_disabled)]
    before, users, after = (
        [(plugin.name, plugin.weight) for plugin in plugins] for plugins in (default, enabled, result.enabled)
    )
    assert after == merged(before, users, off)
    assert [plugin.name for plugin in result.disabled] == off


@given(unique_entries, unique_entries, disabled_entries)
def test_merging_again_changes_nothing(
    default: tuple[Plugin, ...], enabled: tuple[Plugin, ...], disabled: tuple[Plugin, ...]
) -> None:
    defaults = PluginSet(default)
    assert merge_plugin_set(defaults, defaults) == defaults
    once = merge_plugin_set(defaults, PluginSet(enabled, disabled))
    assert merge_plugin_set(defaults, once) == once


POINTS = st.sampled_from(EXTENSION_POINTS)
IN_TREE = st.sampled_from(sorted(UPSTREAM_PLUGINS))


@st.composite
def plugins_of_users(draw: st.DrawFn) -> Plugins:
    """Draw plugin sets as a user might write them: no entry twice, only plugins that implement the point."""
    multi = draw(st.lists(st.builds(Plugin, IN_TREE, st.integers(0, 9)), max_size=8, unique_by=lambda p: p.name))
    disabled = draw(st.lists(st.builds(Plugin, IN_TREE), max_size=4))
    if draw(st.integers(0, 3)) == 0:
        disabled.append(Plugin("*"))
    sets = {"multi_point": PluginSet(tuple(multi), tuple(disabled))}
    by_point = dict(
        zip(EXTENSION_POINTS, (name for name in Plugins.__struct_fields__ if name != "multi_point"), strict=True)
    )
    for point in draw(st.sets(POINTS, max_size=5)):
        fitting = sorted(name for name, points in UPSTREAM_PLUGINS.items() if point in points) or ["Nobody"]
        able = st.builds(Plugin, st.sampled_from(fitting), st.integers(0, 9))
        enabled = draw(st.lists(able, max_size=5, unique_by=lambda p: p.name)) if fitting != ["Nobody"] else []
        off = draw(st.lists(st.builds(Plugin, st.sampled_from([*fitting, "*"])), max_size=3))
        sets[by_point[point]] = PluginSet(tuple(enabled), tuple(off))
    return Plugins(**sets)


@given(plugins_of_users())
def test_the_order_at_every_point_is_the_obvious_one(custom: Plugins) -> None:
    plugins = merge_plugins(DEFAULT_PLUGINS, custom)
    profile = ProfileConfig(scheduler_name="x", percentage_of_nodes_to_score=None, plugins=plugins, plugin_config={})
    sets = plugins.sets()
    multi = [plugin.name for plugin in sets["multiPoint"].enabled]
    expected = {
        point: tuple(
            expanded(
                point,
                multi,
                [plugin.name for plugin in sets[point].enabled],
                [plugin.name for plugin in sets[point].disabled],
                UPSTREAM_PLUGINS,
            )
        )
        for point in EXTENSION_POINTS
    }
    usable = len(expected["queueSort"]) == 1 and expected["bind"] and len(expected["placementGenerate"]) <= 1
    try:
        result = expand(profile, UPSTREAM_PLUGINS.__getitem__)
    except InvalidConfig:
        assert not usable
        return
    assert usable
    assert result.points == expected
    explicit = {plugin.name: plugin.weight for plugin in sets["score"].enabled}
    general = {plugin.name: plugin.weight for plugin in sets["multiPoint"].enabled}
    assert result.score_weights == {name: explicit.get(name, general.get(name, 0)) or 1 for name in expected["score"]}


@given(plugins_of_users())
def test_a_completed_configuration_can_be_written_and_read_again(custom: Plugins) -> None:
    default = load_config(None)
    tree = dump_config(default)
    tree["profiles"][0]["plugins"] = {
        point: {
            "enabled": [{"name": plugin.name, "weight": plugin.weight} for plugin in plugins.enabled],
            "disabled": [{"name": plugin.name} for plugin in plugins.disabled],
        }
        for point, plugins in custom.sets().items()
    }
    config = load_config(tree)
    assert config.profiles[0].plugins == merge_plugins(DEFAULT_PLUGINS, custom)
    again = load_config(dump_config(config))
    assert again.profiles[0].plugins == config.profiles[0].plugins
    assert dump_config(again) == dump_config(config)
