"""The filters of postgres changes, as far as a test needs them: ``column=op.value``, a comma means and."""

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
CONDITION = re.compile(r"(?P<column>[^=,]+)=(?P<operation>\w+)\.(?P<value>\([^)]*\)|[^,]*)(?:,|$)")


def passes(conditions: str, row: Mapping[str, Any]) -> bool:
    """Whether a row fits; none is asked for: every row."""
    return all(holds(found, row) for found in CONDITION.finditer(conditions))


def holds(condition: re.Match[str], row: Mapping[str, Any]) -> bool:
    """Whether one condition holds. An operation that is not known here never does."""
    value = row.get(condition["column"])
    if condition["operation"] == "in":
        return str(value) in condition["value"].strip("()").split(",")
    compare = COMPARISONS.get(condition["operation"])
    if compare is None or value is None:
        return False
    if isinstance(value, int | float):
        try:
            return compare(value, float(condition["value"]))
        except ValueError:
            return False
    return compare(str(value), condition["value"])
