"""Error rates in the report: those of the packaged calibration run, the worst one by name."""

from pathlib import Path

import pandas as pd
import pytest

import tracekit.report
from tracekit.report.document import Table
from tracekit.report.material.error_rates import (
    how_sure,
    label_rates,
    rates_table,
    single_series_table,
    worst_case,
)
from tracekit.report.sections import SECTIONS, compose

MEASURED = Path(__file__).parents[2] / "docs" / "methods" / "calibration"


@pytest.fixture
def made_up():
    """Rates that nothing was ever measured to be."""
    names = "noise movement index stable unstable wrong wrong_ci_low wrong_ci_high n_cells n n_seeds margin"
    return pd.DataFrame(
        [
            ("iid", "none", 0.0, 0.5, 0.02, 0.02, 0.01, 0.03, 40, 700, 7, 0.2),
            ("GARCH", "none", 0.0, 0.4, 0.0, 0.0, 0.0, 0.1, 40, 700, 7, 0.2),
            ("iid", "trend", 0.2, 0.03, 0.04, 0.07, 0.05, 0.09, 40, 700, 7, 0.2),
            ("iid", "break", 0.2, 0.0, 0.35, 0.35, 0.21, 0.48, 40, 700, 7, 0.2),
            ("iid", "trend", 0.4, 0.06, 0.8, 0.06, 0.0, 0.1, 40, 700, 7, 0.2),
            ("iid", "break", 0.4, 0.0, 0.7, 0.0, 0.0, 0.1, 40, 700, 7, 0.2),
        ],
        columns=names.split(),
    )


@pytest.mark.parametrize("table", ["labels.csv", "rates.csv"])
def test_the_packaged_rates_are_those_of_the_last_calibration(table):
    packaged = Path(tracekit.report.__file__).parent / "calibration" / table
    assert (MEASURED / table).read_bytes() == packaged.read_bytes()


def test_single_series_are_quoted_as_measured():
    rates = pd.read_csv(MEASURED / "rates.csv")
    table = single_series_table()
    assert [column.title for column in table.columns[1:]] == [
        "200 updates",
        "1,000 updates",
        "10,000 updates",
    ]
    garch = next(row for row in table.rows if "GARCH" in row[0].text)
    measured = rates[(rates["process"] == "GARCH") & (rates["quantity"] == "LFQ lower")].sort_values("n")[
        "mean"
    ]
    assert [float(cell.text) for cell in garch[1:]] == pytest.approx(measured.tolist(), abs=6e-4)


def test_the_table_follows_the_rates(made_up):
    assert [tuple(cell.text for cell in row) for row in rates_table(made_up).rows] == [
        ("bound constant (I = 0), worst noise", "called unstable", ".020"),
        ("bound constant, independent noise", "called stable", ".500"),
        ("bound constant, GARCH noise", "called stable", ".400"),
        ("bound exactly at the margin (I = 0.2), independent noise", "called stable or unstable", ".350"),
        ("bound moves (I = 0.4), worst noise", "called stable", ".060"),
        ("bound moves (I = 0.4), independent noise", "called unstable", ".700"),
    ]


def test_the_sentence_follows_the_rates_and_names_the_worst_case(made_up):
    assert how_sure(made_up, 600, 5) == (
        "Error rates: in simulations of 700 updates, 7 seeds, a constant bound was called unstable in up to 2 % of the "
        "configurations; a bound that moved further than the margin (I = 0.4) was called stable in up to 6 %; a bound "
        "that moved by exactly the margin was called stable in up to 3 % and unstable in up to 35 % (most often under "
        "independent noise). The worst of all simulated cases: independent noise, a bound that moves in a break by "
        "exactly the margin, 700 updates, 7 seeds: 35 % of the configurations got a wrong label (95 % interval 21 % to "
        "48 %)."
    )


def test_the_report_quotes_what_its_own_figure_draws(material):
    rates = label_rates()
    tables = [block for block in compose(SECTIONS["method"], material).blocks if isinstance(block, Table)]
    assert tables[0] == rates_table(rates)
    assert how_sure(rates, 1000, 5) in str(compose(SECTIONS["verdict"], material).blocks)
    assert worst_case(rates) in str(compose(SECTIONS["method"], material).blocks)
    ten = rates[(rates["n"] == 1000) & (rates["n_seeds"] == 10)]
    assert f"unstable in up to {100 * ten.loc[ten['index'] == 0.2, 'unstable'].max():.2g} %" in how_sure(
        rates, 900, 12
    )
