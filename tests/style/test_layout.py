"""Style as unit tests: folders, docstrings, sizes, imports and texts that no linter looks at."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

SOURCES = ("sched_core", "proxy_core", "plugins", "cluster_shim", "bench")
TOP_LEVEL_FOLDERS = {*SOURCES, "tests", ".ci"}
LINES_LIMIT = 500

# What a package may import besides the standard library and, where import-linter allows it, its siblings.
THIRD_PARTY = {
    "sched_core": {"numpy", "numba", "llvmlite", "msgspec", "yaml"},  # llvmlite is numba's; yaml: where files are read
    "proxy_core": {"numpy", "msgspec", "pyroute2"},
    "plugins": {"numpy"},
}

# Each is slow to import or has no place in a core: an import of sched_core must not even try. What numba tries on its
# own (scipy if it is there, yaml for its settings) does not count.
SLOW_OR_FOREIGN = ("scapy", "scipy", "matplotlib", "click", "rich", "yaml")

# Written so that the patterns do not find themselves.
PATH_OF_A_MACHINE = re.compile(r"(?<![\w.:])/(?:work|root|home|tmp)/")
REGISTRY_HOST = re.compile(r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|deb\.debian\.org|crates\.io)\b")
SHARED_FOLDER = re.compile(r"\.\./shared\b")


def ignored_patterns(repo: Path) -> list[str]:
    lines = (repo / ".gitignore").read_text(encoding="utf-8").splitlines()
    return [".git", *(line.strip("/") for line in lines if line and not line.startswith("#"))]


def walk(folder: Path, ignored: list[str]) -> Iterator[Path]:
    """Yield the files below a folder, leaving out what git ignores (``.gitignore`` holds plain names only)."""
    for path in sorted(folder.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in ignored):
            continue
        if path.is_dir():
            yield from walk(path, ignored)
        else:
            yield path


@pytest.fixture(scope="module")
def files(repo: Path) -> list[Path]:
    """Return the paths of all files of the repository, relative to its root."""
    return [path.relative_to(repo) for path in walk(repo, ignored_patterns(repo))]


@pytest.fixture(scope="module")
def modules(repo: Path, files: list[Path]) -> dict[Path, str]:
    """Return the source of each Python file by its path relative to the root."""
    return {path: (repo / path).read_text(encoding="utf-8") for path in files if path.suffix == ".py"}


@pytest.fixture(scope="module")
def texts(repo: Path, files: list[Path]) -> dict[Path, str]:
    """Return the content of each file that is UTF-8 text."""
    contents = {}
    for path in files:
        try:
            contents[path] = (repo / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a binary file, such as compressed test data
    return contents


def imported(source: str) -> Iterator[str]:
    """Yield the full name of every module that a source imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def lines_with(pattern: re.Pattern[str], texts: dict[Path, str]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()}"
        for path, text in texts.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


def test_only_the_agreed_top_level_folders(files: list[Path]) -> None:
    assert {path.parts[0] for path in files if len(path.parts) > 1} <= TOP_LEVEL_FOLDERS


@pytest.mark.parametrize("package", SOURCES)
def test_each_package_has_its_theory_beside_the_code(repo: Path, package: str) -> None:
    assert (repo / package / "__init__.py").is_file()
    assert (repo / package / "README.md").read_text(encoding="utf-8").startswith(f"# {package}\n")


def test_each_module_opens_with_a_docstring(modules: dict[Path, str]) -> None:
    assert [str(path) for path, source in modules.items() if not ast.get_docstring(ast.parse(source))] == []


def test_no_module_is_too_long(modules: dict[Path, str]) -> None:
    lengths = {str(path): len(source.splitlines()) for path, source in modules.items()}
    assert {path: lines for path, lines in lengths.items() if lines > LINES_LIMIT} == {}


def test_packages_import_only_their_third_parties(modules: dict[Path, str]) -> None:
    strangers = [
        f"{path} imports {name}"
        for path, source in modules.items()
        for name in imported(source)
        if (allowed := THIRD_PARTY.get(path.parts[0])) is not None
        and (root := name.partition(".")[0]) not in allowed
        and root not in SOURCES
        and root not in sys.stdlib_module_names
    ]
    assert strangers == []


def test_nothing_imports_the_tests(modules: dict[Path, str]) -> None:
    importers = [
        f"{path} imports {name}"
        for path, source in modules.items()
        for name in imported(source)
        if path.parts[0] != "tests" and name.partition(".")[0] in ("tests", "conftest")
    ]
    assert importers == []


def test_no_file_names_a_path_of_a_machine(texts: dict[Path, str]) -> None:
    assert lines_with(PATH_OF_A_MACHINE, texts) == []


def test_no_file_names_a_package_registry(texts: dict[Path, str]) -> None:
    assert lines_with(REGISTRY_HOST, texts) == []


def test_only_tests_and_the_makefile_look_beside_the_repository(texts: dict[Path, str]) -> None:
    elsewhere = {path: text for path, text in texts.items() if path.parts[0] not in ("tests", "Makefile")}
    assert lines_with(SHARED_FOLDER, elsewhere) == []


def test_importing_the_core_does_not_try_slow_or_foreign_packages(repo: Path) -> None:
    program = f"""
import sys

tried = []

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name in {SLOW_OR_FOREIGN!r}:
            frame = sys._getframe(1)
            while frame.f_globals["__name__"].startswith("importlib."):
                frame = frame.f_back
            importer = frame.f_globals["__name__"]
            if importer.partition(".")[0] != "numba":
                tried.append(importer + " imports " + name)

sys.meta_path.insert(0, Watch())
import sched_core
print(*tried, sep="\\n")
"""
    result = subprocess.run([sys.executable, "-c", program], cwd=repo, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout == "\n"
