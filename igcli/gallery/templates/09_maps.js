// The arithmetic of attribution maps: smoothing, signs, and the pixels that carry a share. Pure.
const MAGNITUDES = {
  positive: (value) => Math.max(value, 0),
  negative: (value) => Math.max(-value, 0),
  both: Math.abs,
};
const FULL_STRENGTH = 0.1; // The pixels that carry this share are drawn in the strongest colour.

// Gaussian smoothing with mirrored edges; sigma in pixels.
function smoothed(values, width, height, sigma) {
  if (!sigma) return values;
  const radius = Math.ceil(3 * sigma);
  const kernel = Float32Array.from({ length: 2 * radius + 1 },
    (_, place) => Math.exp(-((place - radius) ** 2) / (2 * sigma ** 2)));
  const sum = kernel.reduce((a, b) => a + b);
  const along = (from, count, step, lines, lineStep) => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line++) {
      for (let place = 0; place < count; place++) {
        let total = 0;
        for (let offset = -radius; offset <= radius; offset++) {
          let other = (place + offset + 2 * count * radius) % (2 * count);
          if (other >= count) other = 2 * count - 1 - other;
          total += kernel[offset + radius] * from[line * lineStep + other * step];
        }
        to[line * lineStep + place * step] = total / sum;
      }
    }
    return to;
  };
  return along(along(values, width, 1, height, width), height, width, width, 1);
}

// The pixels by falling magnitude, with the sum of the magnitudes up to each of them.
function ranked(values, polarity) {
  const magnitudes = Float32Array.from(values, MAGNITUDES[polarity]);
  const order = Uint32Array.from(magnitudes.keys()).sort((a, b) => magnitudes[b] - magnitudes[a] || a - b);
  const sums = new Float64Array(order.length);
  let total = 0;
  order.forEach((pixel, place) => { sums[place] = total += magnitudes[pixel]; });
  const strongest = magnitudes[order[firstReaching(sums, FULL_STRENGTH * total)]] || 1;
  return { values, magnitudes, order, sums, total, strongest };
}

function firstReaching(sums, wanted) {
  let low = 0, high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] >= wanted) high = middle; else low = middle + 1;
  }
  return low;
}

// The fewest pixels that together carry a share, 0...1, of the attribution, and what they are.
function carrying({ magnitudes, order, sums, total }, share, raw) {
  const isShown = new Uint8Array(order.length);
  const last = total ? firstReaching(sums, share * total * (1 - 1e-9)) : -1;
  const pixels = order.subarray(0, last + 1).filter((pixel) => magnitudes[pixel] > 0);
  let sum = 0;
  for (const pixel of pixels) { isShown[pixel] = 1; sum += raw[pixel]; }
  return { isShown, pixels, share: total ? sums[last] / total : 0, sum };
}

const sumOf = (values) => values.reduce((total, value) => total + value, 0);
