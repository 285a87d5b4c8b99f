"""No ring of imports, neither between the rooms nor inside one.

The floors themselves are in ``pyproject.toml`` and checked by import-linter. It looks at rooms; this looks
at files, so that a ring inside a room is seen too. What is imported for the type checker only is left out:
it makes no ring when the program runs.
"""

import ast
from graphlib import CycleError, TopologicalSorter

from tests.house.project import PACKAGE, module_name, python_files, tree_of, walk_at_run_time


def imported_modules(tree: ast.AST, known: frozenset[str]) -> set[str]:
    """The modules of the house a module imports, wherever in it the import stands."""
    imported: set[str] = set()
    for node in walk_at_run_time(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            imported |= inner & known
            if inner - known:  # a name that is no module comes from the module itself
                imported.add(node.module)
    return imported & known


def ring_in(trees: dict[str, ast.Module]) -> list[str]:
    """A ring of modules that import each other, from one round to the same again; empty without."""
    known = frozenset(trees)
    graph = {name: imported_modules(tree, known) - {name} for name, tree in trees.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        ring: list[str] = error.args[1]
        return ring
    return []


def test_no_module_imports_itself_in_the_end() -> None:
    """The order in which the house can be read is the order in which it can be imported."""
    ring = ring_in({module_name(path): tree_of(path) for path in python_files(PACKAGE)})
    assert not ring, f"a ring of imports: {' <- '.join(ring)}"


def test_a_ring_is_found_through_a_package_and_through_a_function() -> None:
    """It makes no difference how and where the import is written."""
    trees = {
        "d": ast.parse("from d.room.b import B"),
        "d.room": ast.parse("import d.room.a"),
        "d.room.a": ast.parse("def f():\n    from d.room import b"),
        "d.room.b": ast.parse("from d.room import Something"),
    }
    assert set(ring_in(trees)) == {"d.room", "d.room.a", "d.room.b"}


def test_an_import_for_the_type_checker_makes_no_ring() -> None:
    """But what stands in its ``else`` is imported."""
    one_way = ast.parse("import d.b")
    back = "if TYPE_CHECKING:\n    import d.a\nelse:\n    import {}"
    assert not ring_in({"d.a": one_way, "d.b": ast.parse(back.format("os"))})
    assert ring_in({"d.a": one_way, "d.b": ast.parse(back.format("d.a"))})
