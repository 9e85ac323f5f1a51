// Elements and formatted numbers. Untrusted text only ever becomes text nodes or attributes of
// plain text: nothing here parses HTML.
function make(name, properties = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role") node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children.flat().filter((child) => child !== null && child !== ""));
  return node;
}

function makeSvg(name, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const span = (className, ...children) => make("span", { className }, ...children);
const textSpan = (className, text) => text ? make("span", { className, title: text }, text) : null;
const button = (text, onclick, properties = {}) =>
  make("button", { type: "button", onclick, ...properties }, text);

const FORMATS = {
  number: (value) => `${Number(value.toPrecision(6))}`.replace("-", "−"),
  signed: (value) => ["−", "", "+"][Math.sign(value) + 1] + FORMATS.number(Math.abs(value)),
  percent: (value) => `${Number((100 * value).toPrecision(3))}%`,
  count: (value) => value.toLocaleString("en"),
  index: (value) => `${value}`,
  seconds: (value) => `${Number(value.toPrecision(3))} s`,
};
const formattedAs = (format, value) =>
  value === null || value === undefined ? "–" : FORMATS[format](value);
const formatted = (card, field) => formattedAs(field.format, card.numbers[field.key]);
const short = (value) => FORMATS.number(Number(value.toPrecision(3)));
const signed = (value) => FORMATS.signed(Number(value.toPrecision(3)));

function image(src, alt, className = "") {
  const node = make("img", { className, alt, loading: "lazy", decoding: "async" });
  node.onerror = () => node.replaceWith(textSpan("missing", "the file is missing or damaged"));
  node.src = src;
  return node;
}

// A page in a single file holds its files as data, which browsers save but do not open.
const fileLink = (href, name, properties = {}) =>
  make("a", { href, ...(href.startsWith("data:") ? { download: "" } : {}), ...properties }, name);
