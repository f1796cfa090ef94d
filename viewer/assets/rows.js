// The rows of a trace: what is below what, what is closed, what is looked for; and what the address remembers of it.

export const grid = document.getElementById("rows");
export const address = new URL(location);

// A fold's row comes before its first member's, and has its place among the spans.
let count = 0;
const folds = new Map();
export const rows = [...grid.querySelectorAll(".row")].map((element) => {
  const { span, twin, below, fold, within } = element.dataset;
  const isFold = fold !== undefined;
  const row = {
    element,
    span,
    key: twin ? `${span}.${twin}` : span,
    node: isFold ? count : count++,
    below: Number(below ?? 0),
    level: Number(element.ariaLevel),
    isFold,
    within: folds.get(within),
    canOpen: element.hasAttribute("aria-expanded"),
    isOpen: !isFold,
    isError: element.classList.contains("error"),
    hidden: element.hidden,
  };
  if (isFold) folds.set(fold, row);
  return row;
});
export const spans = rows.filter((row) => !row.isFold);
const ofElement = new Map(rows.map((row) => [row.element, row]));
export const rowAt = (target) => ofElement.get(target.closest(".row"));

let hits = null;

/* What is shown: not below what is closed, not in a closed fold; or what is looked for, and what it is below. */
export function arrange() {
  const shown = hits && withAncestors(hits);
  let until = -1;
  for (const row of rows) {
    let hidden = row.node <= until;
    if (shown) hidden = row.isFold || !shown.has(row.node);
    else if (!hidden && row.within && !row.within.isOpen) {
      hidden = true;
      until = row.node + row.below;
    } else if (!hidden && !row.isFold && !row.isOpen) until = row.node + row.below;
    const { element } = row;
    if (row.hidden !== hidden) element.hidden = row.hidden = hidden;
    const isHit = Boolean(hits?.has(row.node)) && !row.isFold;
    const isDim = Boolean(shown) && !isHit;
    if (isHit !== Boolean(row.isHit)) element.classList.toggle("hit", row.isHit = isHit);
    if (isDim !== Boolean(row.isDim)) element.classList.toggle("dim", row.isDim = isDim);
    if (row.canOpen && row.isOpen !== (element.ariaExpanded === "true")) element.ariaExpanded = row.isOpen;
  }
}

function withAncestors(nodes) {
  const kept = new Set();
  const stack = [];
  for (const { node, below } of spans) {
    while (stack.length && stack.at(-1).end < node) stack.pop();
    stack.push({ node, end: node + below });
    if (nodes.has(node)) for (const step of stack) kept.add(step.node);
  }
  return kept;
}

export function look(nodes) {
  hits = nodes && new Set(nodes);
  arrange();
}

export function toggle(row, open = !row?.isOpen) {
  if (!row?.canOpen || row.isOpen === open) return false;
  row.isOpen = open;
  changed();
  return true;
}

export function closeAll() {
  for (const row of rows) row.isOpen = !row.canOpen;
  changed();
}

export function openAll() {
  for (const row of rows) row.isOpen = true;
  changed();
}

/* Opens all that hides a row. */
export function reveal(row) {
  for (const above of spans) {
    if (above.node > row.node) break;
    if (above.node + above.below < row.node) continue;
    if (above !== row) above.isOpen = true;
    if (above.within) above.within.isOpen = true;
  }
  changed();
}

/* The address, so that the page is the same when it is opened again, here or by somebody else. */
export function remember(name, value) {
  if (value) address.searchParams.set(name, value); else address.searchParams.delete(name);
  if (location.protocol !== "file:") history.replaceState(null, "", address);
}

const MOST = 100;
const closable = spans.filter((row) => row.canOpen);
const foldRows = rows.filter((row) => row.isFold);

function listed(all, isListed) {
  const some = all.filter(isListed);
  const rest = all.filter((row) => !isListed(row));
  const keys = (list) => list.slice(0, MOST).map((row) => row.key);
  return (some.length <= rest.length ? keys(some) : ["all", ...keys(rest)]).join(",");
}

function read(all, name, apply) {
  const text = address.searchParams.get(name);
  if (!text) return;
  const keys = new Set(text.split(","));
  const others = keys.delete("all");
  for (const row of all) if (keys.has(row.key) !== others) apply(row);
}

function changed() {
  remember("closed", listed(closable, (row) => !row.isOpen));
  remember("many", listed(foldRows, (row) => row.isOpen));
  arrange();
}

read(closable, "closed", (row) => { row.isOpen = false; });
read(foldRows, "many", (row) => { row.isOpen = true; });
arrange();
