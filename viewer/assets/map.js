// The map as large as there is room for; and a box or an arrow that is pointed at stands out, with what it has to do with.

const drawn = document.querySelector(".map svg");
/* Smaller than this nobody reads it: then one scrolls. */
const SMALLEST = 0.78;
const wide = Number(drawn?.getAttribute("width"));
const fit = () => {
  const part = Math.min(1, Math.max(SMALLEST, drawn.parentElement.clientWidth / wide));
  drawn.style.width = `${wide * part}px`;
  drawn.style.height = "auto";
};
if (drawn) {
  fit();
  addEventListener("resize", fit);
}

const all = [...(drawn?.querySelectorAll("[data-ends], [data-number]") ?? [])];
const ends = (part) => part.dataset.ends?.split(" ");

function point(part) {
  const number = part?.dataset.number;
  const near = new Set(part ? [part] : []);
  for (const other of all) {
    const its = ends(other);
    if (!part || !its) continue;
    const isOne = number === undefined ? other.dataset.ends === part.dataset.ends : its.includes(number);
    if (!isOne) continue;
    near.add(other);
    for (const box of all) if (its.includes(box.dataset.number)) near.add(box);
  }
  drawn.classList.toggle("pointed", Boolean(part));
  for (const other of all) other.classList.toggle("near", near.has(other));
}

const partOf = (event) => event.target.closest("[data-ends], [data-number]");
drawn?.addEventListener("pointerover", (event) => point(partOf(event)));
drawn?.addEventListener("pointerleave", () => point(null));
// Listened to around it: a drawing that listens for focus is a stop of its own.
const around = drawn?.parentElement;
around?.addEventListener("focusin", (event) => point(partOf(event)));
around?.addEventListener("focusout", () => point(null));
