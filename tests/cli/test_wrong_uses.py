"""Wrong uses end with one sentence that names the way out, and a non-zero exit code; nothing is lost."""

import os
import shutil

import pytest

from tracekit.errors import StoreError

RUN = ("run", "--model", "softmax_regression", "--updates", 3, "--jobs", 1, "-q")


@pytest.fixture
def fails(tracekit_command):
    def check(*words):
        done = tracekit_command(*words)
        assert done.code == 1
        assert done.out == ""
        assert done.err.startswith("Error: ")
        assert done.err.count("\n") == 1
        return done.err[len("Error: ") : -1]

    return check


def test_unknown_optimizer(fails, tmp_path):
    sentence = fails(*RUN, "--optimizer", "adma", "--out", tmp_path / "x")
    assert sentence.startswith("unknown optimizer 'adma'; did you mean 'adam', ")
    assert "`tracekit list optimizers` shows all " in sentence
    assert not (tmp_path / "x").exists()


def test_no_optimizer(fails, tmp_path):
    sentence = fails(*RUN, "--out", tmp_path / "x")
    assert sentence == (
        "nothing to train: give --optimizer, for example --optimizer adam, or a file (`tracekit init` writes one)."
    )
    assert fails("run", "--optimizer", "sgd") == (
        "no place for the traces: give --out, for example --out runs/mine."
    )


def test_missing_data(fails, tmp_path):
    sentence = fails(
        *RUN, "--optimizer", "sgd", "--dataset", "cifar10", "--data-dir", tmp_path, "--out", tmp_path / "x"
    )
    assert sentence == (
        f"no CIFAR-10 files (data_batch_1.bin or data_batch_1) in {tmp_path}; pass --data-dir, "
        "set TRACEKIT_DATA_DIR, or run `tracekit data fetch cifar10`."
    )


