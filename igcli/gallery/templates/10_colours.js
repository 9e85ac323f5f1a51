// Colour maps that eyes with any colour vision tell apart, and the painting of attributions.
// Stops are sRGB; cividis: Nuñez, Anderton and Renslow 2018; viridis: Smith and van der Walt 2015.
const STOPS = {
  cividis: ["00224e", "123570", "3b496c", "575d6d", "707173", "8a8678", "a59c74", "c3b369", "e1cc55", "fee838"],
  viridis: ["440154", "482878", "3e4989", "31688e", "26828e", "1f9e89", "35b779", "6ece58", "b5de2b", "fde725"],
  "blue-orange": ["0b3c8c", "2166c4", "5a9be6", "a9cdf2", "f4f4f4", "fbc98d", "f59a33", "d96a00", "8f3d00"],
};
const DIVERGING = "blue-orange";

const parsedStops = Object.fromEntries(Object.entries(STOPS).map(([name, stops]) =>
  [name, stops.map((stop) => [0, 2, 4].map((start) => Number.parseInt(stop.slice(start, start + 2), 16)))]));

// The colour at 0...1, between its neighbouring stops.
function colourAt(name, position) {
  const stops = parsedStops[name], place = Math.min(Math.max(position, 0), 1) * (stops.length - 1);
  const left = Math.min(Math.floor(place), stops.length - 2);
  return stops[left].map((value, channel) =>
    value + (place - left) * (stops[left + 1][channel] - value));
}
const tables = Object.fromEntries(Object.keys(STOPS).map((name) =>
  [name, Array.from({ length: 256 }, (_, place) => colourAt(name, place / 255).map(Math.round))]));

// The place of a value in a table of 256. The weakest colours would not be seen on an image.
const WEAKEST = 0.3;
function tablePlace(name, value, strongest) {
  const strength = WEAKEST + (1 - WEAKEST) * Math.min(Math.abs(value) / strongest, 1);
  return Math.round(255 * (name === DIVERGING ? 0.5 + 0.5 * Math.sign(value) * strength : strength));
}

// Attributions as a picture to lay over the image; what is not shown is transparent.
function painted(ranking, selection, width, height, colours) {
  const pixels = new ImageData(width, height), table = tables[colours];
  for (let place = 0; place < width * height; place++) {
    if (!selection.isShown[place]) continue;
    const [red, green, blue] = table[tablePlace(colours, ranking.values[place], ranking.strongest)];
    pixels.data.set([red, green, blue, 255], 4 * place);
  }
  return drawnOn(pixels);
}

// Black where pixels are not shown, to lay over interior gradients.
function veil(selection, width, height) {
  const pixels = new ImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    if (!selection.isShown[place]) pixels.data[4 * place + 3] = 255;
  }
  return drawnOn(pixels);
}

function drawnOn(pixels) {
  const canvas = new OffscreenCanvas(pixels.width, pixels.height);
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return canvas;
}

// A bar of the colours with the values at its ends.
function colourBar(colours, strongest, polarity) {
  const canvas = make("canvas", { width: 256, height: 1, className: "colours", "aria-hidden": "true" });
  const low = { positive: 0, negative: -strongest, both: -strongest }[polarity];
  const high = polarity === "negative" ? 0 : strongest, pixels = new ImageData(256, 1);
  for (let place = 0; place < 256; place++) {
    const value = low + (high - low) * place / 255;
    pixels.data.set([...tables[colours][tablePlace(colours, value, strongest)], 255], 4 * place);
  }
  canvas.getContext("2d").putImageData(pixels, 0, 0);
  return span("legend", span("", signed(low)), canvas, span("", signed(high)));
}
