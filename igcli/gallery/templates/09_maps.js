// The arithmetic of attribution maps: smoothing, signs, and the pixels that carry a share. Pure.
const MAGNITUDES = {
  positive: (value) => Math.max(value, 0),
  negative: (value) => Math.max(-value, 0),
  both: Math.abs,
};
const FULL_STRENGTH = 0.02; // The pixels that carry this share are drawn in the strongest colour.

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
          let other = Math.abs(place + offset) % (2 * count);
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

// The magnitudes in falling order, with the sum of each and all before it.
function ranked(values, polarity) {
  const magnitudes = Float32Array.from(values, MAGNITUDES[polarity]);
  const falling = Float32Array.from(magnitudes).sort().reverse();
  const sums = new Float64Array(falling.length);
  let total = 0;
  falling.forEach((value, place) => { sums[place] = total += value; });
  const strongest = falling[firstReaching(sums, FULL_STRENGTH * total)] || 1;
  return { values, magnitudes, falling, sums, total, strongest };
}

function firstReaching(sums, wanted) {
  let low = 0, high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle] >= wanted) high = middle; else low = middle + 1;
  }
  return low;
}

// The fewest pixels that together carry a share, 0...1, of the attribution.
function carrying(ranking, share) {
  const limit = ranking.total
    ? ranking.falling[firstReaching(ranking.sums, share * ranking.total * (1 - 1e-9))] : Infinity;
  return { limit, isShown: (place) => ranking.magnitudes[place] >= limit && ranking.magnitudes[place] > 0 };
}

// What the shown pixels are: their number, their share, and the sum of their own values.
function shownFigures(ranking, { isShown }, raw) {
  let count = 0, carried = 0, sum = 0;
  ranking.magnitudes.forEach((value, place) => {
    if (isShown(place)) { count++; carried += value; sum += raw[place]; }
  });
  return { count, share: ranking.total ? carried / ranking.total : 0, sum };
}

const sumOf = (values) => values.reduce((total, value) => total + value, 0);
