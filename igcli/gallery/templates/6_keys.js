// Keys and events; the last part, it starts the page.
const opens = () => [...grid.querySelectorAll(".open")];

function settle(index) {
  for (const place of [current, index]) {
    for (const button of grid.children[place].querySelectorAll("button")) {
      button.tabIndex = place === index ? 0 : -1;
    }
  }
  current = index;
}

function focus(index) {
  const all = opens();
  all[Math.min(Math.max(0, index), all.length - 1)]?.focus();
}

function columns() {
  const tops = opens().map((open) => open.parentElement.offsetTop);
  const wrapped = tops.findIndex((top) => top !== tops[0]);
  return wrapped < 0 ? tops.length : wrapped;
}

function move(by) {
  const to = current + by;
  if (!grid.contains(document.activeElement)) return focus(current);
  if (to >= 0 && to < opens().length) return focus(to);
  if (Math.sign(by) + state.page in Array(pages()).fill(0)) {
    turn(state.page + Math.sign(by));
    focus(by > 0 ? 0 : PER_PAGE);
  }
}

const MOVES = {
  ArrowRight: () => move(1), ArrowLeft: () => move(-1),
  ArrowDown: () => move(columns()), ArrowUp: () => move(-columns()),
  Home: () => focus(0), End: () => focus(PER_PAGE),
  "/": () => { search.focus(); search.select(); },
  g: () => grid.children[current]?.querySelector(".play")?.click(),
};
const LARGE_MOVES = {
  ArrowRight: () => enlarge(opened + 1), ArrowLeft: () => enlarge(opened - 1),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target === search && ["ArrowDown", "Enter"].includes(event.key)) {
    event.preventDefault();
    return focus(0);
  }
  if (event.target.matches("input, select, pre, summary")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const act = (large.open ? LARGE_MOVES : MOVES)[key];
  if (!act) return;
  event.preventDefault();
  act();
}

search.oninput = () => change({ q: search.value });
show.onchange = () => change({ show: show.value });
sort.onchange = () => change({ sort: sort.value });
element("previous").onclick = () => enlarge(opened - 1);
element("next").onclick = () => enlarge(opened + 1);
element("close").onclick = () => large.close();
large.onclose = closed;
large.onclick = (event) => { if (event.target === large) large.close(); };
document.onkeydown = pressed;
onhashchange = restore;
grid.classList.toggle("wide", cards.some((card) => card.views.length > 1));
restore();
