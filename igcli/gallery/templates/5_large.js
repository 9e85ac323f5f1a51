// One image, large.
function enlarge(place) {
  if (!(place in shown)) return;
  opened = place;
  const card = shown[place];
  element("large-name").textContent = card.name;
  element("large-place").textContent =
    `${(place + 1).toLocaleString("en")} of ${shown.length.toLocaleString("en")}`;
  element("previous").disabled = place === 0;
  element("next").disabled = place === shown.length - 1;
  element("large-body").replaceChildren(
    span2("views", card.views.map(largeView)), ...[
      ...card.warnings.map((text) => span("warning", `⚠ ${text}`)),
      span("reason", card.reason), table(card),
    ].filter(Boolean));
  if (!large.open) large.showModal();
  element("large-body").focus();
  large.scrollTop = 0;
}

function largeView(one) {
  const picture = span2("picture", []);
  if (one.still) picture.append(image(one.still, "still"));
  if (one.motion && !(one.still && calm.matches)) picture.append(image(one.motion, "motion"));
  const files = Object.entries(one.files ?? {}).map(([name, href]) => make("a", { href }, name));
  return span2("view", [
    ...(one.caption ? [span("caption", one.caption)] : []), picture, span2("files", files)]);
}

function table(card) {
  const made = make("dl", { className: "table" });
  const row = (name, text) => made.append(make("dt", {}, name), make("dd", {}, text));
  if (card.label) row("Label", card.label);
  if (!card.reason) for (const field of page.fields) row(field.name, written(card, field));
  for (const [name, text] of Object.entries(card.texts ?? {})) row(name, text);
  return made;
}

function closed() {
  if (Math.floor(opened / PER_PAGE) !== state.page) turn(Math.floor(opened / PER_PAGE));
  focus(opened - first());
}
