// Loads the scripts with the values of an image, and decodes them. Python's igcli.gallery.values
// describes the format.
const MAP_LIMIT = 127;
const received = new Map();
window.igcliValues = (content) => received.set(document.currentScript, content);

// The policy allows scripts that this one inserts; it inserts none but those beside the page.
const besideThePage = (url) => {
  const { protocol, host, pathname } = new URL(url, document.baseURI);
  if (protocol === location.protocol && host === location.host && pathname.endsWith(".js")) return url;
  throw new TypeError(`${url} is not a script beside the page`);
};
const scriptUrls = window.trustedTypes?.createPolicy("igcli", { createScriptURL: besideThePage }) ??
  { createScriptURL: besideThePage };

// Returns what a script holds; a page in a single file has its content in an element instead.
async function loadScript(url, name) {
  const embedded = element(url);
  if (embedded) return JSON.parse(embedded.textContent);
  const script = make("script", {});
  const content = await new Promise((resolve, reject) => {
    script.onload = () => resolve(received.get(script));
    script.onerror = () => reject(new Error(`${decodeURI(url)} is missing or damaged`));
    script.src = scriptUrls.createScriptURL(url);
    document.head.append(script);
  }).finally(() => { script.remove(); received.delete(script); });
  if (content?.image !== name) throw new Error(`${decodeURI(url)} is that of another image`);
  return content;
}

const bytesFrom = (base64) => Uint8Array.from(atob(base64), (unit) => unit.charCodeAt(0));
const pictureFrom = (base64) =>
  createImageBitmap(new Blob([bytesFrom(base64)], { type: "image/webp" }));

async function inflated(base64) {
  const stream = new Blob([bytesFrom(base64)]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}

async function decodedMap(map, size) {
  if (!map.values) return { ...map, raw: null };
  const signed = new Int8Array(await inflated(map.values));
  if (signed.length !== size) throw new Error("the attributions do not have the image's size");
  const raw = Float32Array.from(signed, (q) => Math.sign(q) * (q / MAP_LIMIT) ** 2 * map.scale);
  return { ...map, raw };
}

async function decodedView(view) {
  const { height = 0, width = 0 } = view;
  const maps = await Promise.all((view.maps ?? []).map((map) => decodedMap(map, height * width)));
  return {
    caption: "", facts: {}, record: "", command: "", path: null, curves: [], problems: [], ...view,
    height, width, maps, picture: view.picture ? await pictureFrom(view.picture) : null,
  };
}

// The frames of an animation; where the run drew large gradients bright, with their brightness.
async function decodedFrames({ frames }) {
  const sheet = await pictureFrom(frames.picture), { columns, width, height, count } = frames;
  const pixels = frames.is_bright ? pixelsOf(sheet) : null;
  const brightness = pixels && Array.from({ length: count }, (_, frame) => {
    const left = frame % columns * width, top = Math.floor(frame / columns) * height;
    return Float32Array.from({ length: width * height }, (_, place) => {
      const start = 4 * ((top + Math.floor(place / width)) * sheet.width + left + place % width);
      return pixels[start] + pixels[start + 1] + pixels[start + 2];
    });
  });
  return { alphas: [], ...frames, sheet, brightness, totals: brightness?.map(sumOf) };
}

function pixelsOf(picture) {
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, picture.width, picture.height).data;
}