def test_truncated_record_file(fails, tmp_path):
    for stem in (*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"):
        (tmp_path / f"{stem}.bin").write_bytes(bytes(3073 * 2 + 5))
    sentence = fails(
        *RUN, "--optimizer", "sgd", "--dataset", "cifar10", "--data-dir", tmp_path, "--out", tmp_path / "x"
    )
    assert sentence == (
        f"{tmp_path / 'data_batch_1.bin'} is truncated: its 6151 bytes are 2 whole records of 3073 bytes "
        "and 5 bytes left over; fetch it again."
    )


@pytest.mark.skipif(
    os.geteuid() == 0, reason="root may write anywhere; the next test covers the sentence for it"
)
def test_unwritable_folder(fails, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    sentence = fails(*RUN, "--optimizer", "sgd", "--out", tmp_path / "locked" / "x")
    assert sentence == (
        f"cannot create the folder {tmp_path / 'locked' / 'x'} (Permission denied); choose a writable folder."
    )


def test_folder_that_cannot_be_made(fails, tmp_path):
    (tmp_path / "file").write_text("")
    sentence = fails(*RUN, "--optimizer", "sgd", "--out", tmp_path / "file" / "x")
    assert sentence == (
        f"cannot create the folder {tmp_path / 'file' / 'x'} (Not a directory); choose a writable folder."
    )


def test_existing_output(fails, small_experiment):
    sentence = fails(*RUN, "--optimizer", "sgd", "--out", small_experiment)
    assert sentence == f"{small_experiment} is not empty; choose another --out or pass --overwrite."


@pytest.mark.parametrize("command", [["analyze"], ["label"], ["report"], ["show"], ["list", "runs"]])
def test_empty_run_folder(fails, tmp_path, command, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the report's default folder may be taken where the tests are run
    sentence = fails(*command, tmp_path)
    assert sentence == f"{tmp_path} holds no runs; give the folder that `tracekit run --out` wrote."


@pytest.mark.parametrize("command", ["analyze", "label", "report", "show"])
def test_half_written_part(fails, small_experiment, tmp_path, command):
    copy = tmp_path / "copy"
    shutil.copytree(small_experiment, copy)
    part = sorted(copy.rglob("part-*.parquet"))[0]
    part.write_bytes(part.read_bytes()[:1000])
    sentence = fails(command, copy, *(["-o", tmp_path / "report"] if command == "report" else []))
    assert sentence.startswith(f"{part} cannot be read as Parquet (")
    assert not (tmp_path / "report" / "report.html").exists()


@pytest.mark.parametrize(
    "words", [("--optimizer", "sgd:learning_rate=nan"), ("--optimizer", "sgd", "--learning-rate", "nan")]
)
def test_nan_learning_rate(fails, tmp_path, words):
    sentence = fails(*RUN, *words, "--out", tmp_path / "x")
    assert sentence == "`learning_rate` (=nan) must be a positive finite number; the default is 0.1."


def test_batch_larger_than_the_data_set(fails, tmp_path):
    sentence = fails(*RUN, "--optimizer", "sgd", "--batch-size", 5000, "--out", tmp_path / "x")
    assert sentence.startswith("`batch_size` (=5000) must be at most the number of training samples (=14")
    assert sentence.endswith("choose a smaller batch or a larger data set.")
    assert not (tmp_path / "x").exists()


def test_one_seed_is_a_label_with_a_reason_not_an_error(tracekit_command, tmp_path):
    run = (*RUN[:3], "--updates", 300, *RUN[5:])
    assert tracekit_command(*run, "--optimizer", "sgd", "--seeds", 1, "--out", tmp_path / "x").code == 0
    done = tracekit_command("label", tmp_path / "x")
    assert done.code == 0
    assert "inconclusive" in done.out
    assert "1 seed" in done.out


def test_unknown_signal(fails, small_experiment):
    sentence = fails("label", small_experiment, "--signal", "probe/logit/q05")
    assert sentence.startswith("unknown signal 'probe/logit/q05'; did you mean 'probe/logits/q05', ")
    assert f"? `tracekit show {small_experiment}` shows all " in sentence


@pytest.mark.parametrize("words", [("--margin", -1), ("--level", 95)])
def test_impossible_level_and_margin(fails, small_experiment, words):
    name, value = words[0][2:], float(words[1])
    assert fails("label", small_experiment, *words).startswith(f"`{name}` (={value}) must ")


def test_a_name_that_the_file_system_refuses(fails, tmp_path):
    sentence = fails(*RUN, "--optimizer", "sgd", "--out", tmp_path / ("a" * 300))
    assert sentence.endswith("File name too long; choose another folder or free some space.")


def test_too_many_seeds(fails, tmp_path):
    sentence = fails(*RUN, "--optimizer", "sgd", "--seeds", 99_999_999, "--out", tmp_path / "x")
    assert sentence == "`seeds` (=99999999) must be at most 10000."


def test_a_margin_beyond_all_numbers(fails, small_experiment):
    assert fails("label", small_experiment, "--margin", 1e308).startswith("a number is too large (")


def test_a_store_that_cannot_be_resumed_says_so(tracekit_command, small_experiment, tmp_path, monkeypatch):
    shutil.copytree(small_experiment, tmp_path / "x")
    shutil.rmtree(tmp_path / "x" / "adam-lr0.001-b40-s3")

    def refuse(path):
        raise StoreError(
            f"cannot create the folder {path} (Read-only file system); choose a writable folder."
        )

    monkeypatch.setattr("tracekit.traces.writer.make_folder", refuse)
    done = tracekit_command("resume", tmp_path / "x", "--jobs", 1, "-q")
    assert done.code == 3
    assert "adam-lr0.001-b40-s3: failed (StoreError: cannot create the folder" in done.err


def test_wrong_table_format(fails, small_experiment, tmp_path):
    sentence = fails("analyze", small_experiment, "-o", tmp_path / "m.xlsx")
    assert sentence == f"`out` (='{tmp_path / 'm.xlsx'}') must end in .csv, .parquet, .tex."


def test_seeds_and_seed_together(fails, tmp_path):
    sentence = fails(*RUN, "--optimizer", "sgd", "--seeds", 2, "--seed", 5, "--out", tmp_path / "x")
    assert sentence == "give --seeds or --seed, not both."


def test_misspelled_option_is_wrong_usage(tracekit_command, tmp_path):
    done = tracekit_command("run", "--optimiser", "sgd", "--out", tmp_path / "x")
    assert done.code == 2
    assert "--optimiser" in done.err


def test_a_probe_batch_that_cannot_be(fails, tmp_path):
    run = (*RUN, "--optimizer", "sgd", "--out", tmp_path / "x")
    sentence = fails(*run, "--probe-size", 999999)
    assert sentence == "`probe_size` (=999999) must be at most the number of test images of digits (=355)."
    sentence = fails(*run, "--probe-size", 0, "--signal", "probe/logits/q05")
    assert sentence == "probe/logits cannot be recorded without a probe batch; set `probe_size` above 0."
    assert not (tmp_path / "x").exists()


def test_a_moment_beyond_the_run(fails, tmp_path):
    sentence = fails(*RUN, "--optimizer", "sgd", "--record", "train/loss=at 100", "--out", tmp_path / "x")
    assert sentence == (
        "the schedule 'at 100' records no value of train/loss in a run of 3 updates; "
        "choose updates from 1 to 3, or train longer."
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--optimizer", "sgd:lr=0.1"), "unknown hyperparameter of sgd 'lr'; did you mean 'learning_rate'? Known: "),
        (("--optimizer", "sgd", "--batch-size", 0), "`batch_sizes` (=0) must be at least 1."),
        (("--optimizer", "sgd", "--every", 2), "a stride of 2 updates must be 1 or odd, because an even stride "),
        (("--optimizer", "sgd", "--signal", "train/los"), "unknown signal 'train/los'; did you mean 'train/loss', "),
    ],
)  # fmt: skip
def test_sentences_use_words_that_the_user_knows(fails, tmp_path, words, expected):
    sentence = fails(*RUN, *words, "--out", tmp_path / "x")
    assert sentence.startswith(expected)
    assert len(sentence) < 400
