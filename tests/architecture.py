"""What may import what, where torch may be, and how large things may grow: a walk over the syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ORDER = (
    *(
        "errors",
        "cgroups",
        "progress",
        "sentences",
        "storage",
        "declared",
        "data",
        "metrics",
        "audit",
        "review",
        "recipe",
    ),
    *("weights", "models", "training", "inference", "evaluation", "shipping", "experiments", "scale", "reports"),
    *("trackers", "workflow", "doctor", "web", "cli", "__main__"),
)
"""The packages as a newcomer reads them: each imports only from itself and from those before it."""

TORCH_MODULES = ("torch", "torchvision", "torchaudio", "transformers", "timm", "segmentation_models_pytorch")
TORCH_AT_HOME = (r"models(\.|$)", r"training(\.(?!run$)|$)", r"inference\.runtimes\.torch$")
"""Modules that may import torch when they are imported."""
TORCH_IN_FUNCTIONS = (
    r"inference\.load$",
    r"shipping\.export$",
    r"workflow(\.|$)",
    r"experiments(\.|$)",
    r"scale(\.|$)",
)
"""Modules whose functions may import torch, or a module that does."""

IMPORT_BY_NAME = ("maskwright", "maskwright.models", "maskwright.audit.checks.own")
"""Modules with a literal table of names that they import lazily, or that import what a person names."""

FORBIDDEN_FILES = re.compile(r"^_?(utils?|helpers?|misc|common|tools)$")
FORBIDDEN_CLASSES = re.compile(r"(Manager|Handler|Helper|Utils?|Base|Factory|Processor)$")

LARGEST_FILE, LARGEST_FUNCTION = 499, 59


@dataclass(frozen=True)
class Import:
    """One import in one module.

    Args:
        source: dotted name of the importing module.
        target: dotted name of the imported module.
        line: where.
        when: "at once" when `source` is imported, "in a function" when that is called, or "for types": never.
    """

    source: str
    target: str
    line: int
    when: str


def violations(package: Path) -> list[str]:
    """Everything in a package that breaks the architecture, one sentence each.

    Args:
        package: the folder of the package; its name is the package's.
    """
    files = {_dotted(path, package): path for path in sorted(package.rglob("*.py"))}
    trees = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in files.items()}
    imports = [found for name in files for found in _imports(name, trees[name], files)]
    inside = [found for found in imports if found.target.split(".")[0] == package.name]
    return [
        *_unknown_packages(files, package.name),
        *_against_order(inside, package.name),
        *_cycles(inside),
        *_beyond_fence(imports, package.name),
        *_named_imports(trees),
        *_bad_names(trees, package),
    ]


def oversized(files: Iterable[Path]) -> list[str]:
    """Files of 500 lines or more, and Python functions of 60 lines or more without their docstring."""
    found = []
    for path in files:
        text = path.read_text(encoding="utf-8")
        lines = len(text.splitlines())
        if lines > LARGEST_FILE:
            found.append(f"{path}: {lines} lines; the limit is {LARGEST_FILE}")
        if path.suffix == ".py":
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    length = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
                    if length > LARGEST_FUNCTION:
                        found.append(f"{path}:{node.lineno}: {node.name} has {length} lines of {LARGEST_FUNCTION}")
    return found


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    return (first.end_lineno or first.lineno) - first.lineno + 1 if ast.get_docstring(node) is not None else 0


def _dotted(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, tree: ast.Module, files: dict[str, Path]) -> Iterator[Import]:
    here = name if files[name].stem == "__init__" else name.rpartition(".")[0]
    for node, when in _walk(tree, "at once"):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(name, alias.name, node.lineno, when)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, here)
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield Import(name, whole if whole in files else base, node.lineno, when)


def _walk(node: ast.AST, when: str) -> Iterator[tuple[ast.AST, str]]:
    """All nodes below one, each with when it runs."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        when = "in a function"
    for child in ast.iter_child_nodes(node):
        typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test) and child in node.body
        yield child, "for types" if typing else when
        yield from _walk(child, "for types" if typing else when)


