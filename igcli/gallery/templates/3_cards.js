// The cards of the grid.
function cardItem(card, index) {
  const open = make("button", {
    type: "button", className: "open", tabIndex: index ? -1 : 0,
    onclick: () => enlarge(pageStart() + index), onfocus: () => setCurrent(index),
  });
  if (card.views.length) open.append(groupSpan("views", card.views.map(viewSpan)));
  open.append(...[
    textSpan("name", card.name), textSpan("label", card.label), cardNumbers(card),
    ...card.warnings.map((text) => textSpan("warning", `⚠ ${text}`)),
    textSpan("reason", card.reason),
  ].filter(Boolean));
  const item = make("li", { className: card.reason ? "card failed" : "card" }, open);
  if (card.views.some((view) => view.motion)) makePlayable(item, card, index);
  return item;
}

function cardNumbers(card) {
  if (card.reason) return null;
  return groupSpan("numbers", page.fields.filter((field) => field.sortable).map((field) =>
    groupSpan("", [make("i", {}, `${field.name} `), formatted(card, field)])));
}

function viewSpan(view) {
  const picture = groupSpan("picture", []);
  if (view.still) picture.append(image(view.still, "still"));
  else if (view.motion) picture.append(firstFrame(view.motion));
  else picture.append(textSpan("missing", "no picture was written"));
  return groupSpan("view",
    [...(view.caption ? [textSpan("caption", view.caption)] : []), picture]);
}

function image(src, className) {
  const node = make("img", { className, alt: "", loading: "lazy", decoding: "async" });
  node.onload = () => { if (className === "still") reserveSpace(node); };
  node.onerror = () => node.replaceWith(textSpan("missing", "the file is missing or damaged"));
  node.src = src;
  return node;
}

// The first picture's shape reserves space for the others, so that nothing moves as they load.
let isSpaceReserved = false;
function reserveSpace(picture) {
  if (isSpaceReserved || !picture.naturalWidth || picture.closest("dialog")) return;
  isSpaceReserved = true;
  document.documentElement.style.setProperty(
    "--ratio", `${picture.naturalWidth} / ${picture.naturalHeight}`);
}
