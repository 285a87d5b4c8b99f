"""Dashboard widgets, computed from the public data sets that ``vega_datasets`` carries.

The files are read from where the package is installed. Importing the package would
import pandas as well, and sums and means need no pandas.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from importlib.metadata import distribution
from pathlib import Path
from statistics import fmean
from typing import Any

from attrs import frozen

PACKAGE = "vega_datasets"
WEATHER, CARS, STOCKS = "seattle-weather.csv", "cars.json", "stocks.csv"

Row = tuple[str, float]


@frozen
class Widget:
    """One table of the dashboard: a few labelled numbers and what they mean."""

    title: str
    unit: str
    rows: tuple[Row, ...]
    records: int
    """How many records of the data set the numbers are computed from."""
    source: str
    """Where the data set comes from."""


def hottest_months() -> Widget:
    """Three months with the highest mean of the daily maximum in Seattle."""
    days = read_csv(WEATHER)
    by_month = group((f"{day_of(day):%B}", float(day["temp_max"])) for day in days)
    means = {month: fmean(values) for month, values in by_month.items()}
    return Widget("Hottest months in Seattle", "°C, mean maximum", highest(means, 3), len(days), source_of(WEATHER))


def rainy_days() -> Widget:
    """Days with any precipitation in Seattle, year by year."""
    days = read_csv(WEATHER)
    by_year = group((f"{day_of(day):%Y}", float(day["precipitation"]) > 0) for day in days)
    counts = tuple((year, float(sum(wet))) for year, wet in sorted(by_year.items()))
    return Widget("Rainy days in Seattle", "days", counts, len(days), source_of(WEATHER))


def mileage_by_origin() -> Widget:
    """Mean fuel economy of the cars of each origin; cars without a figure are left out."""
    cars = [car for car in read_json(CARS) if car["Miles_per_Gallon"] is not None]
    by_origin = group((car["Origin"], float(car["Miles_per_Gallon"])) for car in cars)
    means = {origin: fmean(values) for origin, values in by_origin.items()}
    return Widget("Fuel economy by origin", "miles per gallon", highest(means, 3), len(cars), source_of(CARS))


def stock_growth() -> Widget:
    """Last price of each stock as a multiple of its first."""
    prices = sorted(read_csv(STOCKS), key=price_date)
    by_symbol = group((price["symbol"], float(price["price"])) for price in prices)
    growth = {symbol: series[-1] / series[0] for symbol, series in by_symbol.items()}
    return Widget("Growth of stock prices", "times the first price", highest(growth, 5), len(prices), source_of(STOCKS))


def stock_moves() -> list[Row]:
    """Every price of the data set with its stock, the oldest first."""
    prices = sorted(read_csv(STOCKS), key=price_date)
    return [(price["symbol"], float(price["price"])) for price in prices]


WIDGETS: Mapping[str, Callable[[], Widget]] = {
    "hottest_months": hottest_months,
    "rainy_days": rainy_days,
    "mileage_by_origin": mileage_by_origin,
    "stock_growth": stock_growth,
}


def group(pairs: Iterable[Row]) -> dict[str, list[float]]:
    """Collect the values of each label, in the order they come."""
    groups: defaultdict[str, list[float]] = defaultdict(list)
    for label, value in pairs:
        groups[label].append(value)
    return groups


def highest(figures: Mapping[str, float], count: int) -> tuple[Row, ...]:
    """Answer the *count* largest figures, largest first, rounded to two decimals."""
    ranked = sorted(figures.items(), key=lambda row: row[1], reverse=True)
    return tuple((label, round(figure, 2)) for label, figure in ranked[:count])


def day_of(record: Mapping[str, str]) -> date:
    """Date of one weather record, written as ``2012/01/31``."""
    return date.fromisoformat(record["date"].replace("/", "-"))


def price_date(record: Mapping[str, str]) -> date:
    """Date of one stock price, written as ``Jan 1 2000``."""
    return datetime.strptime(record["date"], "%b %d %Y").replace(tzinfo=UTC).date()


def read_csv(name: str) -> list[dict[str, str]]:
    """Read all records of a CSV data set."""
    with data_file(name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def read_json(name: str) -> list[dict[str, Any]]:
    """Read all records of a JSON data set."""
    records: list[dict[str, Any]] = json.loads(data_file(name).read_text(encoding="utf-8"))
    return records


def data_file(name: str) -> Path:
    """Path of a data set inside the installed package."""
    return Path(str(distribution(PACKAGE).locate_file(f"{PACKAGE}/_data/{name}")))


def source_of(name: str) -> str:
    """Say where a data set comes from: package, version and file."""
    return f"{PACKAGE} {distribution(PACKAGE).version}, {name}"
