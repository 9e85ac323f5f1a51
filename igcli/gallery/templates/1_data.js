// The data of the page, and how elements and formatted numbers are made from it.
const PER_PAGE = 60;
const element = (id) => document.getElementById(id);
const page = JSON.parse(element("data").textContent);
const grid = element("grid"), large = element("large"), search = element("search");
const show = element("show"), sort = element("sort");
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");
const normalized = (text) => text.normalize("NFC").toLowerCase();
const cards = page.cards.map((card, position) => ({
  numbers: {}, views: [], warnings: [], label: "", reason: "", ...card, position,
  searchText: normalized(`${card.name}\n${card.label ?? ""}`),
}));
const state = { q: "", show: "all", sort: "", page: 0 };
let shown = cards, current = 0, opened = 0;

// Untrusted text only ever becomes text nodes: nothing here parses HTML.
function make(name, properties = {}, ...children) {
  const node = Object.assign(document.createElement(name), properties);
  node.append(...children.filter((child) => child !== null && child !== ""));
  return node;
}
const textSpan = (className, text) =>
  text ? make("span", { className, title: text }, text) : null;
const groupSpan = (className, children) => make("span", { className }, ...children);

const FORMATS = {
  number: (value) => `${Number(value.toPrecision(6))}`,
  signed: (value) => ["−", "", "+"][Math.sign(value) + 1] + FORMATS.number(Math.abs(value)),
  percent: (value) => `${Number((100 * value).toPrecision(3))}%`,
  count: (value) => value.toLocaleString("en"),
  index: (value) => `${value}`,
  seconds: (value) => `${Number(value.toPrecision(3))} s`,
};
const formatted = (card, field) =>
  card.numbers[field.key] === undefined ? "–" : FORMATS[field.format](card.numbers[field.key]);
