"""Write docs/reference.md from the docstrings of the public names: ``.venv/bin/python docs/make_reference.py``.

Signatures are taken from the source, so that they read as they were written. Docstrings are in Google's form;
their sections become lists. What runs in them is tested where it stands, so the page only shows it.
"""

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import directive_trio
import directive_trio.plugins

PAGE = Path(__file__).with_name("reference.md")
WIDTH = 100
"""A longer signature gets a line for each parameter."""

INTRODUCTION = """\
# Reference

Made from the docstrings by `docs/make_reference.py`; change those, not this page. Start with
[System](#system), [Module](#module) and [Context](#context). All times are float seconds.
"""

ENGINE_MADE = frozenset({
    *("Constraint", "DeclaredSource", "Derivation", "Effect", "Resolver", "SystemView"),
    *("EvictionReport", "Explanation", "Inspection", "SystemGraph"),
})  # fmt: skip
"""Classes whose instances are made by the engine: how is none of a program's business."""

SECTIONS = ("Args", "Returns", "Yields", "Raises", "Cancellation", "Example", "Source")
SECTION = re.compile(rf"^({'|'.join(SECTIONS)}):$")
DOUBLE_TICKS = re.compile(r"(?<!`)``(?!`)")
ENTRY = re.compile(r"^(\*{0,2}\w[\w.]*): (.*)$")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def public_modules() -> Iterator[ModuleType]:
    """All modules a program may import from, the front door first."""
    yield directive_trio
    for name in ("abc", "observe", "errors", "patterns", "lowlevel", "testing"):
        yield importlib.import_module(f"directive_trio.{name}")
    for found in pkgutil.iter_modules(directive_trio.plugins.__path__):
        if not found.name.startswith("_"):
            yield importlib.import_module(f"directive_trio.plugins.{found.name}")


def make_reference() -> str:
    """Make the whole page."""
    seen: Counter[str] = Counter()
    return "\n".join([INTRODUCTION, *(module_text(module, seen) for module in public_modules())])


def module_text(module: ModuleType, seen: Counter[str]) -> str:
    """Make the chapter of one module: a table for observations and errors, else one section a name."""
    names = list(module.__all__)
    texts = [f"## {module.__name__}\n", markdown(inspect.getdoc(module) or "")]
    if module.__name__ in {"directive_trio.observe", "directive_trio.errors"}:
        texts.append(table_of([getattr(module, name) for name in names]))
    else:
        texts.append(" · ".join(f"[{name}](#{anchor(name, seen)})" for name in names) + "\n")
        texts += [text for name in names for text in name_text(name, getattr(module, name))]
    return "\n".join(texts)


def anchor(name: str, seen: Counter[str]) -> str:
    """The anchor of a heading; `Derivation` and `derivation` differ by a number."""
    slug = name.lower()
    seen[slug] += 1
    return slug if seen[slug] == 1 else f"{slug}-{seen[slug] - 1}"


# -- tables ------------------------------------------------------------------------------------------------


def table_of(classes: Iterable[type]) -> str:
    """One row a class: its word or name, its fields, the first paragraph of its docstring."""
    rows = ["| class | fields | what |", "|---|---|---|"]
    for kind in classes:
        word = getattr(kind, "type", "")
        title = f"`{kind.__name__}`" + (f" `{word}`" if word else "")
        fields = " ".join(f"`{field}`" for field in own_fields(kind))
        rows.append(f"| {title} | {fields} | {one_line(inspect.getdoc(kind) or '')} |")
    return "\n".join(rows) + "\n"


def own_fields(kind: type) -> list[str]:
    """The fields a class adds to those of its bases."""
    return [name for name, _ in annotated(class_tree(kind))]


def one_line(docstring: str) -> str:
    """The first paragraphs as one line of a table: no examples."""
    return markdown(docstring).replace("\n", " ").replace("|", r"\|").strip()


# -- names -------------------------------------------------------------------------------------------------


def constant_text(name: str, value: object) -> Iterator[str]:
    """Make the section of a constant or an alias: as it was written, with the docstring under it."""
    written = [module for key, module in sys.modules.items() if key.startswith("directive_trio.")]
    for module in [module for module in written if vars(module).get(name) is value]:
        body = ast.parse(inspect.getsource(module)).body
        for node, after in zip(body, [*body[1:], None], strict=True):
            if isinstance(node, ast.AnnAssign) and node.value is not None and ast.unparse(node.target) == name:
                yield fenced([f"{name} = {ast.unparse(node.value)}"])
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    yield markdown(str(after.value.value))


