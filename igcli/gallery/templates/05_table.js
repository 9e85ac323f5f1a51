// The table: one row an image, sorted by the column whose heading is pressed.
function drawTable(part) {
  current = 0;
  const columns = [["", "Choose"], ["name", "Name"], ["label", "Label"],
    ...page.fields.map((field) => [field.key, field.name])];
  element("table").replaceChildren(make("table", {},
    make("thead", {}, make("tr", {}, ...columns.map(([key, name]) => headCell(key, name)))),
    make("tbody", {}, ...part.map(tableRow))));
}

function headCell(key, name) {
  if (!key) return make("td", {}, make("span", { className: "unseen" }, name));
  const [sorted, direction] = state.sort.split("-");
  const isDown = direction === "down";
  const next = sorted !== key ? `${key}-up` : isDown ? "" : `${key}-down`;
  const arrow = sorted !== key ? "" : isDown ? " ↓" : " ↑";
  const cell = make("th", { scope: "col" }, button(name + arrow, () => {
    sort.value = [...sort.options].some((option) => option.value === next) ? next : "";
    changeState({ sort: next });
    element("table").querySelector(`[data-key="${key}"]`).focus();
  }, { "data-key": key }));
  if (sorted === key) cell.ariaSort = isDown ? "descending" : "ascending";
  return cell;
}

function tableRow(card, index) {
  const open = button(card.name, () => openView(card), {
    className: "open", tabIndex: index ? -1 : 0, onfocus: () => setCurrent(index),
  });
  const numbers = card.reason
    ? [make("td", { colSpan: page.fields.length, className: "reason" }, card.reason)]
    : page.fields.map((field) => make("td", { className: "number" }, formatted(card, field)));
  return make("tr", {}, make("td", {}, choiceBox(card)), make("th", { scope: "row" }, open),
    make("td", {}, card.label), ...numbers);
}
