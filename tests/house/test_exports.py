"""The public surface: what each public module lists is what it has, and each name has one home."""

import ast
import importlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import directive_trio
import directive_trio.abc
from tests.house.project import PACKAGE, module_name, tree_of, walk_at_run_time

# Modules whose names users import; in a package named here the inner files are its own business.
PUBLIC_MODULES = ("", "abc", "errors", "lowlevel", "observe", "patterns", "testing")
# Packages of which users import the files one by one.
PUBLIC_PACKAGES = ("plugins",)


def public_files() -> list[Path]:
    """The files of all public modules that exist so far."""
    candidates: list[Path] = []
    for name in PUBLIC_MODULES:
        candidates += [PACKAGE / name / "__init__.py"] + ([PACKAGE / f"{name}.py"] if name else [])
    for name in PUBLIC_PACKAGES:
        candidates += sorted((PACKAGE / name).glob("[!_]*.py"))
        candidates += sorted((PACKAGE / name).glob("[!_]*/__init__.py"))
    return [path for path in candidates if path.exists()]


def listed_in(tree: ast.Module) -> list[str] | None:
    """What ``__all__`` holds, or None without one."""
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        named = any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets)
        if named and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            return list(ast.literal_eval(node.value))
    return None


def names_stated_in(node: ast.AST) -> list[str]:
    """The names one statement defines."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def names_passed_on_by(node: ast.AST) -> list[str]:
    """The names a statement takes from elsewhere in the package."""
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "directive_trio":
        return [alias.asname or alias.name for alias in node.names]
    return []


def public_names_in(tree: ast.Module) -> set[str]:
    """What is there for users: what the module defines or, where it defines nothing, passes on."""
    statements = [node for node in walk_at_run_time(tree) if node in tree.body]
    defined = {name for node in statements for name in names_stated_in(node)}
    passed_on = {name for node in statements for name in names_passed_on_by(node)}
    names = {name for name in defined if not name.startswith("_")}
    return names or {name for name in passed_on if not name.startswith("_")}


def export_order(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then functions, as ruff sorts them."""
    if name.isupper() and len(name) > 1:
        return 0, name
    return (1 if name[:1].isupper() else 2), name


def faults_of(tree: ast.Module) -> list[str]:
    """What is wrong with the ``__all__`` of a public module."""
    listed, present = listed_in(tree), public_names_in(tree)
    if listed is None:
        return ["has no __all__"] if present else []
    faults = []
    if listed != sorted(listed, key=export_order):
        faults.append("__all__ is not sorted")
    if len(set(listed)) != len(listed):
        faults.append("__all__ has a name twice")
    if present - set(listed):
        faults.append(f"__all__ lacks {sorted(present - set(listed))}")
    if set(listed) - present:
        faults.append(f"__all__ lists {sorted(set(listed) - present)}, which the module lacks")
    return faults


def test_every_public_module_lists_exactly_the_names_it_has() -> None:
    """``__all__`` is sorted and complete, and lists nothing that is not there."""
    faults = {module_name(path): faults_of(tree_of(path)) for path in public_files()}
    assert not {name: found for name, found in faults.items() if found}


def test_every_listed_name_can_be_had() -> None:
    """``from module import *`` works, with nothing else installed."""
    for path in public_files():
        module = importlib.import_module(module_name(path))
        missing = [name for name in listed_in(tree_of(path)) or () if not hasattr(module, name)]
        assert not missing, f"{module.__name__} has no {missing}"


def test_every_public_name_has_one_home() -> None:
    """A user finds a name in one place, and only there."""
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for path in public_files():
        for name in listed_in(tree_of(path)) or ():
            homes[name].append(module_name(path))
    assert not {name: modules for name, modules in homes.items() if len(modules) > 1}


def is_open(cls: Any) -> bool:
    """A class that can be subclassed; a protocol is there to be implemented."""
    return isinstance(cls, type) and not getattr(cls, "__final__", False) and not getattr(cls, "_is_protocol", False)


def test_public_classes_are_final_unless_they_are_there_to_be_implemented() -> None:
    """What users subclass stands in ``directive_trio.abc``; everything else is ``@final``."""
    implemented = {value for value in vars(directive_trio.abc).values() if isinstance(value, type)}
    exported = {name: getattr(directive_trio, name) for name in directive_trio.__all__}
    open_classes = [name for name, value in exported.items() if is_open(value) and value not in implemented]
    assert not open_classes, f"neither @final nor in directive_trio.abc: {open_classes}"


def test_each_fault_of_a_list_is_found() -> None:
    """Unsorted, doubled, lacking, too much, and no list at all."""
    assert faults_of(ast.parse("class A: ...\ndef b(): ...\n__all__ = ['A', 'b']")) == []
    assert faults_of(ast.parse("from directive_trio.x import A as B\n__all__ = ['B']")) == []
    assert faults_of(ast.parse('"""Nothing in it."""')) == []
    assert faults_of(ast.parse("import trio\nA = 1")) == ["has no __all__"]
    assert faults_of(ast.parse("a = B = 1\n__all__ = ['a', 'B', 'a']")) == [
        "__all__ is not sorted",
        "__all__ has a name twice",
    ]
    assert faults_of(ast.parse("a = b = 1\n__all__ = ['a', 'c']")) == [
        "__all__ lacks ['b']",
        "__all__ lists ['c'], which the module lacks",
    ]


def test_a_class_left_open_is_found() -> None:
    """Not an instance, not a function: a class without ``@final``."""
    assert is_open(type("Open", (), {}))
    assert not is_open(type("Closed", (), {"__final__": True}))
    assert not is_open(print)
