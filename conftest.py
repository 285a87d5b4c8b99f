"""The examples of the texts are tests: README.md, docs/**/*.md and the docstrings of src, here and in the adapters.

In a Markdown file every block marked ``python`` runs, in the order of the page and in one namespace for
the whole page; blocks of any other kind (``console``, ``bash``, ``text`` …) are only read. There is no way to
leave a block out: what cannot run is not marked ``python``. In a docstring the lines with ``>>>`` run, and
see the names of their module.
"""

from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.parsers.markdown import PythonCodeBlockParser
from sybil.parsers.rest import DocTestParser
from sybil.sybil import SybilCollection

# A program of its own is called `__main__`, and its classes say so when they are printed.
PROGRAM_NAME = {"__name__": "__main__"}

pages = Sybil(
    parsers=[PythonCodeBlockParser()],
    pattern="*.md",
    setup=lambda namespace: namespace.update(PROGRAM_NAME),
)
docstrings = Sybil(
    parsers=[DocTestParser()],
    path="src",
    pattern="*.py",
    document_types={".py": PythonDocStringDocument},
)
adapters = Sybil(
    parsers=[DocTestParser()],
    path="adapters",
    pattern="*.py",
    excludes=["*/tests/*"],
    document_types={".py": PythonDocStringDocument},
)
pytest_collect_file = SybilCollection([pages, docstrings, adapters]).pytest()
