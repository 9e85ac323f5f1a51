// The controls of the view, and what is drawn and said when they change.
const settings = {
  map: "0", backdrop: "grey", colours: "viridis", polarity: "positive",
  opacity: 100, share: 50, smoothing: 0, step: 0,
};
const BACKDROPS = { plain: "none", grey: "grayscale(1) brightness(.8)", dark: "grayscale(1) brightness(.35)" };
const rankings = new Map();
const workings = {}; // The elements that `update` fills.

let sources = []; // What the stages show: { title, view, map }.

function workbench() {
  const choices = mapOptions();
  if (!choices.some(([value]) => value === settings.map)) settings.map = choices[0][0];
  sources = stageSources();
  stages = sources.map((source) => new Stage(source.view.width, source.view.height, (place) =>
    `attribution ${signed(source.map().raw[place])}`));
  Object.assign(workings, {
    said: make("p", { role: "status", className: "figures" }), legends: span("legends"),
    motion: make("div", { className: "pictures" }), plots: make("div", { className: "plots" }),
    stages: make("div", { className: `stages of-${stages.length}` }, stages.map((stage, place) =>
      make("figure", {}, sources[place].title ? make("figcaption", {}, sources[place].title) : "",
        stage.canvas, stage.readout))),
  });
  const zoom = make("div", { className: "zoom", role: "group", "aria-label": "Zoom" },
    button("−", () => zoomBy(1 / 1.5), { "aria-label": "Zoom out" }),
    button("+", () => zoomBy(1.5), { "aria-label": "Zoom in" }), button("Whole image", resetCamera));
  const hint = make("p", { className: "hint" }, "Point at a pixel to read it, or move with Shift and an arrow key.");
  const last = pathPositions().length - 1;
  const half = views[0].path ? halfWay(views[0].path) : -1;
  settings.step = half < 0 ? last : half;
  workings.problem = "";
  return make("div", { className: "workbench" },
    make("div", {}, workings.stages, workings.motion, zoom, hint, workings.said),
    make("div", { className: "controls" },
      choices.length > 1 ? choice("Show", "map", choices) : "",
      slider("Share of the attribution shown", "share", [1, 100, 1], (value) => `${value}%`),
      slider("Opacity", "opacity", [0, 100, 5], (value) => `${value}%`),
      slider("Smoothing", "smoothing", [0, 8, 0.5], (value) => value ? `${value} pixels` : "none"),
      choice("Sign", "polarity", [["positive", "Positive"], ["negative", "Negative"], ["both", "Both"]]),
      choice("Colours", "colours", [["viridis", "Viridis"], ["cividis", "Cividis"], [DIVERGING, "Blue and orange"]]),
      workings.legends,
      choice("Image", "backdrop", [["plain", "As it is"], ["grey", "Grey"], ["dark", "Dark"]]),
      last > 0 ? slider("Step", "step", [0, last, 1], stepText) : "", workings.plots));
}

// One stage for each run; for two, their difference as well.
function stageSources() {
  const whole = views.filter((view) => view.maps[0]?.raw);
  const found = whole.map((view) => ({ title: view.caption, view, map: () => view.maps[Number(settings.map) || 0] }));
  const [a, b] = whole;
  if (!b || a.width !== b.width || a.height !== b.height) return found;
  const raw = a.maps[0].raw.map((value, place) => value - b.maps[0].raw[place]);
  return [...found, { title: `${a.caption} − ${b.caption}`, view: a, map: () => ({ raw }), isDifference: true }];
}

function mapOptions() {
  if (views.length > 1) return [["0", ""]];
  const options = views[0].maps.map((map, place) => [`${place}`, `${map.method}: ${map.label}`])
    .filter((_, place) => views[0].maps[place].raw);
  if (opened.links.frames) options.push(["frames", "Interior gradients"]);
  if (opened.links["0.animation"]) options.push(["animation", "Animation"]);
  return options;
}

function pathPositions() {
  return views[0].path?.x ?? frames?.alphas ?? [];
}

function stepText(place) {
  const { path } = views[0], positions = pathPositions();
  return `${place} of ${positions.length - 1}, alpha ${short(positions[place])}` +
    (path ? `: score ${short(path.y[place])}` : "");
}

function slider(name, key, [min, max, step], format) {
  const output = make("output", { "aria-hidden": "true" });
  const input = make("input", { type: "range", min, max, step, value: settings[key], "data-setting": key });
  const tell = () => {
    output.textContent = format(settings[key]);
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.oninput = () => {
    settings[key] = Number(input.value);
    tell();
    update();
  };
  tell();
  return make("label", { className: "slider" }, make("span", {}, name), input, output);
}

function setStep(place) {
  const input = large.querySelector("[data-setting=step]");
  input.value = place;
  input.oninput();
}

function choice(name, key, options) {
  return make("fieldset", {}, make("legend", {}, name), ...options.map(([value, text]) => {
    const input = make("input", { type: "radio", name: key, value, checked: settings[key] === value });
    input.onchange = () => { settings[key] = value; update(); };
    return make("label", { className: "option" }, input, make("span", {}, text));
  }));
}

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
    if (opened === card) workings.problem = error.message;
  }
  if (opened === card) update();
}

function update() {
  const card = opened, isMotion = settings.map === "animation", isFrames = settings.map === "frames";
  workings.stages.hidden = isMotion;
  workings.motion.replaceChildren(...(isMotion
    ? [image(card.links["0.animation"], `Interior gradients of ${card.name} along the path`)] : []));
  const drawn = sources.map((source, place) => drawStage(source, place, isFrames && frames));
  if (isFrames && !frames) drawn.push({ text: workings.problem || "The interior gradients are being loaded." });
  workings.said.replaceChildren(...drawn.map(({ text }) => make("span", {}, text)));
  workings.legends.replaceChildren(...(isFrames || isMotion ? [] : sources.map((source, place) =>
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
  const text = `${title ? `${title}: ` : ""}The shown pixels, ${FORMATS.count(selection.count)} of ` +
    `${FORMATS.count(width * height)} (${FORMATS.percent(selection.count / width / height)}), carry ` +
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
  const { alphas, brightness } = frames ?? {}, { width, height } = views[0];
  if (!brightness || !alphas.length || brightness[0].length !== width * height) return null;
  const y = brightness.map((values) => {
    const inside = values.reduce((sum, value, place) => sum + (selection.isShown[place] ? value : 0), 0);
    return inside / (sumOf(values) || 1);
  });
  return { x: alphas, y };
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
  workings.plots.replaceChildren(...[...plots, ...further].filter((node) => node !== ""));
}
