// The data of the page, and how elements and numbers are made of it.
const PER_PAGE = 60;
const element = (id) => document.getElementById(id);
const page = JSON.parse(element("data").textContent);
const grid = element("grid"), large = element("large"), search = element("search");
const show = element("show"), sort = element("sort");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const folded = (text) => text.normalize("NFC").toLowerCase();
const cards = page.cards.map((card, place) => ({
  numbers: {}, views: [], warnings: [], label: "", reason: "", ...card, place,
  found: folded(`${card.name}\n${card.label ?? ""}`),
}));
const state = { q: "", show: "all", sort: "", page: 0 };
let shown = cards, current = 0, opened = 0;

// Texts of others only ever become text: nothing here reads HTML.
function make(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}
const span = (className, text) =>
  text ? make("span", { className, title: text }, text) : null;

const FORMATS = {
  number: (value) => `${Number(value.toPrecision(6))}`,
  signed: (value) => ["−", "", "+"][Math.sign(value) + 1] + FORMATS.number(Math.abs(value)),
  percent: (value) => `${Number((100 * value).toPrecision(3))}%`,
  count: (value) => value.toLocaleString("en"),
  index: (value) => `${value}`,
  seconds: (value) => `${Number(value.toPrecision(3))} s`,
};
const written = (card, field) =>
  card.numbers[field.key] === undefined ? "–" : FORMATS[field.format](card.numbers[field.key]);
