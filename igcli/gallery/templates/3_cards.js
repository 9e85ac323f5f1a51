// The cards of the grid.
function item(card, index) {
  const open = make("button", {
    type: "button", className: "open", tabIndex: index ? -1 : 0,
    onclick: () => enlarge(first() + index), onfocus: () => settle(index),
  });
  if (card.views.length) open.append(span2("views", card.views.map(view)));
  open.append(...[
    span("name", card.name), span("label", card.label), numbers(card),
    ...card.warnings.map((text) => span("warning", `⚠ ${text}`)), span("reason", card.reason),
  ].filter(Boolean));
  const made = make("li", { className: card.reason ? "card failed" : "card" }, open);
  if (card.views.some((one) => one.motion)) hover(made, card, index);
  return made;
}

const span2 = (className, children) => make("span", { className }, ...children);

function numbers(card) {
  if (card.reason) return null;
  return span2("numbers", page.fields.filter((field) => field.sortable).map((field) =>
    span2("", [make("i", {}, `${field.name} `), written(card, field)])));
}

function view(one) {
  const picture = span2("picture", []);
  if (one.still) picture.append(image(one.still, "still"));
  else if (one.motion) picture.append(stillOf(one.motion));
  else picture.append(span("missing", "no picture was written"));
  return span2("view", [...(one.caption ? [span("caption", one.caption)] : []), picture]);
}

function image(src, className) {
  const made = make("img", { className, alt: "", loading: "lazy", decoding: "async" });
  made.onload = () => { if (className === "still") shape(made); };
  made.onerror = () => made.replaceWith(span("missing", "the file is missing or damaged"));
  made.src = src;
  return made;
}

// The first picture says how much room the others will need, so that nothing jumps.
let shaped = false;
function shape(made) {
  if (shaped || !made.naturalWidth || made.closest("dialog")) return;
  shaped = true;
  document.documentElement.style.setProperty(
    "--ratio", `${made.naturalWidth} / ${made.naturalHeight}`);
}
