// The waterfall: opening and closing, the filter, zoom, the span's attributes, the keyboard.
import { typing } from "./common.js";

const grid = document.getElementById("rows");
const detail = document.getElementById("detail");
const find = document.getElementById("find");
const found = document.getElementById("found");
const map = document.getElementById("minimap");
const pane = document.getElementById("window");
const out = document.getElementById("zoom-out");
const rows = [...grid.querySelectorAll(".row")];
const trace = grid.dataset.trace;
const length = Number(map.dataset.length);
const address = new URL(location);

// Rows by node; a fold's row has its first member's node and comes just before it.
const ofNode = new Map(rows.filter((row) => !row.dataset.fold).map((row) => [Number(row.dataset.node), row]));
const closed = new Set();
const openFolds = new Set();
let hits = null;
let at = -1;

/* What is shown: not below a closed span, not in a closed fold, and on the way to what is looked for. */
function arrange() {
  let until = -1;
  const shown = hits && withAncestors(hits);
  for (const row of rows) {
    const node = Number(row.dataset.node);
    const below = Number(row.dataset.below);
    const fold = row.dataset.fold;
    const within = row.dataset.within;
    let hidden = node <= until;
    if (!hidden && within !== undefined && !openFolds.has(within)) {
      hidden = !shown;
      if (!shown) until = Math.max(until, node + below);
    }
    if (shown) hidden = fold !== undefined || !shown.has(node);
    else if (!hidden && fold === undefined && closed.has(node)) until = Math.max(until, node + below);
    row.hidden = hidden;
    row.classList.toggle("hit", Boolean(hits?.has(node)) && fold === undefined);
    row.classList.toggle("dim", Boolean(shown) && !hits.has(node));
    if (fold !== undefined) row.setAttribute("aria-expanded", openFolds.has(fold));
    else if (below > 0) row.setAttribute("aria-expanded", !closed.has(node));
  }
}

function withAncestors(nodes) {
  const kept = new Set();
  const stack = [];
  for (const row of rows) {
    if (row.dataset.fold) continue;
    const node = Number(row.dataset.node);
    while (stack.length && stack.at(-1).end < node) stack.pop();
    stack.push({ node, end: node + Number(row.dataset.below) });
    if (nodes.has(node)) for (const step of stack) kept.add(step.node);
  }
  return kept;
}

function toggle(row, open) {
  if (!row?.hasAttribute("aria-expanded")) return false;
  const [set, key, isOpen] = row.dataset.fold !== undefined
    ? [openFolds, row.dataset.fold, openFolds.has(row.dataset.fold)]
    : [closed, Number(row.dataset.node), !closed.has(Number(row.dataset.node))];
  if (open === isOpen) return false;
  if (set === openFolds ? !isOpen : isOpen) set.add(key); else set.delete(key);
  arrange();
  return true;
}

/* A page that was taken away has all in itself; else the server is asked. */
const kept = JSON.parse(document.getElementById("details")?.textContent ?? "null");

async function pane_of(row) {
  const { span, twin } = row.dataset;
  if (kept) return kept[span]?.[Number(twin ?? 0)];
  const answer = await fetch(`/trace/${trace}/span/${span}?twin=${twin ?? 0}`).catch(() => null);
  return answer?.ok ? answer.text() : undefined;
}

async function nodes_with(text) {
  if (kept) {
    const wanted = text.toLowerCase();
    const read = (row) => row.textContent + (kept[row.dataset.span]?.[Number(row.dataset.twin ?? 0)] ?? "");
    return [...ofNode].filter(([, row]) => read(row).toLowerCase().includes(wanted)).map(([node]) => node);
  }
  const answer = await fetch(`/trace/${trace}/find?text=${encodeURIComponent(text)}`).catch(() => null);
  return answer?.ok ? answer.json() : undefined;
}

let asked = 0;
async function filter() {
  const text = find.value.trim();
  const number = ++asked;
  if (!text) { hits = null; found.textContent = ""; }
  else {
    const nodes = await nodes_with(text);
    if (number !== asked || !nodes) return;
    hits = new Set(nodes);
    found.textContent = `${hits.size} of ${ofNode.size} spans`;
  }
  remember("find", text);
  arrange();
}

function remember(name, value) {
  if (value) address.searchParams.set(name, value); else address.searchParams.delete(name);
  if (!kept) history.replaceState(null, "", address);
}

/* The span's own pane. */
async function show(row) {
  if (!row || row.dataset.fold !== undefined) return toggle(row);
  const text = await pane_of(row);
  if (text === undefined) return;
  detail.innerHTML = text;
  detail.hidden = false;
  remember("span", row.dataset.span);
}

function hide() {
  detail.hidden = true;
  remember("span", "");
  rows[at]?.focus();
}

