// The page of a trace: the span's attributes, the filter, the keyboard.
import { typing } from "./common.js";
import { address, closeAll, grid, look, openAll, remember, reveal, rowAt, rows, spans, toggle } from "./rows.js";
import { move, zoom, zoomIn } from "./zoom.js";

const detail = document.getElementById("detail");
const find = document.getElementById("find");
const found = document.getElementById("found");
const trace = grid.dataset.trace;
let at = -1;

/* A page that was taken away has all in itself; else the server is asked. */
const kept = JSON.parse(document.getElementById("details")?.textContent ?? "null");

async function paneOf(row) {
  const twin = Number(row.element.dataset.twin ?? 0);
  if (kept) return kept[row.span]?.[twin];
  const answer = await fetch(`/trace/${trace}/span/${row.span}?twin=${twin}`).catch(() => null);
  return answer?.ok ? answer.text() : undefined;
}

async function nodesWith(text) {
  if (kept) {
    const plain = document.createElement("template");
    const says = (row) => {
      plain.innerHTML = kept[row.span]?.[Number(row.element.dataset.twin ?? 0)] ?? "";
      return `${row.element.textContent} ${plain.content.textContent}`.toLowerCase().includes(text.toLowerCase());
    };
    return spans.filter(says).map((row) => row.node);
  }
  const answer = await fetch(`/trace/${trace}/find?text=${encodeURIComponent(text)}`).catch(() => null);
  return answer?.ok ? answer.json() : undefined;
}

let asked = 0;
async function filter() {
  const text = find.value.trim();
  const number = ++asked;
  const nodes = text ? await nodesWith(text) : null;
  if (number !== asked || nodes === undefined) return;
  found.textContent = nodes ? `${nodes.length} of ${spans.length} spans` : "";
  remember("find", text);
  look(nodes);
}

/* The span's own pane. */
let pending = 0;
async function show(row) {
  if (!row || row.isFold) return toggle(row);
  const number = ++pending;
  const text = await paneOf(row);
  if (text === undefined || number !== pending) return;
  detail.innerHTML = text;
  detail.hidden = false;
  detail.scrollTop = 0;
  remember("span", row.key);
}

function hide() {
  pending += 1;
  detail.hidden = true;
  remember("span", "");
  rows[at]?.element.focus();
}

function go(row) {
  if (!row) return;
  const before = (rows[at] ?? rows[0]).element;
  before.classList.remove("at");
  before.tabIndex = -1;
  at = rows.indexOf(row);
  row.element.classList.add("at");
  row.element.tabIndex = 0;
  row.element.focus({ preventScroll: true });
  row.element.scrollIntoView({ block: "nearest" });
}

function step(by, wanted = () => true, from = at) {
  for (let index = from + by; index >= 0 && index < rows.length; index += by) {
    if (!rows[index].hidden && wanted(rows[index])) return go(rows[index]);
  }
}

function jump(key) {
  const row = spans.find((row) => row.key === key) ?? spans.find((row) => row.span === key);
  if (!row) return false;
  reveal(row);
  go(row);
  show(row);
  return true;
}

function nextError(by, from = at) {
  for (let index = from + by; index >= 0 && index < rows.length; index += by) {
    if (rows[index].isError) {
      reveal(rows[index]);
      return go(rows[index]);
    }
  }
}

function togglePath() {
  const path = document.getElementById("critical");
  const isOn = grid.classList.toggle("with-path");
  path.setAttribute("aria-pressed", isOn);
  remember("path", isOn ? "1" : "");
}

grid.addEventListener("click", (event) => {
  const row = rowAt(event.target);
  if (!row) return;
  go(row);
  if (event.target.matches(".twist")) toggle(row); else show(row);
});
detail.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) hide();
  const link = event.target.closest("[data-jump]");
  if (link && jump(link.dataset.jump)) event.preventDefault();
});
find.addEventListener("input", filter);
for (const chip of document.querySelectorAll("[data-find]")) {
  chip.addEventListener("click", () => {
    find.value = find.value === chip.dataset.find ? "" : chip.dataset.find;
    filter();
  });
}
document.getElementById("critical").addEventListener("click", togglePath);
document.getElementById("fold-all").addEventListener("click", closeAll);
document.getElementById("open-all").addEventListener("click", openAll);
document.getElementById("first-error")?.addEventListener("click", (event) => {
  event.preventDefault();
  nextError(1, -1);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.target.matches("input, dialog *") && !detail.hidden) { hide(); return; }
  if (typing(event)) return;
  const row = rows[at];
  switch (event.key) {
    case "j": case "ArrowDown": step(1); break;
    case "k": case "ArrowUp": step(-1); break;
    case "l": case "ArrowRight": if (!toggle(row, true)) step(1); break;
    case "h": case "ArrowLeft": if (!toggle(row, false)) step(-1, (other) => other.level < (row?.level ?? 0)); break;
    case "Home": case "End":
      if (!grid.contains(event.target)) return;
      if (event.key === "Home") step(1, undefined, -1); else step(-1, undefined, rows.length);
      break;
    case "Enter": if (event.target.closest("a, button, summary")) return; show(row); break;
    case "]": nextError(1); break;
    case "[": nextError(-1); break;
    case "+": case "=": zoomIn(0.5); break;
    case "-": zoomIn(2); break;
    case "0": zoom(0, 1); break;
    case "<": move(-0.25); break;
    case ">": move(0.25); break;
    case "c": togglePath(); break;
    default: return;
  }
  event.preventDefault();
});

rows[0]?.element.setAttribute("tabindex", "0");
if (address.searchParams.has("path")) togglePath();
if (address.searchParams.get("find")) {
  find.value = address.searchParams.get("find");
  filter();
}
if (address.searchParams.get("span")) jump(address.searchParams.get("span"));
