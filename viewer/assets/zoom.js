// A part of the trace's time: by the little map, the wheel, the keyboard.
import { address, grid, remember } from "./rows.js";

const map = document.getElementById("minimap");
const pane = document.getElementById("window");
const whole = document.getElementById("zoom-out");
const ticks = document.getElementById("ticks");
const began = BigInt(map.dataset.start);
const length = Number(map.dataset.length);
const NARROWEST = 1e-4;

// Parts of the whole.
let from = 0;
let size = 1;

function view(start, part) {
  size = Math.min(1, Math.max(part, NARROWEST));
  from = Math.min(Math.max(start, 0), 1 - size);
  grid.style.setProperty("--zoom", 1 / size);
  grid.style.setProperty("--shift", from / size);
  pane.setAttribute("x", from * 1000);
  pane.setAttribute("width", size * 1000);
  whole.disabled = size === 1;
  ticks.replaceChildren(...[0, 1, 2, 3].map((quarter) => {
    const tick = document.createElement("span");
    tick.textContent = words((from + (size * quarter) / 4) * length);
    return tick;
  }));
}

export function zoom(start, part) {
  view(start, part);
  const time = (part) => began + BigInt(Math.round(part * length));
  remember("zoom", size < 1 ? `${time(from)}-${time(from + size)}` : "");
}

export const zoomIn = (factor, at = 0.5) => zoom(from + size * at * (1 - factor), size * factor);
export const move = (part) => zoom(from + size * part, size);

/* As many digits as tell one tick from the next. */
function words(nanos) {
  if (nanos === 0) return "0";
  const end = (from + size) * length;
  const long = [["d", 864e11], ["h", 36e11], ["min", 6e10]].find(([, one]) => end >= 2 * one);
  const [unit, one] = long ?? [["s", 1e9], ["ms", 1e6], ["µs", 1e3]].find(([, one]) => end >= one) ?? ["ns", 1];
  const digits = Math.min(9, Math.max(0, Math.ceil(1.5 - Math.log10((size * length) / 4 / one))));
  return `${Number((nanos / one).toFixed(digits))} ${unit}`;
}

const place = (event) => {
  const box = map.getBoundingClientRect();
  return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
};
let dragged = null;
map.addEventListener("pointerdown", (event) => {
  dragged = place(event);
  map.setPointerCapture(event.pointerId);
});
map.addEventListener("pointermove", (event) => {
  if (dragged === null) return;
  const here = place(event);
  pane.setAttribute("x", Math.min(dragged, here) * 1000);
  pane.setAttribute("width", Math.abs(here - dragged) * 1000);
});
map.addEventListener("pointercancel", () => { dragged = null; view(from, size); });
map.addEventListener("pointerup", (event) => {
  if (dragged === null) return;
  const here = place(event);
  const part = Math.abs(here - dragged);
  // A click moves the window there.
  if (part > 0.003) zoom(Math.min(dragged, here), part); else zoom(here - size / 2, size);
  dragged = null;
});
map.addEventListener("dblclick", () => zoom(0, 1));
grid.addEventListener("wheel", (event) => {
  if (!event.ctrlKey) return;
  event.preventDefault();
  const box = ticks.getBoundingClientRect();
  const at = Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  zoomIn(event.deltaY > 0 ? 1.25 : 0.8, at);
}, { passive: false });
whole.addEventListener("click", () => zoom(0, 1));

const wanted = /^(\d{1,20})-(\d{1,20})$/.exec(address.searchParams.get("zoom") ?? "");
if (wanted && length > 0) {
  const part = (time) => Number(BigInt(time) - began) / length;
  view(part(wanted[1]), part(wanted[2]) - part(wanted[1]));
} else view(0, 1);