def name_text(name: str, value: Any) -> Iterator[str]:
    """Make the section of one name, and those of its public members."""
    yield f"### {name}\n"
    if not inspect.isclass(value):
        function = inspect.unwrap(value)
        if inspect.isfunction(function):
            yield fenced(signature(name, definition) for definition in definitions(function))
            yield markdown(inspect.getdoc(value) or "")
        else:
            yield from constant_text(name, value)
        return
    tree = class_tree(value)
    made = fields_of(tree) if name in ENGINE_MADE else construction(name, value, tree)
    if made:
        yield fenced([made])
    yield markdown(inspect.getdoc(value) or "")
    parts = parts_of(value, tree)
    if parts:
        yield table_of(parts)
    for member, found in {**members(tree), **inherited(value)}.items():
        yield f"#### {name}.{member}\n".replace(".__getitem__", "[…]")
        yield fenced(signature(member, definition).replace("__getitem__", name) for definition in found)
        yield markdown(next((ast.get_docstring(each) or "" for each in reversed(found)), ""))


def construction(name: str, kind: type, tree: ast.ClassDef) -> str:
    """How an instance is made; empty for what the engine makes (protocols, abstract classes)."""
    if "Protocol" in {base.__name__ for base in kind.__mro__} or inspect.isabstract(kind):
        return ""
    for found in tree.body:
        if isinstance(found, ast.FunctionDef) and found.name == "__init__":
            return f"{name}{arguments(found)}"
    fields = [written for _, written in annotated(tree)]
    if any("kw_only=True" in ast.unparse(each) for each in tree.decorator_list):
        fields.insert(0, "*")
    return joined(f"{name}(", fields, ")") if fields else ""


def fields_of(tree: ast.ClassDef) -> str:
    """The public fields of what the engine makes, one a line."""
    return "\n".join(written for _, written in annotated(tree))


def parts_of(kind: type, tree: ast.ClassDef) -> list[type]:
    """The classes of the same file that its fields are made of, where they are no public names themselves."""
    home = vars(sys.modules[kind.__module__])
    named = re.findall(r"\w+", fields_of(tree))
    found = [home[name] for name in named if inspect.isclass(home.get(name))]
    inside = [part for part in found if part.__module__ == kind.__module__ and part is not kind]
    return [part for part in inside if part.__name__ not in directive_trio.__all__]


