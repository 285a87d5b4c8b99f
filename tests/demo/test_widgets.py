"""The widgets: real figures of a public data set."""

import pytest

from demo.widgets import WIDGETS, highest, read_csv, read_json


@pytest.mark.parametrize(
    ("name", "rows", "records"),
    [
        ("hottest_months", (("August", 26.11), ("July", 26.0), ("June", 22.4)), 1461),
        ("rainy_days", (("2012", 177), ("2013", 152), ("2014", 150), ("2015", 144)), 1461),
        ("mileage_by_origin", (("Japan", 30.45), ("Europe", 27.89), ("USA", 20.08)), 398),
        (
            "stock_growth",
            (("AAPL", 8.6), ("GOOG", 5.47), ("AMZN", 2.0), ("IBM", 1.25), ("MSFT", 0.72)),
            560,
        ),
    ],
)
def test_a_widget_shows_figures_of_the_whole_data_set(
    name: str, rows: tuple[tuple[str, float], ...], records: int
) -> None:
    """The data set never changes, so the figures do not either."""
    widget = WIDGETS[name]()
    assert (widget.rows, widget.records) == (rows, records)
    assert widget.source.startswith("vega_datasets 0.9.")


def test_four_years_of_days_are_read() -> None:
    """2012 was a leap year."""
    days = read_csv("seattle-weather.csv")
    assert len(days) == 366 + 3 * 365
    assert days[0]["date"] == "2012/01/01"


def test_cars_without_a_figure_are_left_out() -> None:
    """Eight cars of the data set have no fuel economy."""
    missing = [car for car in read_json("cars.json") if car["Miles_per_Gallon"] is None]
    assert len(missing) == 8
    assert WIDGETS["mileage_by_origin"]().records == len(read_json("cars.json")) - len(missing)


def test_the_highest_figures_come_first_and_rounded() -> None:
    """No more of them than asked for."""
    assert highest({"a": 1.0, "b": 3.14159, "c": 2.0}, 2) == (("b", 3.14), ("c", 2.0))
