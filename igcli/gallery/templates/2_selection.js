// Which cards are shown, in which order, and on which page.
function selectCards() {
  const words = normalized(state.q).split(/\s+/).filter(Boolean);
  shown = cards.filter((card) =>
    (state.show !== "failed" || card.reason) &&
    (state.show !== "warned" || card.warnings.length) &&
    words.every((word) => card.searchText.includes(word)));
  const [key, direction] = state.sort.split("-");
  if (key === "name") {
    const { compare } = new Intl.Collator("en", { numeric: true });
    shown.sort((a, b) => compare(a.name, b.name) || a.position - b.position);
  } else if (key) {
    const sign = direction === "down" ? -1 : 1;
    const missing = (card) => card.numbers[key] === undefined;
    shown.sort((a, b) => missing(a) - missing(b) ||
      (missing(a) ? 0 : sign * (a.numbers[key] - b.numbers[key])) || a.position - b.position);
  }
}

const pageCount = () => Math.max(1, Math.ceil(shown.length / PER_PAGE));
const pageStart = () => state.page * PER_PAGE;

function drawGrid() {
  state.page = Math.min(Math.max(0, state.page), pageCount() - 1);
  const part = shown.slice(pageStart(), pageStart() + PER_PAGE);
  current = 0;
  visibleCanvases.disconnect();
  grid.replaceChildren(...part.map(cardItem));
  if (!part.length) grid.append(make("li", { className: "empty" },
    cards.length ? "No image matches." : "There are no images."));
  const total = shown.length.toLocaleString("en");
  element("count").textContent = pageCount() > 1
    ? `${pageStart() + 1}–${pageStart() + part.length} of ${total}`
    : `${total} ${shown.length === 1 ? "image" : "images"}`;
  drawPageButtons();
  saveState();
}

function drawPageButtons() {
  const step = (text, by) => make("button", {
    type: "button", disabled: !(state.page + by in Array(pageCount()).fill(0)),
    onclick: () => { goToPage(state.page + by); scrollTo(0, grid.offsetTop - 80); grid.focus(); },
  }, text);
  element("pages").replaceChildren(...(pageCount() < 2 ? [] : [
    step("← Previous", -1), `Page ${state.page + 1} of ${pageCount()}`, step("Next →", 1),
  ]));
}

function goToPage(number) {
  state.page = number;
  drawGrid();
}

function changeState(changes) {
  Object.assign(state, { page: 0 }, changes);
  selectCards();
  drawGrid();
}

// The state is kept in the address after #, so that going back or reloading restores it.
function saveState() {
  const saved = new URLSearchParams(
    Object.entries(state).filter(([, value]) => value && value !== "all"));
  history.replaceState(null, "", `#${saved}`);
}

function restoreState() {
  const saved = new URLSearchParams(location.hash.slice(1));
  const known = (select, value) =>
    [...select.options].some((option) => option.value === value) ? value : select.options[0].value;
  search.value = saved.get("q") ?? "";
  show.value = known(show, saved.get("show"));
  sort.value = known(sort, saved.get("sort") ?? "");
  changeState({ q: search.value, show: show.value, sort: sort.value,
                page: Math.trunc(Number(saved.get("page"))) || 0 });
}