def annotated(tree: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Name and text of each public attrs field."""
    for found in tree.body:
        if not isinstance(found, ast.AnnAssign) or not isinstance(found.target, ast.Name):
            continue
        name, kind = found.target.id, text_of(found.annotation).strip('"')
        if not name.startswith("_") and not kind.startswith("ClassVar"):
            default = "" if found.value is None else f" = {default_of(found.value)}"
            yield name, f"{name}: {kind}{default}"


def default_of(value: ast.expr) -> str:
    """The default of a field: of ``field(default=…)`` what counts."""
    if isinstance(value, ast.Call) and ast.unparse(value.func) in {"field", "attrs.field"}:
        for keyword in value.keywords:
            if keyword.arg in {"default", "factory"}:
                return text_of(keyword.value) + ("()" if keyword.arg == "factory" else "")
    return text_of(value)


def members(tree: ast.ClassDef) -> dict[str, list[Function]]:
    """The public methods and properties, in the order of the source; of overloaded ones, each way to call."""
    found: dict[str, list[Function]] = {}
    for each in tree.body:
        if isinstance(each, Function) and (each.name == "__getitem__" or not each.name.startswith("_")):
            found.setdefault(each.name, []).append(each)
    return {name: ways(each) for name, each in found.items()}


def inherited(kind: type) -> dict[str, list[Function]]:
    """The members that a class of a private room has from another one there, which has no section of its own."""
    parts = [base for base in kind.__mro__[1:] if base.__module__.startswith("directive_trio._")]
    return {name: found for base in parts for name, found in members(class_tree(base)).items()}


def ways(found: list[Function]) -> list[Function]:
    """Of overloads, drop the implementation's signature, but keep its docstring and its defaults."""
    implementation = found[-1]
    overloads = [each for each in found if "overload" in decorators(each)]
    if not overloads:
        return [implementation]
    defaults = dict(zip(keywords(implementation), implementation.args.kw_defaults, strict=True))
    for each in overloads:
        known = zip(keywords(each), each.args.kw_defaults, strict=True)
        each.args.kw_defaults = [default and defaults[name] for name, default in known]
    overloads[-1].body = implementation.body
    return overloads


def keywords(definition: Function) -> list[str]:
    """The names of the keyword-only parameters."""
    return [each.arg for each in definition.args.kwonlyargs]


def decorators(definition: Function) -> list[str]:
    """The names of the decorators."""
    return [ast.unparse(each) for each in definition.decorator_list]


# -- signatures --------------------------------------------------------------------------------------------


def signature(name: str, definition: Function) -> str:
    """The signature on one line, or with a line for each parameter."""
    returned = "" if definition.returns is None else text_of(definition.returns).strip('"')
    marks = decorators(definition)
    if "property" in marks:
        return f"{name}: {returned}"
    if "contextmanager" in marks or "asynccontextmanager" in marks:
        prefix = "with " if "contextmanager" in marks else "async with "
        returned = returned.partition("[")[2].removesuffix("]")
    else:
        prefix = "await " if isinstance(definition, ast.AsyncFunctionDef) else ""
    arrow = f" -> {returned}" if returned not in {"", "None"} else ""
    written = arguments(definition, arrow)
    if name == "__getitem__":
        return f"{name}{written.replace('(', '[', 1).replace(', /)', ']', 1)}"
    return f"{prefix}{name}{written}"


def arguments(definition: Function, arrow: str = "") -> str:
    """The parameters as they were written, without the first one of a method."""
    spec = definition.args
    spec.args = [each for each in spec.args if each.arg not in {"self", "cls"}]
    spec.posonlyargs = [each for each in spec.posonlyargs if each.arg not in {"self", "cls"}]
    written = [spaced(each) for each in split(text_of(spec), ",")]
    return joined("(", written, f"){arrow}")


def spaced(parameter: str) -> str:
    """``name: str=""`` → ``name: str = ""``, and no quotes around an annotation."""
    name, *rest = split(parameter, "=")
    name, colon, kind = name.partition(": ")
    kind = kind.strip('"')
    return f"{name}{colon}{kind}" + (f" = {'='.join(rest)}" if rest else "")


def split(written: str, at: str) -> list[str]:
    """Cut where the letter *at* is in no brackets."""
    parts, depth, start = list[str](), 0, 0
    for position, letter in enumerate(written):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == at and not depth:
            parts.append(written[start:position].strip())
            start = position + 1
    return [*parts, written[start:].strip()]


def joined(opened: str, parts: list[str], closed: str) -> str:
    """On one line if it is short enough, else a line for each."""
    line = f"{opened}{', '.join(parts)}{closed}"
    if len(line) <= WIDTH:
        return line
    lines = "".join(f"    {part},\n" for part in parts)
    return f"{opened}\n{lines}{closed}"


def text_of(tree: ast.AST) -> str:
    """Source text with the quotes this code base uses."""
    return ast.unparse(tree).replace("'", '"')


def definitions(function: Any) -> list[Function]:
    """The definition of a function, or each of its overloads, from the source."""
    tree = ast.parse(Path(inspect.getsourcefile(function) or "").read_text(encoding="utf-8"))
    found = [each for each in tree.body if isinstance(each, Function) and each.name == function.__name__]
    return ways(found)


def class_tree(kind: type) -> ast.ClassDef:
    """The syntax tree of a class."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(tree, ast.ClassDef)
    return tree


# -- docstrings --------------------------------------------------------------------------------------------


def fenced(lines: Iterable[str]) -> str:
    """A block that is shown, not run."""
    return "```text\n" + "\n".join(lines) + "\n```\n"


def markdown(docstring: str) -> str:
    """Turn a docstring in Google's form into Markdown."""
    texts = []
    for title, body in sections(docstring):
        if title in {"Args", "Raises"}:
            texts.append(f"*{title}*\n\n{entries(body)}")
        elif title == "Example":
            texts.append(example(body))
        elif title:
            texts.append(f"*{title}:* {body}")
        else:
            texts.append(body)
    return DOUBLE_TICKS.sub("`", "\n\n".join(text for text in texts if text)) + "\n"


def sections(docstring: str) -> Iterator[tuple[str, str]]:
    """Title and body of each section; the text before them has no title."""
    title, lines = "", list[str]()
    for line in docstring.splitlines():
        found = SECTION.match(line)
        if found:
            yield title, textwrap.dedent("\n".join(lines)).strip()
            title, lines = found[1], []
        else:
            lines.append(line)
    yield title, textwrap.dedent("\n".join(lines)).strip()


def example(body: str) -> str:
    """Words first, if there are any; then what is typed, or, after ``::``, what stands in a file."""
    words, mark, shown = body.partition("::\n") if "::\n" in body else body.partition(">>>")
    code = textwrap.dedent(shown).strip() if mark == "::\n" else f">>>{shown}"
    kind = "text" if mark == "::\n" else "pycon"
    return f"{words.strip()}\n\n```{kind}\n{code}\n```".strip()


def entries(body: str) -> str:
    """``name: text`` with its continuation lines → one item of a list each."""
    items: list[str] = []
    for line in body.splitlines():
        found = ENTRY.match(line)
        if found:
            items.append(f"- `{found[1]}`: {found[2]}")
        elif items:
            items[-1] += f" {line.strip()}"
        else:
            items.append(line.strip())
    return "\n".join(items)


def main() -> int:
    """Write the page; say whether it has changed."""
    text = make_reference()
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    PAGE.write_text(text, encoding="utf-8")
    print(f"{PAGE.name}: {'unchanged' if text == before else 'written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
