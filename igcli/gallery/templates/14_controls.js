// The controls of the view, and what they choose.
const controls = element("controls");
const settings = {}; // The values of the controls, by name.
const TEXTS = {
  share: (value) => `${value}%`, opacity: (value) => `${value}%`, step: stepText,
  smoothing: (value) => value ? `${value} pixels` : "none",
};
let sources = []; // What the stages show: { title, view, map }.

function readControls() {
  for (const input of controls.querySelectorAll("input")) {
    const { setting } = input.dataset;
    if (input.checked) settings[input.name] = input.value;
    if (!setting) continue;
    settings[setting] = Number(input.value);
    input.nextSibling.textContent = TEXTS[setting](settings[setting]);
    input.setAttribute("aria-valuetext", input.nextSibling.textContent);
  }
}

// Fits the workbench to the opened image; choices stay as they are from image to image.
function fillWorkbench() {
  const options = mapOptions();
  const known = options.some(([value]) => value === settings.map) ? settings.map : options[0][0];
  element("maps").hidden = options.length < 2;
  element("maps").replaceChildren(make("legend", {}, "Show"), ...options.map(([value, text]) =>
    make("label", { className: "option" },
      make("input", { type: "radio", name: "map", value, checked: value === known }), span("", text))));
  const { path } = views[0], half = path ? halfWay(path) : -1, last = pathPositions().length - 1;
  const input = stepInput();
  input.parentElement.hidden = last < 1;
  input.max = Math.max(last, 0);
  input.value = half < 0 ? last : half;
  problem = "";
  settings.map = known;
  sources = stageSources();
  stages = sources.map((source) => new Stage(source.view.width, source.view.height, (place) =>
    `attribution ${signed(source.map().raw[place])}`));
  element("stages").className = `stages of-${stages.length}`;
  element("stages").replaceChildren(...stages.map(({ canvas, readout }, place) => make("figure", {},
    sources[place].title ? make("figcaption", {}, sources[place].title) : "", canvas, readout)));
  readControls();
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

const stepInput = () => controls.querySelector("[data-setting=step]");

function setStep(place) {
  stepInput().value = place;
  controls.oninput();
}
