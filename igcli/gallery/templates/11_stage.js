// A picture to look into: zoomed, moved, and read pixel by pixel. All stages share one camera, so
// that two runs show the same place.
const MOST = 8; // Pixels across at the largest zoom.
const camera = { zoom: 1, x: 0.5, y: 0.5 };
const cursor = { x: -1, y: -1 };

class Stage {
  constructor(width, height, describe) {
    this.size = { width, height };
    this.describe = describe;
    this.layers = [];
    this.fingers = new Map();
    this.canvas = make("canvas", { tabIndex: 0, className: "stage", role: "img" });
    this.readout = make("output", { className: "readout" });
    this.canvas.style.setProperty("aspect-ratio", `${width} / ${height}`);
    const { canvas } = this;
    canvas.onwheel = (event) => this.onWheel(event);
    canvas.onpointerdown = (event) => this.onPress(event);
    canvas.onpointermove = (event) => this.onMove(event);
    canvas.onpointerup = canvas.onpointercancel = (event) => this.fingers.delete(event.pointerId);
    canvas.onpointerleave = () => { if (document.activeElement !== canvas) setCursor(-1, -1); };
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  // Layers are drawn from the bottom up: { source, opacity, filter, crop }.
  show(layers, label) {
    this.layers = layers;
    this.canvas.setAttribute("aria-label", label);
    this.draw();
  }

  draw() {
    const { canvas, size } = this, ratio = devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * ratio);
    if (!width) return;
    canvas.width = width;
    canvas.height = Math.round(width * size.height / size.width);
    const context = canvas.getContext("2d"), scale = camera.zoom * width / size.width;
    context.translate(canvas.width / 2, canvas.height / 2);
    context.scale(scale, scale);
    context.translate(-camera.x * size.width, -camera.y * size.height);
    context.imageSmoothingEnabled = scale < 1.5;
    for (const { source, opacity = 1, filter = "none", crop } of this.layers) {
      context.globalAlpha = opacity;
      context.filter = filter;
      const from = crop ?? [0, 0, source.width, source.height];
      context.drawImage(source, ...from, 0, 0, size.width, size.height);
    }
    context.filter = "none";
    context.globalAlpha = 1;
    if (cursor.x >= 0 && scale > 5 * ratio) {
      for (const [colour, line] of [["#000", 3], ["#fff", 1]]) {
        context.strokeStyle = colour;
        context.lineWidth = line * ratio / scale;
        context.strokeRect(cursor.x, cursor.y, 1, 1);
      }
    }
    this.readout.textContent = cursor.x < 0 ? ""
      : `x ${cursor.x}, y ${cursor.y}: ${this.describe(cursor.y * size.width + cursor.x)}`;
  }

  // Where an event is, as a fraction of the canvas and as a place on the image.
  at(event) {
    const box = this.canvas.getBoundingClientRect();
    const across = (event.clientX - box.x) / box.width, down = (event.clientY - box.y) / box.height;
    return { across, down, x: camera.x + (across - 0.5) / camera.zoom, y: camera.y + (down - 0.5) / camera.zoom };
  }

  onWheel(event) {
    const factor = Math.exp(-event.deltaY / 300);
    if (factor < 1 && camera.zoom <= 1) return; // Let the page scroll.
    event.preventDefault();
    this.zoomAt(this.at(event), factor);
  }

  zoomAt({ across, down, x, y }, factor) {
    camera.zoom = Math.min(Math.max(camera.zoom * factor, 1), Math.max(1, this.size.width / MOST));
    placeCamera(x - (across - 0.5) / camera.zoom, y - (down - 0.5) / camera.zoom);
  }

  onPress(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, event);
    this.onMove(event);
  }

  onMove(event) {
    const before = this.fingers.get(event.pointerId), box = this.canvas.getBoundingClientRect();
    if (before) {
      const others = [...this.fingers.values()].filter((finger) => finger.pointerId !== event.pointerId);
      this.fingers.set(event.pointerId, event);
      const distance = (finger) =>
        Math.hypot(finger.clientX - others[0].clientX, finger.clientY - others[0].clientY) || 1;
      if (others.length === 1) this.zoomAt(this.at(others[0]), distance(event) / distance(before));
      else placeCamera(camera.x - (event.clientX - before.clientX) / box.width / camera.zoom,
        camera.y - (event.clientY - before.clientY) / box.height / camera.zoom);
    }
    const { x, y } = this.at(event);
    setCursor(Math.floor(x * this.size.width), Math.floor(y * this.size.height));
  }
}

let stages = [];
const drawStages = () => stages.forEach((stage) => stage.draw());

function placeCamera(x, y) {
  const margin = 0.5 / camera.zoom;
  camera.x = Math.min(Math.max(x, margin), 1 - margin);
  camera.y = Math.min(Math.max(y, margin), 1 - margin);
  for (const { canvas } of stages) canvas.classList.toggle("zoomed", camera.zoom > 1);
  drawStages();
}

function zoomBy(factor) {
  const on = cursor.x < 0 ? { x: camera.x, y: camera.y } : {
    x: (cursor.x + 0.5) / stages[0].size.width, y: (cursor.y + 0.5) / stages[0].size.height };
  stages[0]?.zoomAt({ ...on, across: 0.5 + (on.x - camera.x) * camera.zoom,
    down: 0.5 + (on.y - camera.y) * camera.zoom }, factor);
}

function resetCamera() {
  camera.zoom = 1;
  placeCamera(0.5, 0.5);
}

function setCursor(x, y) {
  if (!stages.length) return; // The pointer leaves a picture that is no longer shown.
  const { width, height } = stages[0].size;
  Object.assign(cursor, x < 0 || y < 0 || x >= width || y >= height ? { x: -1, y: -1 } : { x, y });
  drawStages();
}

// The cursor by keys; the camera follows it.
function moveCursor(right, down) {
  if (!stages.length) return;
  const { width, height } = stages[0].size;
  const from = cursor.x < 0 ? { x: Math.floor(camera.x * width), y: Math.floor(camera.y * height) } : cursor;
  const x = Math.min(Math.max(from.x + right, 0), width - 1);
  const y = Math.min(Math.max(from.y + down, 0), height - 1);
  setCursor(x, y);
  const reach = 0.45 / camera.zoom, follow = (eye, place) => Math.min(Math.max(eye, place - reach), place + reach);
  placeCamera(follow(camera.x, (x + 0.5) / width), follow(camera.y, (y + 0.5) / height));
}
