"""Views: how user code sees the facts of a module. Generated once per facts class.

Two classes stand for each facts class. Neither is a subclass of it (a subclass would carry its slots, once
for every run), yet both say it is their class, so ``isinstance(view, Facts)`` holds and attrs' own ``==`` and
``repr`` work on them. A copy or pickle of a view is a plain instance.

* The **live** view, one per system and module: the facts are its instance attributes, so reading one costs what
  reading any attribute costs (which is why it has no ``__getattr__``: that alone would make it three times as
  much, so a misspelt name is Python's own AttributeError). Writing goes to the store; what needs no more than a
  comparison is written here.
* The **seen** view shows a world through a *lens*: derivations, constraints, effects and runs get one. Reads
  go through properties that record themselves where the lens tracks; writes go to the lens, which refuses
  them or knows whose they are. A subclass of it, the **helpful** one, also says which name is the nearest. All
  but derivations get that; where a derivation reads what is not there, the graph asks for the same words.

The source of both is generated from the template below, because a property that knows its node's position
reads in half the time of a general ``__getattr__``. Its own names begin with an underscore, as
no fact's does. Print a view class's ``__source__`` to read it.
"""

import linecache
from collections.abc import Callable
from typing import Any

from directive_trio._definitions.fact import FactsSchema
from directive_trio._definitions.names import nearest
from directive_trio._store.lenses import Lens
from directive_trio._store.snapshot import plain_instance
from directive_trio.errors import ReadOnlyFactError, UnknownFactError, UnknownNameError

_FACT = """
    @_property
    def {name}(self):
        node = self._nodes[{position}]
        reads = self._lens.reads
        if reads is not None:
            reads.append(node)
        return node.recall() if node.state else node.value
"""

_DERIVATION = """
    @_property
    def {name}(self):
        node = self._nodes[{position}]
        return node.recall() if node.state else node.value
"""

_SEEN = '''
class {facts}View:
    """{facts} seen through a lens: reads may be tracked, writes go to the lens."""

    __slots__ = ("_lens", "_nodes")
    __class__ = _property(lambda view: facts_class)
{properties}'''

_LIVE = '''
class {facts}Live:
    """{facts} as they are: facts are in ``__dict__``, derivations are computed when read."""

    __slots__ = ("__dict__", "_lens", "_nodes", "_store", "_values")
    __class__ = _property(lambda view: facts_class)
{properties}'''

_SKIPPED = frozenset(
    {"__annotations__", "__dict__", "__doc__", "__getstate__", "__module__", "__qualname__", "__setstate__"}
    | {"__slots__", "__weakref__", "__init__", "__new__", "__setattr__", "__delattr__"}
    | {"__getattr__", "__getattribute__", "__init_subclass__", "__class__", "__reduce__", "__reduce_ex__"}
)
"""What a view does not take over from the facts class: what makes, stores and copies instances."""


class ViewClasses:
    """The classes of one facts class, and the positions of its nodes: facts first, then derivations."""

    __slots__ = ("helpful", "live", "positions", "schema", "seen")

    def __init__(self, schema: FactsSchema) -> None:
        self.schema = schema
        self.positions = {name: at for at, name in enumerate([*schema.facts, *schema.derivations])}
        properties = "".join(_FACT.format(name=name, position=position) for name, position in self.positions.items())
        derived = "".join(_DERIVATION.format(name=name, position=self.positions[name]) for name in schema.derivations)
        facts = schema.facts_class.__name__
        self.seen = self._make(_SEEN.format(facts=facts, properties=properties), f"{facts}View")
        self.live = self._make(_LIVE.format(facts=facts, properties=derived), f"{facts}Live")
        self.helpful = _finish_seen(self)
        _finish_live(self)

    def _make(self, source: str, name: str) -> Any:
        namespace: dict[str, Any] = {}
        filename = f"<directive_trio view {self.schema.facts_class.__module__}.{name}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        facts_class = self.schema.facts_class
        known = {"__name__": __name__, "_property": property, "facts_class": facts_class}
        exec(compile(source, filename, "exec"), known, namespace)  # noqa: S102  # our template
        view_class = namespace[name]
        view_class.__source__ = source
        for base in reversed(facts_class.__mro__[:-1]):
            for member, value in vars(base).items():
                if member not in self.positions and member not in _SKIPPED:
                    bound = isinstance(value, classmethod)  # to the facts class, which it may make instances of
                    setattr(view_class, member, getattr(facts_class, member) if bound else value)
        view_class._beside = lambda view, module: view._lens.beside(module)
        return view_class

    def unknown(self, name: str) -> UnknownFactError:
        """Make the error for an attribute that is not there."""
        kind = f"fact or derivation of {self.schema.facts_class.__name__}"
        return UnknownFactError(kind, name, nearest(name, self.positions))


