
// The chart below a figure of traces: one signal at a time, filtered, zoomed and read out. uPlot draws it.
const unpack = (text, Kind) => new Kind(Uint8Array.from(atob(text), (char) => char.charCodeAt(0)).buffer);
const rounded = (value) => String(Number(value.toPrecision(5))).replace("-", "−");
const grouped = (step) => Math.round(step).toLocaleString("en");

function explore(root) {
  const data = JSON.parse(root.querySelector("script").textContent);
  const grids = data.grids.map((grid) => unpack(grid, Float64Array));
  const control = (name) => root.querySelector(`[data-control="${name}"]`);
  const boxes = [...root.querySelectorAll("fieldset[data-column]")];
  const chart = control("chart");
  const prompt = control("readout").textContent;
  let plot, shown, xs, span = null, focused = null;

  // A gap in JSON's numbers is NaN, in uPlot's null; a line is unpacked when it is first drawn.
  const numbers = (line, name) => {
    line.unpacked ??= {};
    return line.unpacked[name] ??= Array.from(unpack(line[name], Float32Array), (value) => (Number.isFinite(value) ? value : null));
  };
  const color = (words) => {
    const probe = document.createElement("i");
    probe.style.color = words;
    root.append(probe);
    const seen = getComputedStyle(probe).color;
    probe.remove();
    return seen;
  };
  const chosen = () => boxes.map((box) => new Set([...box.querySelectorAll("input:checked")].map((input) => Number(input.value))));
  const signal = () => Number(control("signal").value);
  const byColor = () => Number(control("color").value);
  const style = (place) => ({
    stroke: `var(${place < 0 ? "--ink" : data.colors[place % data.colors.length]})`,
    dash: [[], [8, 3], [2, 3]][Math.floor(Math.max(place, 0) / data.colors.length) % 3],
  });

  function select() {
    const sets = chosen();
    const kinds = sets.pop();
    return data.lines
      .filter((line) => line.signal === signal() && kinds.has(line.kind) && line.at.every((word, column) => word < 0 || sets[column].has(word)))
      .sort((a, b) => Math.min(a.kind, 1) - Math.min(b.kind, 1));
  }

  function bulk(values) {
    // As the still figures do: extremes that dwarf the rest lie beyond the axis until the reader asks for all.
    const sorted = Float64Array.from(values).sort();
    if (sorted.length < 50 || control("all").checked) return [-Infinity, Infinity];
    const low = sorted[Math.ceil(0.005 * (sorted.length - 1))];
    const high = sorted[Math.floor(0.995 * (sorted.length - 1))];
    return high > low ? [low - 0.6 * (high - low), high + 0.6 * (high - low)] : [-Infinity, Infinity];
  }

  function draw() {
    plot?.destroy();
    plot = focused = null;
    control("readout").textContent = prompt;
    shown = select();
    const positive = shown.every((line) => numbers(line, "value").every((value) => value === null || value > 0));
    control("log").disabled = !positive;
    const log = control("log").checked && positive;
    const tables = new Map();
    for (const line of shown) {
      const table = tables.get(line.grid) ?? [[grids[line.grid]], []];
      tables.set(line.grid, table);
      const add = (name, edge) => { table[0].push(numbers(line, name)); table[1].push({ line, edge }); };
      if (line.high) { add("high", true); add("low", true); }
      add("value", false);
    }
    const parts = [...tables.values()];
    const columns = parts.flatMap((part) => part[1]);
    const aligned = parts.length > 1 ? uPlot.join(parts.map((part) => part[0])) : (parts[0]?.[0] ?? [[]]);
    xs = aligned[0];
    const [lowest, highest] = bulk(shown.flatMap((line) => numbers(line, "value").filter((value) => value !== null)));
    const beyond = shown.reduce((sum, line) => sum + numbers(line, "value").filter((value) => value !== null && (value < lowest || value > highest)).length, 0);
    const muted = color("var(--muted)"), grid = color("var(--line)");
    const font = `12px ${getComputedStyle(root).fontFamily}`;
    const crowd = Math.min(0.85, 2 / Math.sqrt(shown.length));
    const series = columns.map(({ line, edge }) => {
      const { stroke, dash } = style(line.at[byColor()]);
      return {
        stroke: color(line.kind ? `color-mix(in srgb, ${stroke} 60%, var(--ink))` : stroke), dash, line,
        width: edge ? 0 : line.kind ? 3 : 1,
        alpha: line.kind ? 1 : crowd,
        points: { show: false },
      };
    });
    const bands = columns.flatMap(({ line, edge }, at) => (edge && columns[at + 1]?.edge && columns[at + 1].line === line
      ? [{ series: [at + 1, at + 2], fill: color(`color-mix(in srgb, ${style(line.at[byColor()]).stroke} 20%, transparent)`) }] : []));
    const options = {
      width: chart.clientWidth,
      height: Math.round(Math.min(420, Math.max(260, 0.45 * chart.clientWidth))),
      padding: [10, 14, 0, 0],
      legend: { show: false },
      focus: { alpha: 0.25 },
      cursor: { focus: { prox: 24 }, points: { one: true, size: 8 }, drag: { x: true, y: true, uni: 40 } },
      scales: {
        x: { time: false },
        y: {
          distr: log ? 3 : 1,
          range: (_, low, high) => {
            if (low === null || low === Infinity) return log ? [0.1, 1] : [0, 1];
            if (log) return uPlot.rangeLog(low, high, 10, false);
            const [from, to] = [Math.max(low, lowest), Math.min(high, highest)];
            return from < to ? uPlot.rangeNum(from, to, 0.04, true) : uPlot.rangeNum(low, high, 0.04, true);
          },
        },
      },
      axes: [
        { label: "update", labelSize: 20, size: 26, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? grouped(tick) : "")) },
        { label: data.units[signal()], labelSize: 20, size: 52, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : rounded(tick))) },
      ].map((axis) => ({ ...axis, stroke: muted, font, labelFont: font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 } })),
      series: [{}, ...series],
      bands,
      hooks: {
        setSeries: [(_, at) => { focused = at; read(); }],
        setCursor: [read],
        ready: [(self) => { plot = self; state(); }],
        setScale: [(self, key) => { if (key === "x" && self.status) { span = whole() ? null : { min: self.scales.x.min, max: self.scales.x.max }; state(); } }],
      },
    };
    plot = new uPlot(options, aligned, chart);
    if (span) plot.setScale("x", span);
    legend();
    control("beyond").textContent = beyond && !log ? ` ${beyond === 1 ? "1 extreme value lies" : `${beyond.toLocaleString("en")} extreme values lie`} beyond the axis; “all values” shows them.` : "";
    read();
  }

  const whole = () => plot.scales.x.min <= xs[0] && plot.scales.x.max >= xs[xs.length - 1];

  function state() {
    const runs = (lines) => lines.filter((line) => !line.kind).length;
    const all = runs(data.lines.filter((line) => line.signal === signal()));
    const { min, max } = plot?.scales.x ?? {};
    const window = min === undefined || min === null ? "" : `, updates ${grouped(min)} to ${grouped(max)}`;
    control("state").textContent = `${runs(shown)} of ${all} ${all === 1 ? "run" : "runs"}${window}.`;
    const stretch = Math.max(0, ...shown.map((line) => line.stretch));
    control("thinned").textContent = stretch
      ? ` Each two points are the lowest and the highest value of ${grouped(stretch)} updates, so no spike is lost.` : "";
  }

  function legend() {
    const column = byColor();
    const places = [...new Set(shown.map((line) => line.at[column]))].filter((place) => place >= 0).sort((a, b) => a - b);
    control("legend").replaceChildren(...places.map((place) => {
      const item = document.createElement("li");
      const mark = document.createElement("i");
      mark.style.borderTop = `3px ${["solid", "dashed", "dotted"][Math.floor(place / data.colors.length) % 3]} ${style(place).stroke}`;
      item.append(mark, data.choices[column][place]);
      return item;
    }));
  }

  const titled = (line) => [
    ...line.at.map((word, column) => (word < 0 ? "" : `${data.columns[column]} ${data.choices[column][word]}`)),
    line.kind ? data.kinds[line.kind] : "",
  ].filter(Boolean).join(", ");

  function read() {
    const at = focused === null ? null : plot?.cursor.idxs?.[focused];
    if (at === null || at === undefined) return;
    const { line } = plot.series[focused];
    const value = plot.data[focused][at];
    if (value === null || value === undefined) return;
    let when = `update ${grouped(xs[at])}`;
    let what = "";
    if (line.stretch) {
      const first = grids[line.grid][0] - line.stretch / 4;
      const start = first + Math.floor((xs[at] - first) / line.stretch) * line.stretch;
      when = `updates ${grouped(Math.ceil(start))} to ${grouped(Math.ceil(start + line.stretch) - 1)}`;
      what = "an extreme, ";
    }
    control("readout").textContent = `${titled(line)}; ${when}: ${what}${rounded(value)}${line.note ? ` (${line.note})` : ""}`;
  }

  // Zooming by button and key, for readers without a mouse.
  function zoom(factor, shift) {
    const { min, max } = plot.scales.x;
    const width = (max - min) * factor;
    const middle = (min + max) / 2 + shift * (max - min);
    const [first, last] = [xs[0], xs[xs.length - 1]];
    const from = Math.max(first, Math.min(middle - width / 2, last - width));
    if (width >= 2) plot.setScale("x", { min: from, max: Math.min(last, from + width) });
  }
  const reset = () => { span = null; plot.setData(plot.data, true); };

  function point(series, at) {
    const value = plot.data[series]?.[at];
    if (value === null || value === undefined) return false;
    plot.setCursor({ left: plot.valToPos(xs[at], "x"), top: plot.valToPos(value, "y") });
    plot.setSeries(series, { focus: true });
    return true;
  }
  function step(by) {
    const series = focused ?? plot.series.length - 1;
    const { min, max } = plot.scales.x;
    let at = plot.cursor.idxs?.[series] ?? (by > 0 ? plot.valToIdx(min) - 1 : plot.valToIdx(max) + 1);
    do at += by; while (at >= 0 && at < xs.length && xs[at] >= min && xs[at] <= max && !point(series, at));
  }
  function other(by) {
    const at = plot.cursor.idxs?.find((idx) => idx !== null && idx !== undefined) ?? plot.valToIdx(plot.scales.x.min);
    const count = plot.series.length - 1;
    for (let tried = 1, series = focused ?? 0; tried <= count; tried += 1) {
      series = ((series - 1 + by + count) % count) + 1;
      if (plot.series[series].width && point(series, at)) return;
    }
  }
  const acts = { in: () => zoom(0.5, 0), out: () => zoom(2, 0), earlier: () => zoom(1, -0.5), later: () => zoom(1, 0.5), whole: reset };
  const keys = {
    ArrowLeft: () => step(-1), ArrowRight: () => step(1), ArrowUp: () => other(-1), ArrowDown: () => other(1),
    "+": acts.in, "=": acts.in, "-": acts.out, "0": reset, Escape: reset,
  };
  chart.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const [series, at] = [focused, plot.cursor.idxs?.[focused]];
    keys[event.key]();
    // A zoom moves the lines under the cursor: it stays with the value that was read.
    if (series !== null && !event.key.startsWith("Arrow")) queueMicrotask(() => point(series, at));
  });
  for (const press of root.querySelectorAll("[data-zoom]")) press.addEventListener("click", () => acts[press.dataset.zoom]());
  for (const press of root.querySelectorAll("[data-tick]")) {
    press.addEventListener("click", () => {
      press.closest("fieldset").querySelectorAll("input").forEach((input) => { input.checked = press.dataset.tick === "all"; });
      draw();
    });
  }
  control("copy").addEventListener("click", () => {
    const { min, max } = plot.scales.x;
    const rows = [["signal", ...data.columns, "line", "update", "value"]];
    for (const line of shown) {
      const named = [data.signals[line.signal], ...line.at.map((word, column) => (word < 0 ? "" : data.choices[column][word])), data.kinds[line.kind]];
      grids[line.grid].forEach((at, place) => {
        const value = numbers(line, "value")[place];
        if (value !== null && at >= min && at <= max) rows.push([...named, String(at), String(Number(value.toPrecision(8)))]);
      });
    }
    copy(rows, "What the chart shows is");
  });
  control("signal").addEventListener("change", () => { span = null; });
  root.addEventListener("change", draw);
  document.addEventListener("themechange", draw);

  root.hidden = false;
  const narrow = matchMedia("(max-width: 45rem)");
  root.querySelector("details").open = !narrow.matches;
  draw();
  new ResizeObserver(() => { if (plot && chart.clientWidth && chart.clientWidth !== plot.width) draw(); }).observe(chart);
}

document.querySelectorAll(".explorer").forEach(explore);
