"""One definition of a configuration: which attributes tell cells apart, which are nested, which are provenance."""

import numpy as np
import pandas as pd
import pytest

from tracekit_analysis import AnalysisError, compare, label, rank
from tracekit_analysis.tables.configurations import Configurations, configurations, entries, one_value


def runs(**attributes):
    """One row per run: the product of the lists, and three seeds."""
    names = list(attributes)
    grid = pd.MultiIndex.from_product([*attributes.values(), range(3)], names=[*names, "seed"]).to_frame(
        index=False
    )
    return grid.assign(run=[f"run-{number}" for number in range(len(grid))])


def traces(table, n=250):
    """Noise of every run, as a tidy table."""
    return pd.concat(
        pd.DataFrame(
            {**row, "signal": "train/first_logit", "step": np.arange(n), "status": "finished",
             "value": np.random.default_rng(number).standard_normal(n)}
        )
        for number, row in enumerate(table.to_dict("records"))
    )  # fmt: skip


TWO = {"optimizer": ["sgd", "adam"], "batch_size": [50, 100]}


def test_attributes_that_vary_tell_configurations_apart():
    assert configurations(runs(**TWO)) == Configurations(("optimizer", "batch_size"), (), "seed")
    assert configurations(runs(**TWO, model=["mlp", "cnn"])).by == ("optimizer", "batch_size", "model")
    assert configurations(runs(**TWO, model=["mlp"])).by == ("optimizer", "batch_size")
    assert configurations(runs(model=["mlp", "cnn"])).by == ("model",)
    assert configurations(runs()) == Configurations((), (), "seed")
    assert configurations(runs(**TWO).drop(columns="seed")).replicate == "run"


def test_a_tuned_rate_is_nested_and_its_optimizers_stay_comparable():
    table = runs(**TWO)
    tuned = table.assign(
        learning_rate=np.where(table["optimizer"] == "sgd", 0.1, 0.001) * table["batch_size"]
    )
    found = configurations(tuned)
    assert (found.by, found.nested) == (("optimizer", "batch_size"), ("learning_rate",))
    frame = traces(tuned)
    labels = label(frame)
    assert list(labels.columns[:4]) == ["optimizer", "batch_size", "learning_rate", "label"]
    assert labels["learning_rate"].tolist() == pytest.approx([5.0, 10.0, 0.05, 0.1])
    assert compare(frame)["batch_size"].unique().tolist() == [50, 100]


def test_rates_that_print_alike_are_one():
    table = runs(**TWO)
    rate = np.where(table["seed"] == 0, 0.1, 0.1 + 1e-12)
    assert configurations(table.assign(learning_rate=rate)).by == ("optimizer", "batch_size")
    assert len(label(traces(table.assign(learning_rate=rate)))) == 4
    column = pd.Series([0.3, 0.1 + 2e-13, np.nan, 0.1, np.inf, 0.1000001])
    assert one_value(column).tolist()[1] == 0.1
    assert one_value(column).nunique() == 4
    assert np.isnan(one_value(column)[2])


@pytest.mark.parametrize(
    "attribute",
    ["path", "log_file", "run_name", "imported_from", "created", "host", "torch_version", "wall_time"],
)
def test_provenance_is_no_factor_unless_it_is_named(attribute):
    table = runs(**TWO)
    table[attribute] = np.where(table["seed"] == 0, "a", "b")
    assert configurations(table).by == ("optimizer", "batch_size")
    assert configurations(table, by=["optimizer", attribute]).by == ("optimizer", attribute)


def test_an_attribute_of_as_many_values_as_runs_is_no_factor():
    table = runs(**TWO)
    table["tag"] = [f"tag {number}" for number in range(len(table))]
    assert configurations(table).by == ("optimizer", "batch_size")
    single = pd.DataFrame({"optimizer": ["sgd", "adam"], "run": ["a", "b"], "seed": 0})
    assert configurations(single).by == ("optimizer",)


def test_without_optimizer_or_batch_size_there_are_labels_and_comparisons():
    frame = traces(runs(model=["mlp", "cnn"]))
    assert label(frame)["model"].tolist() == ["mlp", "cnn"]
    assert set(compare(frame)[["level_a", "level_b"]].to_numpy().ravel()) == {"mlp", "cnn"}
    alone = traces(runs())
    assert label(alone)["n_seeds"].tolist() == [3]
    with pytest.raises(AnalysisError) as error:
        compare(alone)
    assert str(error.value) == (
        "`frame` has one configuration: no attribute of its runs varies, so that nothing can be compared; name a "
        "column with `by` (in a command: --by)."
    )


def test_by_chooses_otherwise():
    frame = traces(runs(**TWO))
    pooled = label(frame, by="optimizer", replicate="run")
    assert pooled["n_seeds"].tolist() == [6, 6]
    sizes = compare(frame, by=["batch_size", "optimizer"])
    assert set(sizes["level_a"]) | set(sizes["level_b"]) == {"50", "100"}
    with pytest.raises(AnalysisError) as error:
        compare(frame, by="optimizer", factor="optimizer")
    assert str(error.value) == "`by` (='optimizer') says what `factor` and `at` say; pass one of them."
    with pytest.raises(AnalysisError, match="must have a column 'model'"):
        rank(frame, by="model", signal="train/first_logit")


def test_what_is_not_crossed_becomes_part_of_the_name():
    table = runs(**TWO, learning_rate=[0.1, 0.2])
    _, factor, at = entries(table, configurations(table))
    assert (factor, at) == ("optimizer", ["batch_size", "learning_rate"])
    uneven = table[(table["optimizer"] == "sgd") | (table["learning_rate"] == 0.1)]
    named, _, at = entries(uneven, configurations(uneven))
    assert at == ["batch_size"]
    assert set(named["optimizer"]) == {"sgd at 0.1", "sgd at 0.2", "adam at 0.1"}
    models = runs(**TWO, model=["mlp", "cnn"])
    models = models[(models["optimizer"] == "sgd") | (models["model"] == "mlp")]
    assert set(entries(models, configurations(models))[0]["optimizer"]) == {"sgd, model mlp", "sgd, model cnn",
                                                                            "adam, model mlp"}  # fmt: skip
