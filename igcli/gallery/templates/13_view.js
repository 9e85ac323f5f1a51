// The view of one image: what is opened, and how it is laid out.
const large = element("large"), largeBody = element("large-body");
let opened = null, views = [], frames = null;
const files = [["panel", "Panel"], ["animation", "Animation"], ["arrays", "Arrays"]];

async function openView(card) {
  const place = shown.indexOf(card);
  opened = card;
  state.image = card.name;
  saveState();
  element("large-name").textContent = card.name;
  element("large-label").textContent = card.label;
  element("large-place").textContent = place < 0 ? ""
    : `${(place + 1).toLocaleString("en")} of ${shown.length.toLocaleString("en")}`;
  element("previous").disabled = place <= 0;
  element("next").disabled = place < 0 || place === shown.length - 1;
  if (!large.open) large.showModal();
  largeBody.focus();
  setBusy(true);
  large.scrollTop = 0;
  const problems = [];
  let loaded = [];
  try {
    if (card.links.values) {
      const script = await loadScript(card.links.values, card.name);
      loaded = await Promise.all(script.views.map(decodedView));
    }
  } catch (error) {
    problems.push(`The values cannot be shown: ${error.message}`);
  }
  if (opened !== card) return; // Another image was opened meanwhile.
  setBusy(false);
  views = loaded;
  frames = null;
  stages = sources = [];
  rankings.clear();
  Object.assign(cursor, { x: -1, y: -1 });
  problems.push(...views.flatMap((view) => view.problems));
  const hasValues = views.some((view) => view.maps.some((map) => map.raw));
  element("notices").replaceChildren(...[
    ...[...card.warnings, ...problems].map((text) => textSpan("warning", `⚠ ${text}`)),
    textSpan("reason", card.reason)].filter(Boolean));
  element("workbench").hidden = !hasValues;
  element("plain").replaceChildren(...(hasValues ? [] : pictures(card)));
  element("details").replaceChildren(...details(card));
  if (!hasValues) return;
  fillWorkbench();
  resetCamera();
  update();
  if (card.links.frames) loadFrames(card);
}

// While values are loaded, what is shown is still the image before: it cannot be used.
function setBusy(isBusy) {
  largeBody.ariaBusy = `${isBusy}`;
  element("workbench").inert = isBusy;
}

function step(by) {
  const next = shown[shown.indexOf(opened) + by];
  if (next) openView(next);
}

// What there is without arrays: the files of the run.
function pictures(card) {
  const links = page.captions.flatMap((caption, view) => files.slice(0, 2)
    .map(([key, name]) => [card.links[`${view}.${key}`], `${name} ${caption}`.trim()]));
  const shownFiles = links.filter(([link]) => link);
  return [span("pictures", shownFiles.map(([link, name]) => image(link, `${name} of ${card.name}`))),
    card.reason ? "" : make("p", { className: "hint" }, "There are no arrays of this image. After ",
      make("code", {}, "igcli attribute --arrays"),
      ", this page shows its attributions pixel by pixel: with a threshold, smoothing and zoom.")];
}

function details(card) {
  const lists = views.map((view, place) => make("section", {},
    view.caption ? make("h3", {}, view.caption) : "", factTable(card, view), fileLinks(card, place),
    view.command ? commandBox(view.command) : "",
    make("details", {}, make("summary", {}, "Record"), make("pre", { tabIndex: 0 }, view.record))));
  return lists.length ? lists : [make("section", {}, factTable(card, { maps: [], facts: {} }),
    page.captions.map((_, place) => fileLinks(card, place)))];
}

function factTable(card, { maps, facts }) {
  const rows = card.reason ? [] : page.fields.map((field) => [field.name, formatted(card, field)]);
  for (const map of maps.slice(1)) {
    rows.push([`${map.method}: ${map.label}`, `score ${formattedAs("number", map.score)}, ` +
      `sum ${formattedAs("number", map.sum)}, completeness error ${formattedAs("percent", map.error)}`]);
  }
  return make("dl", { className: "table" }, ...[...rows, ...Object.entries(facts)].flatMap(([name, text]) =>
    [make("dt", {}, name), make("dd", {}, text)]));
}

const fileLinks = (card, view) => span("files", ...files.map(([key, name]) => {
  const href = card.links[`${view}.${key}`];
  return href ? fileLink(href, name) : null;
}));

function commandBox(command) {
  const text = make("pre", { tabIndex: 0 }, command);
  return make("div", { className: "command" }, make("h3", {}, "To do it again"), text,
    button("Copy the command", () => copyText(command, text)));
}

function onLargeClosed() {
  const place = shown.indexOf(opened), openedPage = Math.floor(Math.max(place, 0) / PER_PAGE);
  opened = null;
  state.image = "";
  if (openedPage !== state.page) goToPage(openedPage); else saveState();
  focusCard(place - pageStart());
}
