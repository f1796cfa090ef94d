// What every page has: the list of keys, and the slash that leads to the field one types in.

export const typing = (event) =>
  event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea, dialog");

const help = document.getElementById("help");
document.getElementById("help-button")?.addEventListener("click", () => help.showModal());

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.matches("input")) event.target.blur();
  if (typing(event)) return;
  if (event.key === "?") help.showModal();
  else if (event.key === "/") {
    const field = document.querySelector("#find, input[name=text]");
    if (!field) return;
    field.focus();
    field.select();
  } else return;
  event.preventDefault();
});

for (const link of document.querySelectorAll(".top nav a")) {
  const isHere = link.pathname === location.pathname || (link.pathname === "/" && location.pathname.startsWith("/trace/"));
  if (isHere) link.setAttribute("aria-current", "page");
}
