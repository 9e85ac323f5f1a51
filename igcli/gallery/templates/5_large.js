// One image, enlarged.
function enlarge(position) {
  if (!(position in shown)) return;
  opened = position;
  const card = shown[position];
  element("large-name").textContent = card.name;
  element("large-place").textContent =
    `${(position + 1).toLocaleString("en")} of ${shown.length.toLocaleString("en")}`;
  element("previous").disabled = position === 0;
  element("next").disabled = position === shown.length - 1;
  element("large-body").replaceChildren(
    groupSpan("views", card.views.map(largeView)), ...[
      ...card.warnings.map((text) => textSpan("warning", `⚠ ${text}`)),
      textSpan("reason", card.reason), largeTable(card),
    ].filter(Boolean));
  if (!large.open) large.showModal();
  element("large-body").focus();
  large.scrollTop = 0;
}

function largeView(view) {
  const picture = groupSpan("picture", []);
  if (view.still) picture.append(image(view.still, "still"));
  if (view.motion && !(view.still && reducedMotion.matches)) {
    picture.append(image(view.motion, "motion"));
  }
  const files = Object.entries(view.files ?? {}).map(([name, href]) => make("a", { href }, name));
  return groupSpan("view", [
    ...(view.caption ? [textSpan("caption", view.caption)] : []), picture,
    groupSpan("files", files)]);
}

function largeTable(card) {
  const table = make("dl", { className: "table" });
  const row = (name, text) => table.append(make("dt", {}, name), make("dd", {}, text));
  if (card.label) row("Label", card.label);
  if (!card.reason) for (const field of page.fields) row(field.name, formatted(card, field));
  for (const [name, text] of Object.entries(card.texts ?? {})) row(name, text);
  return table;
}

function onLargeClosed() {
  const openedPage = Math.floor(opened / PER_PAGE);
  if (openedPage !== state.page) goToPage(openedPage);
  focusCard(opened - pageStart());
}
