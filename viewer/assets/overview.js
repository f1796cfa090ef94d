// The parts of a chart by keyboard: one stop for each chart, and arrows within.

for (const chart of document.querySelectorAll(".chart")) {
  const parts = [...chart.querySelectorAll("a")];
  const of = (index) => {
    for (const part of parts) part.setAttribute("tabindex", part === parts[index] ? "0" : "-1");
    return parts[index];
  };
  // Where there is something: the last.
  const last = parts.findLastIndex((part) => part.querySelector(".requests")?.getAttribute("height") > 0);
  if (last < 0) continue;
  of(last);
  chart.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const at = parts.indexOf(event.target.closest("a"));
    if (!by || !parts[at + by]) return;
    of(at + by).focus();
    event.preventDefault();
  });
}
