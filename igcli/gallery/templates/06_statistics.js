// Statistics of the run: histograms whose bars filter the cards, and the number of images by label.
for (const bar of document.querySelectorAll(".bar-button")) {
  const { key, bar: place } = bar.dataset;
  bar.onclick = () => {
    if (bars[key] === Number(place)) delete bars[key]; else bars[key] = Number(place);
    changeState({});
  };
}

const labelCounts = (() => {
  const counts = new Map();
  for (const card of cards) {
    if (card.label) counts.set(card.label, (counts.get(card.label) ?? 0) + 1);
  }
  return [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
})();

// Labels are made when they are first unfolded: a run may have a thousand.
element("labels").ontoggle = () => drawLabels();
element("labels").hidden = !labelCounts.length;
element("labels-count").textContent = `Labels (${labelCounts.length.toLocaleString("en")})`;

function drawLabels() {
  if (!element("labels").open) return;
  element("labels-list").replaceChildren(...labelCounts.map(([label, count]) => make("li", {},
    button([span("", label), " ", span("amount", count.toLocaleString("en"))],
      () => changeState({ label: state.label === label ? "" : label }),
      { "aria-pressed": `${state.label === label}` }))));
}

// What filters the cards, each with a button that removes it.
function drawFilters() {
  for (const bar of document.querySelectorAll(".bar-button")) {
    const isChosen = bars[bar.dataset.key] === Number(bar.dataset.bar);
    bar.setAttribute("aria-pressed", `${isChosen}`);
  }
  for (const other of element("labels-list").querySelectorAll("button")) {
    other.setAttribute("aria-pressed", `${other.firstChild.textContent === state.label}`);
  }
  const filters = Object.entries(bars).map(([key, place]) => {
    const bar = document.querySelector(`[data-key="${key}"][data-bar="${place}"]`);
    return [bar.ariaLabel.replace(/: [\d,]+$/, ""), () => { delete bars[key]; changeState({}); }];
  });
  if (state.label) filters.push([`Label: ${state.label}`, () => changeState({ label: "" })]);
  element("filters").replaceChildren(...filters.map(([text, remove]) =>
    make("li", {}, button(`${text} ✕`, () => { remove(); search.focus(); },
      { "aria-label": `Remove the filter ${text}` }))));
}
