// Draws and says what the controls choose.
const BACKDROPS = { plain: "none", grey: "grayscale(1) brightness(.8)", dark: "grayscale(1) brightness(.35)" };
const rankings = new Map();
let problem = "";

// A difference has two signs, whatever the choice for attributions.
const polarityOf = ({ isDifference }) => isDifference ? "both" : settings.polarity;
const coloursOf = ({ isDifference }) => isDifference ? DIVERGING : settings.colours;

function rankingOf(place) {
  const source = sources[place], polarity = polarityOf(source);
  const key = [place, settings.map, settings.smoothing, polarity].join();
  if (!rankings.has(key)) {
    const { width, height } = source.view;
    rankings.set(key, ranked(smoothed(source.map().raw, width, height, settings.smoothing), polarity));
  }
  return rankings.get(key);
}

// Loads the interior gradients once the image is shown: they are large.
async function loadFrames(card) {
  try {
    const loaded = await decodedFrames(await loadScript(card.links.frames, card.name));
    if (opened === card) frames = loaded;
  } catch (error) {
    if (opened === card) problem = error.message;
  }
  if (opened === card) update();
}

function update() {
  const card = opened, isMotion = settings.map === "animation", isFrames = settings.map === "frames";
  element("stages").hidden = isMotion;
  element("motion").replaceChildren(...(isMotion
    ? [image(card.links["0.animation"], `Interior gradients of ${card.name} along the path`)] : []));
  const drawn = sources.map((source, place) => drawStage(source, place, isFrames && frames));
  if (isFrames && !frames) drawn.push({ text: problem || "The interior gradients are being loaded." });
  element("figures").replaceChildren(...drawn.map(({ text }) => make("span", {}, text)));
  element("legends").replaceChildren(...(isFrames || isMotion ? [] : sources.map((source, place) =>
    span("", source.title, colourBar(coloursOf(source), rankingOf(place).strongest, polarityOf(source))))));
  drawPlots(drawn[0].selection);
}

function drawStage(source, place, isFrames) {
  const { title, view, map } = source, polarity = polarityOf(source);
  const { width, height, picture } = view, ranking = rankingOf(place);
  const { raw, sum } = map(), opacity = settings.opacity / 100;
  const selection = carrying(ranking, settings.share / 100, raw);
  const layers = isFrames
    ? [{ source: frames.sheet, crop: frameBox() }, { source: veil(selection, width, height), opacity }]
    : [picture ? { source: picture, filter: BACKDROPS[settings.backdrop] } : null,
      { source: painted(ranking, selection, width, height, coloursOf(source)), opacity }];
  const kind = polarity === "both" ? "attribution by magnitude" : `${polarity} attribution`;
  const text = `${title ? `${title}: ` : ""}The shown pixels, ${FORMATS.count(selection.pixels.length)} of ` +
    `${FORMATS.count(width * height)} (${FORMATS.percent(selection.pixels.length / width / height)}), carry ` +
    `${FORMATS.percent(selection.share)} of the ${kind}. Their values add up to ${signed(selection.sum)}; ` +
    `all pixels, positive and negative, add up to ${signed(sum ?? sumOf(raw))}.`;
  stages[place].show(layers.filter(Boolean), `${opened.name}. ${text}`);
  return { text, selection };
}

// The frame of the chosen step, as a box on the sheet.
function frameBox() {
  const { columns, width, height } = frames, place = frameAt(pathPositions()[settings.step] ?? 1);
  return [place % columns * width, Math.floor(place / columns) * height, width, height];
}

function frameAt(alpha) {
  const distances = frames.alphas.map((other) => Math.abs(other - alpha));
  return distances.length ? distances.indexOf(Math.min(...distances)) : settings.step;
}

// How much of a frame's brightness lies on the shown pixels: where along the path they stand out.
function standingOut(selection) {
  const { alphas, brightness, totals } = frames ?? {}, { width, height } = views[0];
  if (!brightness || !alphas.length || brightness[0].length !== width * height) return null;
  return { x: alphas, y: brightness.map((values, frame) =>
    selection.pixels.reduce((sum, pixel) => sum + values[pixel], 0) / (totals[frame] || 1)) };
}

function drawPlots(selection) {
  const alpha = pathPositions()[settings.step], second = standingOut(selection);
  const plots = views.filter((view) => view.path).flatMap(({ caption, path }) => {
    const half = halfWay(path), last = path.x.length - 1;
    const marks = [{ x: alpha, className: "now" }];
    if (half > 0) marks.push({ x: path.x[half], className: "half" });
    return [make("h3", {}, `${caption} ${path.title}`.trim()), plot(path, { marks, second, onPick: setStep }),
      half > 0 ? make("p", {}, `Half of the score’s change, from ${short(path.y[0])} to ${short(path.y.at(-1))}, ` +
        `is made at step ${half} of ${last} (alpha ${short(path.x[half])}).`) : ""];
  });
  if (second) {
    const peak = second.y.indexOf(Math.max(...second.y));
    plots.push(make("p", {}, "The dashed line is the part of the interior gradients that lies on the shown pixels: " +
      `at most ${FORMATS.percent(second.y[peak])}, at alpha ${short(second.x[peak])}.`));
  }
  const further = views.flatMap((view) => view.curves).flatMap((curve) =>
    [make("h3", {}, curve.title), plot(curve)]);
  element("plots").replaceChildren(...[...plots, ...further].filter((node) => node !== ""));
}
