// The list of traces: news as they come, and the keyboard.
import { typing } from "./common.js";
import { listen } from "./live.js";

const results = document.getElementById("results");
const live = document.getElementById("live");
const pause = document.getElementById("pause");
const form = document.getElementById("search");
let paused = false;
let missed = false;
let asking = false;

const say = (text, name) => {
  live.textContent = text;
  live.className = name;
};

async function refresh() {
  if (asking) { missed = true; return; }
  asking = true;
  missed = false;
  try {
    const answer = await fetch("/results" + location.search);
    if (answer.ok) {
      const at = results.querySelector("tr.at a")?.getAttribute("href");
      results.innerHTML = await answer.text();
      if (at) results.querySelector(`a[href="${CSS.escape(at)}"]`)?.closest("tr")?.classList.add("at");
    }
  } catch {
    // The stream says when the viewer is back.
  }
  asking = false;
  if (missed && !paused) refresh();
}

let wasAway = false;
function news() {
  if (paused) { missed = true; say("paused, there is news", "paused"); } else refresh();
}
listen("/live", {
  stored: news,
  open: () => {
    if (!paused) say("live", "");
    if (wasAway) news();
    wasAway = true;
  },
  error: () => say("the viewer is away", "away"),
});

function toggle() {
  paused = !paused;
  pause.setAttribute("aria-pressed", paused);
  pause.textContent = paused ? "Go on" : "Pause";
  say(paused ? "paused" : "live", paused ? "paused" : "");
  if (!paused && missed) refresh();
}
pause.addEventListener("click", toggle);

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
  if (typing(event)) return;
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
  else return;
  event.preventDefault();
});
