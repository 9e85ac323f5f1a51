// Which cards are shown, in which order, and on which page. All of it is kept in the address after
// #, so that reloading restores it and that it can be sent to somebody.
const PER_PAGE = 60;
const search = element("search"), show = element("show"), sort = element("sort");
const state = { q: "", show: "all", sort: "", label: "", as: "", page: 0, image: "" };
const bars = {}; // The chosen bar of each histogram, by the key of its number.
let shown = cards;

const barOf = ({ key, edges }, card) => {
  const value = card.numbers[key];
  return value === null ? -1 : edges.filter((edge) => edge <= value).length;
};
const isInBars = (card) => page.histograms.every((histogram) =>
  bars[histogram.key] === undefined || barOf(histogram, card) === bars[histogram.key]);

function selectCards() {
  const words = normalized(state.q).split(/\s+/).filter(Boolean);
  shown = cards.filter((card) =>
    (state.show !== "failed" || card.reason) &&
    (state.show !== "warned" || card.warnings.length) &&
    (state.show !== "chosen" || chosen.has(card)) &&
    (!state.label || card.label === state.label) && isInBars(card) &&
    words.every((word) => card.searchText.includes(word)));
  const [key, direction] = state.sort.split("-");
  const sign = direction === "down" ? -1 : 1;
  const { compare } = new Intl.Collator("en", { numeric: true });
  if (key === "name" || key === "label") {
    shown.sort((a, b) => sign * compare(a[key], b[key]) || a.position - b.position);
  } else if (key) {
    const missing = (card) => card.numbers[key] === null;
    shown.sort((a, b) => missing(a) - missing(b) ||
      (missing(a) ? 0 : sign * (a.numbers[key] - b.numbers[key])) || a.position - b.position);
  }
}

const pageCount = () => Math.max(1, Math.ceil(shown.length / PER_PAGE));
const pageStart = () => state.page * PER_PAGE;

function drawPage() {
  state.page = Math.min(Math.max(0, state.page), pageCount() - 1);
  const part = shown.slice(pageStart(), pageStart() + PER_PAGE);
  const total = shown.length.toLocaleString("en");
  element("count").textContent = pageCount() > 1
    ? `${pageStart() + 1}–${pageStart() + part.length} of ${total}`
    : `${total} ${shown.length === 1 ? "image" : "images"}`;
  element("grid").hidden = state.as === "table";
  element("table").hidden = state.as !== "table";
  element("as").textContent = state.as === "table" ? "Cards" : "Table";
  if (state.as === "table") drawTable(part); else drawGrid(part);
  element("pages").hidden = pageCount() < 2;
  element("page-number").textContent = `Page ${state.page + 1} of ${pageCount()}`;
  element("back").disabled = !state.page;
  element("forward").disabled = state.page === pageCount() - 1;
  drawFilters();
  drawExport();
  saveState();
}

function goToPage(number) {
  state.page = number;
  drawPage();
}

function turnPage(by) {
  goToPage(state.page + by);
  scrollTo(0, element("grid").parentElement.offsetTop);
  focusCard(0);
}

function changeState(changes) {
  Object.assign(state, { page: 0 }, changes);
  selectCards();
  drawPage();
}

function saveState() {
  const saved = new URLSearchParams(
    Object.entries(state).filter(([, value]) => value && value !== "all"));
  for (const [key, bar] of Object.entries(bars)) saved.set(`bar-${key}`, bar);
  history.replaceState(null, "", `#${saved}`);
}

function restoreState() {
  const saved = new URLSearchParams(location.hash.slice(1));
  const known = (select, value) =>
    [...select.options].some((option) => option.value === value) ? value : select.options[0].value;
  search.value = saved.get("q") ?? "";
  show.value = known(show, saved.get("show"));
  sort.value = known(sort, saved.get("sort") ?? "");
  for (const { key, edges } of page.histograms) {
    const bar = Number.parseInt(saved.get(`bar-${key}`) ?? "", 10);
    if (bar >= 0 && bar <= edges.length) bars[key] = bar; else delete bars[key];
  }
  const named = saved.get("image") ?? "";
  changeState({
    q: search.value, show: show.value, sort: saved.get("sort") ?? "", image: "",
    label: saved.get("label") ?? "", as: saved.get("as") === "table" ? "table" : "",
    page: Math.trunc(Number(saved.get("page"))) || 0,
  });
  const card = cards.find((card) => card.name === named);
  if (card) openView(card); else if (large.open) large.close();
}
