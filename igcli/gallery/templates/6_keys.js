// Keys and events; as the last file, this starts the page.
const openButtons = () => [...grid.querySelectorAll(".open")];

function setCurrent(index) {
  for (const position of [current, index]) {
    for (const button of grid.children[position].querySelectorAll("button")) {
      button.tabIndex = position === index ? 0 : -1;
    }
  }
  current = index;
}

function focusCard(index) {
  const buttons = openButtons();
  buttons[Math.min(Math.max(0, index), buttons.length - 1)]?.focus();
}

function columnCount() {
  const tops = openButtons().map((button) => button.parentElement.offsetTop);
  const secondRow = tops.findIndex((top) => top !== tops[0]);
  return secondRow < 0 ? tops.length : secondRow;
}

function move(by) {
  const target = current + by;
  if (!grid.contains(document.activeElement)) return focusCard(current);
  if (target >= 0 && target < openButtons().length) return focusCard(target);
  if (Math.sign(by) + state.page in Array(pageCount()).fill(0)) {
    goToPage(state.page + Math.sign(by));
    focusCard(by > 0 ? 0 : PER_PAGE);
  }
}

const GRID_KEYS = {
  ArrowRight: () => move(1), ArrowLeft: () => move(-1),
  ArrowDown: () => move(columnCount()), ArrowUp: () => move(-columnCount()),
  Home: () => focusCard(0), End: () => focusCard(PER_PAGE),
  "/": () => { search.focus(); search.select(); },
  g: () => grid.children[current]?.querySelector(".play")?.click(),
};
const LARGE_KEYS = {
  ArrowRight: () => enlarge(opened + 1), ArrowLeft: () => enlarge(opened - 1),
};

function onKeyDown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target === search && ["ArrowDown", "Enter"].includes(event.key)) {
    event.preventDefault();
    return focusCard(0);
  }
  if (event.target.matches("input, select, pre, summary")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = (large.open ? LARGE_KEYS : GRID_KEYS)[key];
  if (!action) return;
  event.preventDefault();
  action();
}

search.oninput = () => changeState({ q: search.value });
show.onchange = () => changeState({ show: show.value });
sort.onchange = () => changeState({ sort: sort.value });
element("previous").onclick = () => enlarge(opened - 1);
element("next").onclick = () => enlarge(opened + 1);
element("close").onclick = () => large.close();
large.onclose = onLargeClosed;
large.onclick = (event) => { if (event.target === large) large.close(); };
document.onkeydown = onKeyDown;
onhashchange = restoreState;
grid.classList.toggle("wide", cards.some((card) => card.views.length > 1));
restoreState();
