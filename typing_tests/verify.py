"""What users may write is accepted by mypy --strict and by pyright, and what they may not is refused by both.

``accepted/*.py`` must be clean. In ``refused/*.py`` each line that ends in::

    # E: <mypy code> / <pyright code>

must be refused by both checkers with exactly these codes (several are separated by commas), and no other
line may be refused by either. Run it from the top of the checkout: ``python -m typing_tests.verify``.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
MARK = re.compile(r"#\s*E:\s*(?P<mypy>[\w\-, ]+?)\s*/\s*(?P<pyright>[\w, ]+?)\s*$")

# File and line → the codes with which that line is refused.
Refusals = dict[tuple[Path, int], frozenset[str]]


class BrokenCheckerError(Exception):
    """A checker did not do its work, so nothing is known."""


def run(*command: str) -> str:
    """What a checker prints; its exit code only says whether it refused anything."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise BrokenCheckerError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def collected(refusals: Iterator[tuple[Path, int, str]]) -> Refusals:
    """One entry a line, with all its codes."""
    codes: defaultdict[tuple[Path, int], set[str]] = defaultdict(set)
    for path, line, code in refusals:
        codes[path, line].add(code)
    return {place: frozenset(found) for place, found in codes.items()}


def refused_by_mypy(files: list[Path]) -> Refusals:
    """What mypy says, as the project has set it."""
    lines = run("mypy", "--output=json", *map(str, files)).splitlines()
    found = [json.loads(line) for line in lines if line.startswith("{")]
    return collected((ROOT / item["file"], item["line"], item["code"]) for item in found if item["severity"] == "error")


def refused_by_pyright(files: list[Path]) -> Refusals:
    """What pyright says, as the project has set it."""
    answer = json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable, *map(str, files)))
    if answer["summary"]["filesAnalyzed"] != len(files):
        raise BrokenCheckerError(f"pyright read {answer['summary']['filesAnalyzed']} of {len(files)} files")
    return collected(
        (Path(item["file"]), item["range"]["start"]["line"] + 1, item.get("rule", "syntax"))
        for item in answer["generalDiagnostics"]
        if item["severity"] != "information"
    )


def marked(files: list[Path]) -> tuple[Refusals, Refusals]:
    """What the marks say that mypy and pyright must refuse."""
    mypy: Refusals = {}
    pyright: Refusals = {}
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if (mark := MARK.search(line)) is not None:
                mypy[path, number] = codes_in(mark["mypy"])
                pyright[path, number] = codes_in(mark["pyright"])
            elif "# E:" in line:
                raise BrokenCheckerError(f"{path.relative_to(ROOT)}:{number}: cannot read the mark")
    return mypy, pyright


def codes_in(listed: str) -> frozenset[str]:
    """``"a, b"`` → a, b."""
    return frozenset(code.strip() for code in listed.split(","))


def differences(checker: str, expected: Refusals, found: Refusals) -> Iterator[str]:
    """Each line about which the marks and a checker disagree."""
    for path, line in sorted(expected.keys() | found.keys()):
        wanted = ", ".join(sorted(expected.get((path, line), ()))) or "nothing"
        got = ", ".join(sorted(found.get((path, line), ()))) or "nothing"
        if wanted != got:
            shown = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            yield f"{shown}:{line}: {checker} should refuse {wanted}, and refuses {got}"


def main() -> int:
    """Compare, print what differs, and say how much was compared."""
    accepted = sorted((HERE / "accepted").glob("*.py"))
    refused = sorted((HERE / "refused").glob("*.py"))
    if not accepted or not refused:
        raise BrokenCheckerError("there is nothing to check")
    files = accepted + refused
    by_mypy, by_pyright = marked(files)
    faults = [
        *differences("mypy", by_mypy, refused_by_mypy(files)),
        *differences("pyright", by_pyright, refused_by_pyright(files)),
    ]
    if any(path in accepted for path, _ in by_mypy):
        faults.append("a file in accepted/ has a mark")
    summary = f"{len(files)} files as they should be, {len(by_mypy)} wrong uses refused by both"
    print("\n".join(faults) or summary)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
