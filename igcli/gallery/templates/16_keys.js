// Keys and events; as the last file, this starts the page.
const GRID_KEYS = {
  ArrowRight: () => move(state.as === "table" ? 0 : 1), ArrowLeft: () => move(state.as === "table" ? 0 : -1),
  ArrowDown: () => move(columnCount()), ArrowUp: () => move(-columnCount()),
  Home: () => focusCard(0), End: () => focusCard(PER_PAGE),
  "/": () => { search.focus(); search.select(); },
};
const LARGE_KEYS = {
  ArrowRight: () => step(1), ArrowLeft: () => step(-1),
  "+": () => zoomBy(1.5), "=": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), 0: resetCamera,
};
const CURSOR_KEYS = {
  ArrowRight: () => moveCursor(1, 0), ArrowLeft: () => moveCursor(-1, 0),
  ArrowDown: () => moveCursor(0, 1), ArrowUp: () => moveCursor(0, -1),
};

function onKeyDown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target === search && ["ArrowDown", "Enter"].includes(event.key)) {
    event.preventDefault();
    return focusCard(0);
  }
  if (event.target.matches("input, select, pre, summary")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const keys = !large.open ? GRID_KEYS : event.shiftKey && CURSOR_KEYS[key] ? CURSOR_KEYS : LARGE_KEYS;
  if (!keys[key]) return;
  event.preventDefault();
  keys[key]();
}

search.oninput = () => changeState({ q: search.value });
show.onchange = () => changeState({ show: show.value });
sort.onchange = () => changeState({ sort: sort.value });
element("as").onclick = () => changeState({ as: state.as ? "" : "table" });
element("back").onclick = () => turnPage(-1);
element("forward").onclick = () => turnPage(1);
element("zoom-out").onclick = () => zoomBy(1 / 1.5);
element("zoom-in").onclick = () => zoomBy(1.5);
element("zoom-none").onclick = resetCamera;
controls.oninput = () => { readControls(); update(); };
element("previous").onclick = () => step(-1);
element("next").onclick = () => step(1);
element("close").onclick = () => large.close();
large.onclose = onLargeClosed;
large.onclick = (event) => { if (event.target === large) large.close(); };
document.onkeydown = onKeyDown;
onhashchange = restoreState;
restoreState();
