// The data of the page: each row becomes a card. Python's igcli.gallery.rows writes the rows.
const element = (id) => document.getElementById(id);
const page = JSON.parse(element("data").textContent);
const normalized = (text) => text.normalize("NFC").toLowerCase();
const encoded = (path) => path.split("/").map(encodeURIComponent).join("/");

// A link is spelt out after "=", or it is the usual one around a stem that names the image.
function linksOf(name, values) {
  const links = {}, thumbnails = {};
  page.links.forEach(([key, before, after], place) => {
    const value = values[place] ?? 0;
    if (!value) return;
    if (value[0] === "=") links[key] = value.slice(1);
    else links[key] = before + stemOf(key, value) + after;
  });
  return links;

  function stemOf(key, value) {
    const [view, kind] = key.split(".");
    if (key === "source") return name;
    if (kind === "image") return (thumbnails[view] = value);
    if (kind?.startsWith("attribution")) return thumbnails[view];
    return encoded(name.replace(/\.jpg$/, ""));
  }
}

function cardOf([name, label, numbers, links, titles, warnings, reason], position) {
  const text = page.labels[label ?? 0];
  return {
    name, label: text, position, titles: page.titles[titles ?? 0] ?? [],
    numbers: Object.fromEntries(page.fields.map(({ key }, place) => [key, numbers?.[place] ?? null])),
    links: linksOf(name, links ?? []), warnings: warnings || [], reason: reason || "",
    searchText: normalized(`${name}\n${text}`),
  };
}
const cards = page.cards.map(cardOf);
