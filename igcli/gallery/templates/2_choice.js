// What is shown, in which order, and on which page.
function choose() {
  const words = folded(state.q).split(/\s+/).filter(Boolean);
  shown = cards.filter((card) =>
    (state.show !== "failed" || card.reason) &&
    (state.show !== "warned" || card.warnings.length) &&
    words.every((word) => card.found.includes(word)));
  const [key, way] = state.sort.split("-");
  if (key === "name") {
    const { compare } = new Intl.Collator("en", { numeric: true });
    shown.sort((a, b) => compare(a.name, b.name) || a.place - b.place);
  } else if (key) {
    const sign = way === "down" ? -1 : 1;
    const missing = (card) => card.numbers[key] === undefined;
    shown.sort((a, b) => missing(a) - missing(b) ||
      (missing(a) ? 0 : sign * (a.numbers[key] - b.numbers[key])) || a.place - b.place);
  }
}

const pages = () => Math.max(1, Math.ceil(shown.length / PER_PAGE));
const first = () => state.page * PER_PAGE;

function draw() {
  state.page = Math.min(Math.max(0, state.page), pages() - 1);
  const part = shown.slice(first(), first() + PER_PAGE);
  current = 0;
  stills.disconnect();
  grid.replaceChildren(...part.map(item));
  if (!part.length) grid.append(make("li", { className: "empty" },
    cards.length ? "No image matches." : "There are no images."));
  const all = shown.length.toLocaleString("en");
  element("count").textContent = pages() > 1
    ? `${first() + 1}–${first() + part.length} of ${all}`
    : `${all} ${shown.length === 1 ? "image" : "images"}`;
  drawPages();
  keep();
}

function drawPages() {
  const step = (text, by) => make("button", {
    type: "button", disabled: !(state.page + by in Array(pages()).fill(0)),
    onclick: () => { turn(state.page + by); scrollTo(0, grid.offsetTop - 80); grid.focus(); },
  }, text);
  element("pages").replaceChildren(...(pages() < 2 ? [] : [
    step("← Previous", -1), `Page ${state.page + 1} of ${pages()}`, step("Next →", 1),
  ]));
}

function turn(to) {
  state.page = to;
  draw();
}

function change(changed) {
  Object.assign(state, { page: 0 }, changed);
  choose();
  draw();
}

// The state stands behind the # of the address, so that going back or reloading keeps it.
function keep() {
  const kept = new URLSearchParams(
    Object.entries(state).filter(([, value]) => value && value !== "all"));
  history.replaceState(null, "", `#${kept}`);
}

function restore() {
  const kept = new URLSearchParams(location.hash.slice(1));
  const known = (select, value) =>
    [...select.options].some((option) => option.value === value) ? value : select.options[0].value;
  search.value = kept.get("q") ?? "";
  show.value = known(show, kept.get("show"));
  sort.value = known(sort, kept.get("sort") ?? "");
  change({ q: search.value, show: show.value, sort: sort.value,
           page: Math.trunc(Number(kept.get("page"))) || 0 });
}
