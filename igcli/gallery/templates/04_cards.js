// The cards of the grid: the image and its attributions, and what is to be known about them.
const grid = element("grid");
let current = 0;

function drawGrid(part) {
  current = 0;
  grid.replaceChildren(...part.map(cardItem));
  if (!part.length) grid.append(make("li", { className: "empty" },
    cards.length ? "No image matches." : "There are no images."));
}

function cardItem(card, index) {
  const open = button("", () => openView(card), {
    className: "open", tabIndex: index ? -1 : 0, onfocus: () => setCurrent(index),
  });
  open.append(...[
    ...page.captions.map((caption, view) => cardPictures(card, caption, view)),
    textSpan("name", card.name), textSpan("label", card.label), cardNumbers(card),
    ...card.warnings.map((text) => textSpan("warning", `⚠ ${text}`)),
    textSpan("reason", card.reason),
  ].filter(Boolean));
  const panel = card.links["0.panel"];
  const item = make("li", { className: card.reason ? "card failed" : "card" }, open,
    span("beside", choiceBox(card),
      panel ? fileLink(panel, "Panel", { tabIndex: -1, "aria-label": `Panel of ${card.name}` })
        : null));
  return item;
}

function cardNumbers(card) {
  if (card.reason) return null;
  return span("numbers", page.fields.filter((field) => field.sortable).map((field) =>
    span("", make("i", {}, `${field.name} `), formatted(card, field))));
}

// Small multiples: the image, then each method and target. An image alone is an animation's frame.
function cardPictures(card, caption, view) {
  const links = [["Image", card.links[`${view}.image`]], ...card.titles.map((title, place) =>
    [title, card.links[`${view}.attribution${place}`]])].filter(([, link]) => link);
  const panel = card.links[`${view}.panel`];
  if (card.reason || !(links.length || panel)) return null;
  const tiles = links.length > 1 ? links.map(([title, link]) =>
    span("tile", span("square", image(link, "")), textSpan("title", title)))
    : span("tile whole", image(links[0]?.[1] ?? panel, ""));
  return span("views", caption ? textSpan("caption", caption) : null, span("tiles", tiles));
}

const openButtons = () =>
  [...(state.as === "table" ? element("table") : grid).querySelectorAll(".open")];

function setCurrent(index) {
  const buttons = openButtons();
  for (const position of [current, index]) {
    if (buttons[position]) buttons[position].tabIndex = position === index ? 0 : -1;
  }
  current = index;
}

function focusCard(index) {
  const buttons = openButtons();
  buttons[Math.min(Math.max(0, index), buttons.length - 1)]?.focus();
}

function columnCount() {
  const tops = openButtons().map((open) => open.getBoundingClientRect().top);
  const secondRow = tops.findIndex((top) => top !== tops[0]);
  return secondRow < 0 ? tops.length : secondRow;
}

function move(by) {
  const target = current + by;
  if (!openButtons().includes(document.activeElement)) return focusCard(current);
  if (target >= 0 && target < openButtons().length) return focusCard(target);
  const next = state.page + Math.sign(by);
  if (next >= 0 && next < pageCount()) {
    goToPage(next);
    focusCard(by > 0 ? 0 : PER_PAGE);
  }
}
