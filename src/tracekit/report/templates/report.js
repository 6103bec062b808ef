"use strict";

// What a reader without scripts could not press is made or shown here.
const said = document.querySelector("body > .said");

function say(text) {
  said.textContent = text;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { said.textContent = ""; }, 4000);
}

function button(text, press) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", press);
  return made;
}

// The theme follows the system unless the reader chooses one; the choice is kept where the browser keeps any.
const theme = document.querySelector(".theme");
function wear(chosen) {
  document.documentElement.style.colorScheme = chosen;
  theme.querySelector("select").value = chosen;
  document.dispatchEvent(new Event("themechange"));
}
theme.hidden = false;
theme.addEventListener("change", (event) => {
  wear(event.target.value);
  try { localStorage.setItem("tracekit-theme", event.target.value); } catch { say("This browser keeps no choices."); }
});
try { wear(localStorage.getItem("tracekit-theme") ?? ""); } catch { wear(""); }
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => document.dispatchEvent(new Event("themechange")));

// Sorting: each header of a sortable table becomes a button; a second press turns the order round.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.replaceChildren(button(head.textContent, () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const numeric = head.classList.contains("number");
      const key = (row) => row.cells[column].dataset.order;
      const compare = (a, b) => {
        if (key(a) === undefined || key(b) === undefined) return (key(a) === undefined) - (key(b) === undefined);
        const order = numeric ? Number(key(a)) - Number(key(b)) : key(a).localeCompare(key(b), undefined, { numeric: true });
        return up ? order : -order;
      };
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort(compare));
    }));
  });
}

// Copying: numbers with all their digits, words as they stand, rows in the order that is shown.
function csv(rows) {
  return rows.map((row) => row.map((cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",") + "\r\n").join("");
}

async function copy(rows, what) {
  const text = csv(rows);
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) return say("The browser does not let this page write to the clipboard.");
  }
  say(`${what} copied as CSV: ${rows.length - 1} rows.`);
}

function written(cell) {
  const short = cell.cloneNode(true);
  short.querySelectorAll(".symbol").forEach((symbol) => symbol.remove());
  const text = [...short.childNodes].map((node) => node.textContent.trim()).filter(Boolean).join("; ");
  return cell.dataset.order !== undefined && /^[−\d][\d,.e−∞]*$/.test(text) ? cell.dataset.order : text;
}

document.querySelectorAll("figure.table").forEach((figure, at) => {
  const table = figure.querySelector("table");
  const rows = () => [...table.rows].map((row) => [...row.cells].map(written));
  const press = button("Copy as CSV", () => copy(rows(), `Table ${at + 1}`));
  press.className = "copy";
  press.setAttribute("aria-label", `Copy as CSV: table ${at + 1}`);
  figure.append(press);
});
document.querySelectorAll("figure.code").forEach((figure) => {
  const text = figure.querySelector("pre").textContent;
  const press = button("Copy", async () => {
    try { await navigator.clipboard.writeText(text); say("Copied."); } catch { say("The browser does not let this page write to the clipboard."); }
  });
  press.className = "copy";
  figure.append(press);
});

// The list of sections marks the one that is being read.
const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
const reading = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) links.get(target.id)?.toggleAttribute("aria-current", isIntersecting);
}, { rootMargin: "-20% 0px -75% 0px" });
document.querySelectorAll("main > section").forEach((part) => reading.observe(part));
