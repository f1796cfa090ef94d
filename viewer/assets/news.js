// Spans and logs that come while their trace is open, or before it is there: told, and shown when the reader asks.
import { typing } from "./common.js";
import { listen } from "./live.js";

const grid = document.getElementById("rows");
const awaited = document.getElementById("awaited");
const news = document.getElementById("news");
const place = "where the reader was";

function reload() {
  if (grid) {
    const row = [...grid.querySelectorAll(".row:not([hidden])")].find((row) => row.getBoundingClientRect().bottom > 0);
    const { span, twin } = row?.dataset ?? {};
    sessionStorage.setItem(place, JSON.stringify({ span, twin, top: row?.getBoundingClientRect().top, left: scrollY }));
    history.scrollRestoration = "manual";
  }
  location.reload();
}

/* The row that was at the top is there again, whatever came above it. */
function settle() {
  const { span, twin, top, left } = JSON.parse(sessionStorage.getItem(place) ?? "{}");
  sessionStorage.removeItem(place);
  history.scrollRestoration = "auto";
  if (!left) return;
  const row = [...grid.querySelectorAll(".row")].find((row) => row.dataset.span === span && row.dataset.twin === twin && !row.hidden);
  if (row) scrollBy(0, row.getBoundingClientRect().top - top);
}

const counted = (count, what) => `${count} new ${what}${count === 1 ? "" : "s"}`;

function tell(spans, logs) {
  const more = [];
  if (spans > Number(grid.dataset.spans)) more.push(counted(spans - Number(grid.dataset.spans), "span"));
  if (logs > Number(grid.dataset.logs)) more.push(counted(logs - Number(grid.dataset.logs), "log"));
  const isGone = spans + logs === 0;
  news.hidden = more.length === 0 && !isGone;
  if (isGone) news.textContent = "The viewer let go of this trace. What you see is all there is of it.";
  if (more.length === 0) return;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Reload";
  button.addEventListener("click", reload);
  news.replaceChildren(`${more.join(" and ")} · `, button);
}

listen(`/trace/${(grid ?? awaited).dataset.trace}/live`, {
  counts: (event) => {
    const { spans, logs } = JSON.parse(event.data);
    if (grid) tell(spans, logs);
    else if (spans + logs > 0) reload();
  },
});
document.addEventListener("keydown", (event) => {
  if (event.key === "r" && !typing(event) && !news?.hidden) reload();
});
if (grid) settle();