function go(index) {
  if (index < 0 || index >= rows.length) return;
  rows[at]?.classList.remove("at");
  at = index;
  const row = rows[at];
  row.classList.add("at");
  row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function step(by, wanted = () => true) {
  for (let index = at + by; index >= 0 && index < rows.length; index += by) {
    if (!rows[index].hidden && wanted(rows[index])) { go(index); return; }
  }
}

/* Opens all that hides a row. */
function reveal(row) {
  const node = Number(row.dataset.node);
  for (const other of rows) {
    const first = Number(other.dataset.node);
    if (other.dataset.fold === undefined && first < node && node <= first + Number(other.dataset.below)) closed.delete(first);
    if (other.dataset.within !== undefined && first <= node && node <= first + Number(other.dataset.below)) openFolds.add(other.dataset.within);
  }
  arrange();
}

function jump(span) {
  const row = rows.find((row) => row.dataset.span === span && row.dataset.fold === undefined);
  if (!row) return false;
  reveal(row);
  go(rows.indexOf(row));
  show(row);
  return true;
}

function nextError(by) {
  const all = rows.filter((row) => row.classList.contains("error"));
  const index = all.findIndex((row) => (by > 0 ? rows.indexOf(row) > at : rows.indexOf(row) >= at));
  const row = by > 0 ? all[index] : all[index < 0 ? all.length - 1 : index - 1];
  if (row) { reveal(row); go(rows.indexOf(row)); }
}

/* Zoom: thousandths of the trace. */
let from = 0;
let width = 1000;
function zoom(start, size) {
  width = Math.min(1000, Math.max(size, 0.01));
  from = Math.min(Math.max(start, 0), 1000 - width);
  for (const bar of grid.querySelectorAll(".time svg")) bar.setAttribute("viewBox", `${from} 0 ${width} 12`);
  pane.setAttribute("x", from);
  pane.setAttribute("width", width);
  out.disabled = width >= 1000;
  ruler();
}

function words(nanos) {
  for (const [unit, size] of [["s", 1e9], ["ms", 1e6], ["µs", 1e3]]) {
    if (nanos >= size) return `${+(nanos / size).toPrecision(3)} ${unit}`;
  }
  return `${Math.round(nanos)} ns`;
}

function ruler() {
  const ticks = document.getElementById("ticks");
  ticks.replaceChildren(...[0, 0.25, 0.5, 0.75].map((part) => {
    const tick = document.createElement("span");
    tick.textContent = words(((from + part * width) / 1000) * length);
    return tick;
  }));
}

const place = (event) => {
  const box = map.getBoundingClientRect();
  return Math.min(Math.max(((event.clientX - box.left) / box.width) * 1000, 0), 1000);
};
let dragged = null;
map.addEventListener("pointerdown", (event) => { dragged = place(event); map.setPointerCapture(event.pointerId); });
map.addEventListener("pointermove", (event) => {
  if (dragged === null) return;
  const here = place(event);
  pane.setAttribute("x", Math.min(dragged, here));
  pane.setAttribute("width", Math.abs(here - dragged));
});
map.addEventListener("pointerup", (event) => {
  const here = place(event);
  const size = Math.abs(here - dragged);
  if (size > 3) zoom(Math.min(dragged, here), size); else zoom(0, 1000);
  dragged = null;
});
grid.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  const size = width * (event.deltaY > 0 ? 1.25 : 0.8);
  zoom(from + (width - size) / 2, size);
}, { passive: false });

grid.addEventListener("click", (event) => {
  const row = event.target.closest(".row");
  if (!row) return;
  go(rows.indexOf(row));
  if (event.target.matches(".twist")) toggle(row); else show(row);
});
detail.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) hide();
  const link = event.target.closest("[data-jump]");
  if (link && jump(link.dataset.jump)) event.preventDefault();
});
find.addEventListener("input", filter);
out.addEventListener("click", () => zoom(0, 1000));
const path = document.getElementById("critical");
function togglePath() {
  const on = grid.classList.toggle("with-path");
  path.setAttribute("aria-pressed", on);
}
path.addEventListener("click", togglePath);
document.getElementById("fold-all").addEventListener("click", () => {
  for (const row of rows) if (row.dataset.fold === undefined && Number(row.dataset.below) > 0) closed.add(Number(row.dataset.node));
  openFolds.clear();
  arrange();
});
document.getElementById("open-all").addEventListener("click", () => {
  closed.clear();
  for (const row of rows) if (row.dataset.fold !== undefined) openFolds.add(row.dataset.fold);
  arrange();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !detail.hidden) { hide(); return; }
  if (typing(event)) return;
  const row = rows[at];
  switch (event.key) {
    case "j": case "ArrowDown": step(1); break;
    case "k": case "ArrowUp": step(-1); break;
    case "l": case "ArrowRight": if (!toggle(row, true)) step(1); break;
    case "h": case "ArrowLeft":
      if (!toggle(row, false)) step(-1, (other) => Number(other.ariaLevel) < Number(row?.ariaLevel));
      break;
    case "Enter": if (event.target.closest("a, button")) return; show(row); break;
    case "]": nextError(1); break;
    case "[": nextError(-1); break;
    case "+": case "=": zoom(from + width / 4, width / 2); break;
    case "-": zoom(from - width / 2, width * 2); break;
    case "0": zoom(0, 1000); break;
    case "c": togglePath(); break;
    default: return;
  }
  event.preventDefault();
});

arrange();
zoom(0, 1000);
rows[0]?.setAttribute("tabindex", "0");
if (address.searchParams.get("find")) { find.value = address.searchParams.get("find"); filter(); }
if (address.searchParams.get("span")) jump(address.searchParams.get("span"));