def _finish_seen(classes: ViewClasses) -> Any:
    seen, positions = classes.seen, classes.positions
    set_lens, set_nodes = seen._lens.__set__, seen._nodes.__set__
    count = len(classes.schema.facts)

    def __init__(view: Any, lens: Lens, nodes: tuple[Any, ...]) -> None:
        set_lens(view, lens)
        set_nodes(view, nodes)

    def __setattr__(view: Any, name: str, value: Any) -> None:
        position = positions.get(name)
        if position is None:
            raise classes.unknown(name)
        if position >= count:
            raise ReadOnlyFactError(view._nodes[position].name, "it is a derivation")
        view._lens.write(view._nodes[position], value)

    def _explain(view: Any, error: AttributeError) -> AttributeError:
        name = error.name or "_"
        if error.obj is not view or name.startswith("_"):
            return error
        return classes.unknown(name).with_traceback(error.__traceback__)

    def __getattr__(_view: Any, name: str) -> Any:
        if name.startswith("_"):  # protocols that copy, print or pickle ask for such names
            raise AttributeError(name)
        raise classes.unknown(name)

    helpful: Any = type(seen.__name__, (seen,), {"__slots__": (), "__getattr__": __getattr__})
    seen.__init__ = __init__
    seen.__setattr__ = __setattr__
    seen._untracked = lambda view: helpful(view._lens.quiet, view._nodes)
    seen._explain = _explain
    _refuse_the_rest(seen, classes)
    return helpful


class _RemovedStore:
    """What the live view of a module that was removed writes to."""

    epoch = -1  # no cell has this: nothing takes the short way

    def write_plainly(self, cell: Any, _value: Any) -> None:
        raise UnknownNameError("module", cell.home.module)


def _finish_live(classes: ViewClasses) -> None:
    live, positions = classes.live, classes.positions
    set_lens, set_nodes, set_store = live._lens.__set__, live._nodes.__set__, live._store.__set__
    set_values, set_dict = live._values.__set__, live.__dict__["__dict__"].__set__
    count = len(classes.schema.facts)

    def __init__(view: Any, lens: Lens, nodes: tuple[Any, ...], values: dict[str, Any], store: Any) -> None:
        set_lens(view, lens)
        set_nodes(view, nodes)
        set_store(view, store)
        set_dict(view, values)
        set_values(view, values)  # the same: ``__dict__`` takes longer

    def __setattr__(view: Any, name: str, value: Any) -> None:
        store = view._store
        try:
            cell = view._nodes[positions[name]]
        except KeyError:
            raise classes.unknown(name) from None
        if cell.epoch == store.epoch and type(value) is type(cell.value) and store.tracking.reads is None:
            if value != cell.value:  # the short way, see `Store`
                if store.transaction is not None:
                    store.transaction.journal(cell)
                store.revision = cell.version = store.revision + 1
                cell.value = view._values[name] = value
                if cell.dependents:
                    store.mark(cell)
        elif positions[name] < count:
            store.write_plainly(cell, value)
        else:
            raise ReadOnlyFactError(cell.name, "it is a derivation")

    live.__init__ = __init__
    live.__setattr__ = __setattr__
    live._remove = lambda view: set_store(view, _RemovedStore())
    live._untracked = lambda view: classes.helpful(view._lens, view._nodes)
    _refuse_the_rest(live, classes)


def _refuse_the_rest(view_class: Any, classes: ViewClasses) -> None:
    def __delattr__(_view: Any, name: str) -> None:
        raise ReadOnlyFactError(name, "a fact cannot be deleted; write its default instead")

    def __reduce_ex__(view: Any, _protocol: object) -> tuple[Any, ...]:
        return plain_instance, (
            classes.schema.facts_class,
            {name: getattr(view, name) for name in classes.schema.facts},
        )

    view_class.__delattr__ = __delattr__
    view_class.__reduce_ex__ = __reduce_ex__
    if not _has_own_repr(classes.schema.facts_class):
        view_class.__repr__ = _repr_of(classes)


def _has_own_repr(facts_class: type) -> bool:
    code = getattr(facts_class.__repr__, "__code__", None)
    return code is not None and not code.co_filename.startswith("<attrs generated")


def _repr_of(classes: ViewClasses) -> Callable[[Any], str]:
    """Print the facts without recording reads, as attrs prints an instance."""
    spelt = {name: fact.attribute.repr for name, fact in classes.schema.facts.items() if fact.attribute.repr}
    fields = [(name, classes.positions[name], spell if callable(spell) else repr) for name, spell in spelt.items()]
    name = classes.schema.facts_class.__name__

    def __repr__(view: Any) -> str:
        values = ", ".join(f"{field}={spell(view._nodes[position].recall())}" for field, position, spell in fields)
        return f"{name}({values})"

    return __repr__


KEPT_AS = "__directive_trio_views__"


def view_classes(schema: FactsSchema) -> ViewClasses:
    """Return the view classes of a facts class; made once, and kept by the class itself, with which they go."""
    found: ViewClasses | None = vars(schema.facts_class).get(KEPT_AS)
    if found is None:
        found = ViewClasses(schema)
        setattr(schema.facts_class, KEPT_AS, found)
    return found
