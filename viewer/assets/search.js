// The list of traces: news as they come, a time chosen in the plot, two traces to compare, and the keyboard.
import { typing } from "./common.js";
import { listen } from "./live.js";

const results = document.getElementById("results");
const live = document.getElementById("live");
const pause = document.getElementById("pause");
const show = document.getElementById("show-news");
const compare = document.getElementById("compare");
const form = document.getElementById("search");
let paused = false;
let missed = false;
let asking = false;
let picked = [];

function say() {
  const isWaiting = missed && !asking;
  live.className = paused ? "paused" : "";
  live.textContent = paused ? (isWaiting ? "paused, there is news" : "paused") : isWaiting ? "live, there is news" : "live";
  show.hidden = !isWaiting || paused;
}

/* What somebody reads, points at or has chosen does not move by itself. */
const isRead = () =>
  scrollY > 40 || picked.length > 0 || results.matches(":hover") || results.contains(document.activeElement) || results.querySelector("tr.at") !== null;

async function refresh() {
  if (asking) { missed = true; return; }
  asking = true;
  missed = false;
  try {
    const answer = await fetch("/results" + location.search);
    const text = await answer.text();
    // It may have been paused meanwhile.
    if (paused) missed = true;
    else if (answer.ok) {
      const at = results.querySelector("tr.at a")?.getAttribute("href");
      results.innerHTML = text;
      if (at) results.querySelector(`a[href="${CSS.escape(at)}"]`)?.closest("tr")?.classList.add("at");
      pick(picked);
    }
  } catch {
    // The stream says when the viewer is back.
  }
  asking = false;
  if (missed) news(); else say();
}

function news() {
  missed = true;
  if (paused || isRead()) say(); else refresh();
}

let wasAway = false;
// Also of what came after this page was made.
listen(`/live?since=${results.dataset.stored}`, {
  stored: news,
  open: () => {
    if (wasAway) news(); else say();
    wasAway = true;
  },
  error: () => {
    live.textContent = "the viewer is away";
    live.className = "away";
  },
});
results.addEventListener("pointerleave", () => { if (missed) news(); });
show.addEventListener("click", () => {
  scrollTo(0, 0);
  refresh();
});

function toggle() {
  paused = !paused;
  pause.setAttribute("aria-pressed", paused);
  pause.textContent = paused ? "Go on" : "Pause";
  say();
  if (!paused && missed) refresh();
}
pause.addEventListener("click", toggle);

/* Two at most: the last that were picked. */
function pick(ids) {
  const boxes = [...results.querySelectorAll(".pick input")];
  picked = ids.filter((id) => boxes.some((box) => box.value === id)).slice(-2);
  for (const box of boxes) box.checked = picked.includes(box.value);
  compare.disabled = picked.length === 0;
  compare.textContent = ["Compare", "Compare with its route", "Compare the two"][picked.length];
}
const repick = (id) => pick(picked.includes(id) ? picked.filter((other) => other !== id) : [...picked, id]);
const goCompare = () => { location = `/compare?${new URLSearchParams(picked.map((id, index) => ["ab"[index], id]))}`; };
results.addEventListener("change", (event) => repick(event.target.value));
compare.addEventListener("click", goCompare);
pick([...results.querySelectorAll(".pick input:checked")].map((box) => box.value));

/* A time, drawn in the plot. */
let dragged = null;
const place = (plot, event) => {
  const box = plot.getBoundingClientRect();
  return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
};
function choose(plot, one, other) {
  const chosen = plot.querySelector("#chosen");
  chosen.removeAttribute("hidden");
  chosen.setAttribute("x", `${Math.min(one, other) * 100}%`);
  chosen.setAttribute("width", `${Math.abs(one - other) * 100}%`);
}
results.addEventListener("pointerdown", (event) => {
  const plot = event.target.closest(".plot");
  if (!plot || event.target.closest("a")) return;
  dragged = { plot, from: place(plot, event) };
  plot.setPointerCapture(event.pointerId);
});
results.addEventListener("pointermove", (event) => {
  if (dragged) choose(dragged.plot, dragged.from, place(dragged.plot, event));
});
results.addEventListener("pointerup", (event) => {
  if (!dragged) return;
  const { plot, from } = dragged;
  const to = place(plot, event);
  dragged = null;
  if (Math.abs(to - from) < 0.005) { plot.querySelector("#chosen").setAttribute("hidden", ""); return; }
  const [begin, end] = [Number(plot.dataset.from) / 1e6, Number(plot.dataset.to) / 1e6];
  const text = (part, round) => new Date(round(begin + (end - begin) * part)).toISOString().replace("T", " ").replace("Z", "");
  form.elements.from.value = text(Math.min(from, to), Math.floor);
  form.elements.to.value = text(Math.max(from, to), Math.ceil);
  form.elements.back.value = "";
  // The plot has the times of traces.
  form.elements.of.checked = false;
  form.requestSubmit();
});

// Fields that say nothing do not stand in the address.
form.addEventListener("formdata", (event) => {
  for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
});
form.elements.service.addEventListener("change", () => {
  form.elements.operation.value = "";
  form.requestSubmit();
});
document.getElementById("clear").addEventListener("submit", (event) => {
  if (!confirm("Forget all traces?")) event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && results.querySelector("tr.at")) {
    results.querySelector("tr.at").classList.remove("at");
    document.activeElement.blur();
    if (missed) news();
  }
  if (typing(event) && !event.target.matches?.(".pick input")) return;
  const rows = [...results.querySelectorAll(".traces tbody tr")];
  const at = rows.findIndex((row) => row.classList.contains("at"));
  const go = (index) => {
    rows[at]?.classList.remove("at");
    rows[index]?.classList.add("at");
    rows[index]?.querySelector("a").focus();
  };
  if (event.key === "j") go(Math.min(at + 1, rows.length - 1));
  else if (event.key === "k") go(Math.max(at - 1, 0));
  else if (event.key === "p") toggle();
  else if (event.key === "x" && rows[at]) repick(rows[at].querySelector(".pick input").value);
  else if (event.key === "d" && picked.length > 0) goCompare();
  else return;
  event.preventDefault();
});
