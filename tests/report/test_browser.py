"""The HTML report as a reader has it: opened from disk in a browser, used by mouse and by keyboard, and printed.

Debian's chromium does it, without a display; where there is none these tests are skipped.
"""

import base64
import csv
import io
import json
import re
import shutil

import numpy as np
import pytest
from pypdf import PdfReader

from tests.report.simulation import simulate_experiment, simulate_run
from tracekit.report import write_report
from tracekit.report.document import Document, Figure, Section, Trace, TraceFigure
from tracekit.report.faces.html import render_html
from tracekit.report.figures.thinning import extremes
from tracekit.traces import RunWriter, read

selenium = pytest.importorskip("selenium", reason="needs selenium: pip install selenium")
CHROMIUM, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs a browser: apt-get install chromium chromium-driver"
)

from selenium import webdriver  # noqa: E402
from selenium.webdriver import ActionChains, Keys  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.support.ui import Select, WebDriverWait  # noqa: E402

SCRIPT = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Four runs of adam, and two of an optimizer whose name is meant to harm."""
    folder = simulate_experiment(
        tmp_path_factory.mktemp("runs") / "hostile", optimizers=("adam",), name=f"report {SCRIPT}"
    )
    for seed in range(2):
        simulate_run(folder / f"evil-{seed}", optimizer=SCRIPT, batch_size=50, seed=seed)
    return folder


@pytest.fixture(scope="module")
def file(store, tmp_path_factory):
    return write_report(store, tmp_path_factory.mktemp("report")).html


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    profile = tmp_path_factory.mktemp("profile")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument(f"--user-data-dir={profile}")
    options.add_argument("--window-size=1280,1000")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.execute_cdp_cmd(
        "Browser.grantPermissions", {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    )
    yield driver
    driver.quit()


class Page:
    """The open report, and what a reader does with it."""

    def __init__(self, driver, file):
        self.driver = driver
        self.emulate()
        driver.get(file.as_uri())
        # Jumps instead of smooth scrolling, so that a click does not miss what still moves.
        driver.execute_script("document.documentElement.style.scrollBehavior = 'auto'")

    def emulate(self, *, scheme="light", media=""):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})

    def one(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def control(self, name):
        return self.one(f'.explorer [data-control="{name}"]')

    def text(self, name):
        return self.control(name).text

    def press(self, selector):
        # To the middle of the window, where nothing lies over it.
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", self.one(selector))
        self.one(selector).click()

    def tick(self, title, word):
        """Tick or untick a word of a filter; `all` and `none` are its buttons."""
        (box,) = [
            box for box in self.all(".explorer fieldset") if box.text.split("\n")[0].split(" all")[0] == title
        ]
        choices = box.find_elements(By.CSS_SELECTOR, "label, legend button")
        (choice,) = [choice for choice in choices if choice.text == word]
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", choice)
        choice.click()

    def until(self, condition):
        return WebDriverWait(self.driver, 20, 0.1).until(lambda _: condition())

    def window(self):
        first, last = re.search(r"updates ([\d,]+) to ([\d,]+)", self.text("state")).groups()
        return int(first.replace(",", "")), int(last.replace(",", ""))

    def color(self, selector, name="background-color"):
        return self.one(selector).value_of_css_property(name)

    def clipboard(self):
        text = self.driver.execute_async_script(
            "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))"
        )
        return list(csv.reader(io.StringIO(text)))


@pytest.fixture
def page(browser, file):
    """The page, freshly opened; afterwards nothing may have gone wrong and nothing may have been asked for."""
    for log in ("browser", "performance"):
        browser.get_log(log)
    yield Page(browser, file)
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    assert {url.partition("#")[0] for url in asked if not url.startswith("data:")} == {file.as_uri()}


def test_hostile_names_are_text(page):
    assert page.driver.execute_script("return window.hacked === undefined")
    assert page.one("h1").text == f"report {SCRIPT}"
    assert SCRIPT in page.one('.explorer fieldset[data-column="0"]').text
    page.tick("optimizer", "adam")
    page.control("chart").send_keys(Keys.ARROW_RIGHT)
    page.until(lambda: SCRIPT in page.text("readout"))
    assert page.driver.execute_script("return window.hacked === undefined")


def test_hostile_names_of_a_run_a_signal_and_a_reason_are_text(browser, tmp_path):
    mark = "<img src={} onerror=window.hacked=1>"
    run_name, signal, reason = mark.format("run"), mark.format("signal"), SCRIPT + mark.format("reason")
    for name, status in ((run_name, "diverged"), ("calm", "finished")):
        # Without a seed a run goes by its name, in the filters and under the cursor.
        with RunWriter(
            tmp_path / "x" / name,
            attributes={"optimizer": "adam", "batch_size": 50},
            configuration={},
            meta={},
        ) as run:
            values = np.random.default_rng(0).normal(size=200)
            run.record_series(signal, np.arange(1, 201), np.ones(200), values)
            run.finish(status, reason=reason if status == "diverged" else None)
    file = write_report(tmp_path / "x", tmp_path / "out", signal=signal).html
    for log in ("browser", "performance"):
        browser.get_log(log)
    page = Page(browser, file)
    assert run_name in page.one("#alerts").text
    assert reason in page.one("#alerts").text
    assert [option.text for option in Select(page.control("signal")).options] == [signal]
    page.tick("seed", "none")
    page.tick("seed", run_name)
    page.tick("lines", "none")
    page.tick("lines", "runs")
    page.control("chart").send_keys(Keys.ARROW_RIGHT)
    page.until(lambda: run_name in page.text("readout"))
    page.press("figure.table .copy")
    assert page.driver.execute_script("return window.hacked === undefined && !document.querySelector('img')")
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    assert {url for url in asked if not url.startswith("data:")} == {file.as_uri()}


def test_filters_choose_the_runs_that_are_drawn(page):
    assert page.text("state").startswith("6 of 6 runs")
    page.tick("optimizer", "adam")
    assert page.text("state").startswith("2 of 6 runs")
    page.tick("seed", "none")
    assert page.text("state").startswith("0 of 6 runs")
    page.tick("seed", "1")
    assert page.text("state").startswith("1 of 6 runs")
    page.tick("optimizer", "all")
    assert page.text("state").startswith("3 of 6 runs")
    page.tick("batch size", "50")
    assert page.text("state").startswith("1 of 6 runs")


def test_the_value_under_the_cursor_is_the_recorded_one(page, store):
    page.tick("lines", "none")
    page.tick("lines", "runs")
    Select(page.control("signal")).select_by_visible_text("train/loss")
    area = page.one(".explorer .u-over")
    for across in (-200, 0, 150):
        ActionChains(page.driver).move_to_element_with_offset(area, across, 40).perform()
        for key in (Keys.ARROW_RIGHT, Keys.ARROW_UP):
            page.control("chart").send_keys(key)
            said = page.until(
                lambda: re.fullmatch(
                    r"optimizer (.*), batch size (\d+), seed (\d+); update (\d+): (\S+)", page.text("readout")
                )
            )
            optimizer, batch_size, seed, step, value = said.groups()
            data = read(store, signals=["train/loss"]).query(
                f"batch_size == {batch_size} and seed == {seed} and step == {step}"
            )
            (recorded,) = data[data["optimizer"] == optimizer]["value"]
            assert float(value.replace("−", "-")) == pytest.approx(recorded, rel=1e-4)


def test_a_thinned_line_says_of_which_updates_and_extremes_beyond_the_axis_are_counted(browser, tmp_path):
    rng = np.random.default_rng(0)
    step, value = np.arange(1.0, 1001.0), rng.normal(size=1000)
    value[499] = 1e6
    at, kept = extremes(step, value, np.linspace(0.5, 1000.5, 101))
    line = Trace("loss", ("adam",), at, kept, stretch=10.0, note="diverged at the end")
    figure = TraceFigure(Figure((), "Still."), ("optimizer",), (line,))
    file = tmp_path / "thinned.html"
    file.write_bytes(render_html(Document("thinned", (), (Section("s", "S", (figure,)),))))
    page = Page(browser, file)
    assert "lowest and the highest value of 10 updates" in page.text("thinned")
    assert page.text("beyond").strip().startswith("1 extreme value lies beyond")
    page.control("chart").send_keys(Keys.ARROW_RIGHT)
    page.until(lambda: "updates 1 to 10: an extreme" in page.text("readout"))
    assert page.text("readout").endswith("(diverged at the end)")
    page.control("chart").send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    page.until(lambda: "updates 11 to 20: an extreme" in page.text("readout"))
    page.press('[data-control="all"]')
    assert page.text("beyond") == ""


def test_zoom_by_mouse_button_and_key(page):
    area = page.one(".explorer .u-over")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", area)
    assert page.window() == (1, 240)
    ActionChains(page.driver).move_to_element_with_offset(area, -100, 0).click_and_hold().move_by_offset(
        200, 3
    ).release().perform()
    page.until(lambda: page.window() != (1, 240))
    first, last = page.window()
    wide = area.size["width"]
    assert (last - first) / 239 == pytest.approx(200 / wide, abs=0.02)
    ActionChains(page.driver).double_click(area).perform()
    page.until(lambda: page.window() == (1, 240))
    page.press('[data-zoom="in"]')
    page.until(lambda: page.window() == (61, 180))
    page.press('[data-zoom="later"]')
    page.until(lambda: page.window() == (121, 240))
    page.press('[data-zoom="later"]')
    assert page.window() == (121, 240)
    page.press('[data-zoom="earlier"]')
    page.until(lambda: page.window() == (61, 180))
    page.control("chart").send_keys("+")
    page.until(lambda: page.window()[1] - page.window()[0] in (59, 60))
    page.control("chart").send_keys(Keys.ESCAPE)
    page.until(lambda: page.window() == (1, 240))


def test_zoom_stays_when_a_filter_changes(page):
    page.press('[data-zoom="in"]')
    page.until(lambda: page.window() == (61, 180))
    page.tick("optimizer", "adam")
    page.until(lambda: page.window() == (61, 180))


def test_tables_sort_by_value_and_back(page):
    button = page.one("table.sortable:has(td.number) th.number button")
    page.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)

    def values():
        order = page.driver.execute_script(
            "const head = arguments[0].closest('th'); return [...head.closest('table').tBodies[0].rows]"
            ".map((row) => row.cells[head.cellIndex].dataset.order ?? null)",
            button,
        )
        return [float(value) for value in order if value is not None]

    before = values()
    assert len(before) >= 3
    button.click()
    assert values() == sorted(before)
    assert button.find_element(By.XPATH, "..").get_attribute("aria-sort") == "ascending"
    button.send_keys(Keys.ENTER)
    assert values() == sorted(before, reverse=True)
    assert button.find_element(By.XPATH, "..").get_attribute("aria-sort") == "descending"


def test_a_table_is_copied_as_csv_with_every_digit(page):
    page.press("figure.table:has(td.number) .copy")
    page.until(lambda: "copied as CSV" in page.one(".said").text)
    shown = page.driver.execute_script(
        "const table = document.querySelector('figure.table:has(td.number) table');"
        "return [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) =>"
        " [cell.innerText, cell.dataset.order ?? null, cell.matches('.number')]))"
    )
    rows = page.clipboard()[1:]
    assert len(rows) == len(shown) >= 3
    compared = 0
    for copied, cells in zip(rows, shown, strict=True):
        assert copied[0] == cells[0][0]
        for text, (words, order, numeric) in zip(copied, cells, strict=True):
            if numeric and order and "[" not in words:
                assert float(text) == float(order)
                compared += 1
    assert compared >= 6


def test_what_the_chart_shows_is_copied(page, store):
    page.tick("lines", "none")
    page.tick("lines", "runs")
    page.tick("optimizer", "adam")
    page.press('.explorer [data-control="copy"]')
    page.until(lambda: "copied as CSV" in page.one(".said").text)
    head, *rows = page.clipboard()
    assert head == ["signal", "optimizer", "batch size", "seed", "line", "update", "value"]
    data = read(store, signals=[rows[0][0]])
    data = data[data["optimizer"] == SCRIPT].sort_values(["seed", "step"])
    assert {row[1] for row in rows} == {SCRIPT}
    rows.sort(key=lambda row: (row[3], int(row[5])))
    np.testing.assert_array_equal([int(row[5]) for row in rows], data["step"])
    np.testing.assert_allclose([float(row[6]) for row in rows], data["value"], rtol=1e-6)


def test_the_theme_follows_the_system_until_the_reader_chooses(page, file):
    white, dark = "rgba(255, 255, 255, 1)", "rgba(20, 24, 29, 1)"
    assert page.color("body") == white
    page.emulate(scheme="dark")
    page.until(lambda: page.color("body") == dark)
    assert page.color(".explorer .legend li i", "border-top-color") == "rgba(86, 180, 233, 1)"
    Select(page.one(".theme select")).select_by_visible_text("light")
    assert page.color("body") == white
    page.driver.get(file.as_uri())
    assert page.color("body") == white
    Select(page.one(".theme select")).select_by_visible_text("system")
    assert page.color("body") == dark


def test_paper_is_white_and_has_the_figures_but_no_controls(page):
    page.emulate(scheme="dark", media="print")
    assert page.color("body") == "rgba(255, 255, 255, 1)"
    assert not page.one(".explorer").is_displayed()
    page.emulate(scheme="dark")
    wanted = {"printBackground": True, "pageRanges": "1-4"}
    printed = base64.b64decode(page.driver.execute_cdp_cmd("Page.printToPDF", wanted)["data"])
    text = "".join(sheet.extract_text() for sheet in PdfReader(io.BytesIO(printed)).pages)
    assert "Figure 1." in text
    assert "Zoom in" not in text
    assert "Copy as CSV" not in text


def test_a_keyboard_reaches_every_control_and_shows_where_it_is(page):
    wanted = page.driver.execute_script(
        "window.controls = [...document.querySelectorAll('a[href], button, select, input, summary, pre, .chart')]"
        ".filter((element) => element.checkVisibility() && !element.disabled); window.stops = [];"
        "document.addEventListener('focusin', ({ target }) => window.stops.push("
        "[window.controls.indexOf(target), getComputedStyle(target).outlineStyle !== 'none']));"
        "return window.controls.length"
    )
    regions = len(page.all(".scroll"))
    ActionChains(page.driver).send_keys(Keys.TAB * (wanted + regions)).perform()
    stops = page.driver.execute_script("return window.stops")
    assert wanted > 30
    assert {place for place, _ in stops} >= set(range(wanted))
    assert all(outlined for _, outlined in stops)


def test_the_chart_is_read_out_by_arrow_keys(page):
    chart = page.control("chart")
    prompt = page.text("readout")
    chart.send_keys(Keys.ARROW_RIGHT)
    page.until(lambda: page.text("readout") != prompt)
    (first,) = re.findall(r"update (\d+):", page.text("readout"))
    chart.send_keys(Keys.ARROW_RIGHT)
    page.until(lambda: int(re.findall(r"update (\d+):", page.text("readout"))[0]) > int(first))
    line = page.text("readout").split(";")[0]
    chart.send_keys(Keys.ARROW_DOWN)
    page.until(lambda: page.text("readout").split(";")[0] != line)


def test_a_phone_needs_no_sideways_scrolling(page, file):
    page.driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True},
    )
    try:
        page.driver.get(file.as_uri())
        assert page.driver.execute_script("return document.documentElement.scrollWidth") == 390
        assert page.one(".explorer canvas").size["width"] <= 358
        assert not page.one(".explorer .filters").is_displayed()
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_without_scripts_the_still_figures_remain(page, file):
    page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        page.driver.get(file.as_uri())
        assert page.one("figure.drawing svg").is_displayed()
        assert not page.one(".explorer").is_displayed()
        assert not page.one(".theme").is_displayed()
        assert page.all("button.copy") == []
    finally:
        page.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