def _base(node: ast.ImportFrom, here: str) -> str:
    if not node.level:
        return node.module or ""
    parts = here.split(".")
    return ".".join([*parts[: len(parts) - node.level + 1], *([node.module] if node.module else [])])


def _unknown_packages(files: dict[str, Path], root: str) -> list[str]:
    names = sorted({name.split(".")[1] for name in files if name != root} - set(ORDER))
    return [f"{root}.{name}: stands nowhere in the ordered list of packages" for name in names]


def _against_order(imports: Iterable[Import], root: str) -> list[str]:
    found = []
    for one in imports:
        if one.source == root:  # the public face: its imports are lazy and for type checkers
            if one.when == "at once":
                found.append(f"{one.source}:{one.line}: imports {one.target} at once; the public face is lazy")
            continue
        source = one.source.split(".")[1]
        target = one.target.split(".")[1] if one.target != root else ""
        if target in ORDER and source in ORDER and ORDER.index(target) > ORDER.index(source):
            found.append(f"{one.source}:{one.line}: imports {one.target}, which stands further down the list")
    return found


def _cycles(imports: Iterable[Import]) -> list[str]:
    graph: dict[str, set[str]] = {}
    for one in imports:
        if one.source.count(".") and one.target.count(".") and one.target != one.source:
            graph.setdefault(one.source, set()).add(one.target)
    done: set[str] = set()
    found = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            found.append("import cycle: " + " -> ".join((*path[path.index(name) :], name)))
        elif name not in done:
            for target in sorted(graph.get(name, ())):
                visit(target, (*path, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
    return found


def _beyond_fence(imports: Iterable[Import], root: str) -> list[str]:
    """Where torch is imported, directly or by importing a module that imports it, outside of its places."""
    real = [one for one in imports if one.when != "for types" and one.source != root]
    loading = _loading_torch(real, root)
    found = []
    for one in real:
        name = one.source.removeprefix(f"{root}.")
        allowed = TORCH_AT_HOME if one.when == "at once" else (*TORCH_AT_HOME, *TORCH_IN_FUNCTIONS)
        brings_torch = _is_torch(one) or loading & _loaded_with(one.target, root)
        if brings_torch and not any(re.match(pattern, name) for pattern in allowed):
            found.append(f"{one.source}:{one.line}: imports {one.target}, which loads torch, outside of the fence")
    return found


def _loading_torch(imports: Iterable[Import], root: str) -> set[str]:
    """The modules of which each loads torch as soon as it is imported."""
    at_once = [one for one in imports if one.when == "at once"]
    loading = {one.source for one in at_once if _is_torch(one)}
    while more := {one.source for one in at_once if loading & _loaded_with(one.target, root)} - loading:
        loading |= more
    return loading


def _is_torch(one: Import) -> bool:
    return one.target.split(".")[0] in TORCH_MODULES


def _loaded_with(name: str, root: str) -> set[str]:
    """A module of the package and the packages that importing it imports first."""
    parts = name.split(".")
    return {".".join(parts[:end]) for end in range(1, len(parts) + 1)} if parts[0] == root else set()


def _named_imports(trees: dict[str, ast.Module]) -> list[str]:
    found = []
    for name, tree in trees.items():
        for node in ast.walk(tree):
            called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if called.endswith(("import_module", "__import__")) and name not in IMPORT_BY_NAME:
                found.append(f"{name}:{node.lineno}: imports by name, which nothing here can follow")
    return found


def _bad_names(trees: dict[str, ast.Module], package: Path) -> list[str]:
    names = {path.stem: path for path in sorted(package.rglob("*")) if path.name != "__pycache__"}
    found = [f"{path}: a name that says nothing" for stem, path in names.items() if FORBIDDEN_FILES.match(stem)]
    classes = [
        (name, node) for name, tree in trees.items() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)
    ]
    return found + [
        f"{name}:{node.lineno}: class {node.name}: values are nouns, acts are functions"
        for name, node in classes
        if FORBIDDEN_CLASSES.search(node.name)
    ]
