// Images that are chosen one by one, and the list of paths for --files-from.
const chosen = new Set();

function choiceBox(card) {
  const box = make("input", {
    type: "checkbox", checked: chosen.has(card), "aria-label": `Choose ${card.name}`,
  });
  box.onchange = () => {
    if (box.checked) chosen.add(card); else chosen.delete(card);
    drawExport();
  };
  return box;
}

function drawExport() {
  const count = chosen.size || shown.length;
  element("export-what").textContent = chosen.size
    ? `the ${count.toLocaleString("en")} chosen images` : `the ${count.toLocaleString("en")} images shown`;
}

// Bytes of a path that are not UTF-8 stand as U+DC80 to U+DCFF, as in Python.
function bytesOf(path) {
  return path.split(/([\udc80-\udcff]+)/).flatMap((part, place) => place % 2
    ? [...part].map((unit) => unit.charCodeAt(0) - 0xDC00) : [...new TextEncoder().encode(part)]);
}

function pathList() {
  const listed = chosen.size ? cards.filter((card) => chosen.has(card)) : shown;
  const paths = listed.map((card) => card.links.source).filter(Boolean);
  const isOdd = paths.some((path) => /\n/.test(path));
  return { paths, end: isOdd ? "\0" : "\n" };
}

function download() {
  const { paths, end } = pathList();
  const bytes = paths.map((path) => Uint8Array.from(bytesOf(path + end)));
  const url = URL.createObjectURL(new Blob(bytes, { type: "text/plain" }));
  make("a", { href: url, download: "images.txt" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
  say(`${paths.length.toLocaleString("en")} paths; igcli attribute --files-from images.txt${
    end === "\0" ? " -0: a name has a line break" : ""}`);
}

async function copyText(text, source) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied.");
  } catch {
    if (source) getSelection().selectAllChildren(source);
    say(source ? "Press Ctrl+C to copy what is selected." : "The browser does not allow copying.");
  }
}

const say = (text) => { (large.open ? element("large-said") : element("said")).textContent = text; };
element("download").onclick = download;
element("copy").onclick = () => {
  const { paths, end } = pathList();
  copyText(paths.map((path) => path + end).join(""));
};
