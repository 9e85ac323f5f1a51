// Plots of curves with their evaluated points.
const PLOT = { width: 360, height: 170, left: 52, right: 10, top: 12, bottom: 34 };

// Returns a plot; `marks` are { x, text } as upright lines, `second` another curve from 0 to 1.
function plot(curve, { marks = [], second = null, onPick = null } = {}) {
  const { width, height, left, right, top, bottom } = PLOT;
  const low = Math.min(...curve.y), high = Math.max(...curve.y), spread = high - low || 1;
  const first = curve.x[0], last = curve.x.at(-1), length = last - first || 1;
  const across = (x) => left + (x - first) / length * (width - left - right);
  const up = (y) => height - bottom - (y - low) / spread * (height - top - bottom);
  const line = (points, className) => makeSvg("polyline", {
    class: className, points: points.map(([x, y]) => `${across(x).toFixed(1)},${y.toFixed(1)}`).join(" "),
  });
  const note = (x, y, anchor, text) =>
    makeSvg("text", { x: x.toFixed(1), y: y.toFixed(1), "text-anchor": anchor }, text);
  const root = makeSvg("svg", {
    viewBox: `0 0 ${width} ${height}`, class: "plot", role: "img",
    "aria-label": `${curve.title}: ${curve.y_label} from ${short(curve.y[0])} to ${short(curve.y.at(-1))}, ` +
      `between ${short(low)} and ${short(high)}`,
  });
  root.append(
    makeSvg("line", { class: "axis", x1: left, x2: width - right, y1: height - bottom + 6, y2: height - bottom + 6 }),
    note(left - 6, up(low) + 4, "end", short(low)), note(left - 6, up(high) + 4, "end", short(high)),
    note(left, height - 12, "start", short(first)), note(width - right, height - 12, "end", short(last)),
    note((left + width - right) / 2, height - 12, "middle", curve.x_label));
  if (second) {
    root.append(line(second.x.map((x, place) =>
      [x, height - bottom - second.y[place] * (height - top - bottom)]), "second"));
  }
  root.append(line(curve.x.map((x, place) => [x, up(curve.y[place])]), "curve"));
  for (const { x, className } of marks) {
    root.append(makeSvg("line", {
      class: `mark ${className}`, x1: across(x).toFixed(1), x2: across(x).toFixed(1), y1: top, y2: height - bottom + 6 }));
  }
  curve.x.forEach((x, place) => {
    const point = makeSvg("circle", { class: "point", cx: across(x).toFixed(1), cy: up(curve.y[place]).toFixed(1), r: 2.5 },
      makeSvg("title", {}, `${curve.x_label} ${short(x)}: ${short(curve.y[place])}`));
    if (onPick) point.onclick = () => onPick(place);
    root.append(point);
  });
  return root;
}

// The first point at which a curve has made half of its way from its first to its last value.
function halfWay(curve) {
  const start = curve.y[0], change = curve.y.at(-1) - start;
  return change ? curve.y.findIndex((y) => (y - start) / change >= 0.5) : -1;
}
