"""The reference is made from the docstrings, and the committed page is the one they make now."""

from docs.make_reference import PAGE, make_reference, markdown, public_modules


def test_the_committed_reference_is_up_to_date() -> None:
    """Whoever changes a public docstring or signature makes the page anew."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    assert page == make_reference(), "docs/reference.md is old: run .venv/bin/python docs/make_reference.py"


def test_every_public_module_has_its_chapter() -> None:
    """The front door, what others implement, what is observed, errors, test tools and each plugin."""
    page = make_reference()
    names = {module.__name__ for module in public_modules()}
    assert {"directive_trio", "directive_trio.abc", "directive_trio.errors"} <= names
    for name in names:
        assert f"\n## {name}\n" in page


def test_sections_of_a_docstring_become_lists() -> None:
    """Google's form in, Markdown out: continuation lines join their entry, an example is shown."""
    docstring = (
        "Sum ``them``.\n\nArgs:\n    left: One.\n    right: The\n        other.\n\nExample:\n    >>> 1 + 1\n    2\n"
    )
    assert markdown(docstring) == (
        "Sum `them`.\n\n*Args*\n\n- `left`: One.\n- `right`: The other.\n\n```pycon\n>>> 1 + 1\n2\n```\n"
    )
