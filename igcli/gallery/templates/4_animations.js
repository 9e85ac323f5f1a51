// Animations, which play only on request.
const visibleCanvases = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((entry) => entry.isIntersecting)) {
    visibleCanvases.unobserve(entry.target);
    drawFirstFrame(entry.target);
  }
}, { rootMargin: "300px" });

// An animation in an <img> always plays; a canvas shows its first frame.
function firstFrame(motion) {
  const canvas = make("canvas", { className: "still", width: 0, height: 0 });
  canvas.dataset.source = motion;
  visibleCanvases.observe(canvas);
  return canvas;
}

function drawFirstFrame(canvas) {
  const animation = make("img", { alt: "" });
  animation.onload = () => {
    canvas.width = animation.naturalWidth;
    canvas.height = animation.naturalHeight;
    canvas.getContext("2d").drawImage(animation, 0, 0);
    reserveSpace(animation);
  };
  animation.onerror = () =>
    canvas.replaceWith(textSpan("missing", "the file is missing or damaged"));
  animation.src = canvas.dataset.source;
}

function makePlayable(item, card, index) {
  const button = make("button", {
    type: "button", className: "play", tabIndex: index ? -1 : 0,
    onclick: () => play(item, card, !item.dataset.playing),
  }, "▶ Play");
  button.setAttribute("aria-label", `Play the animation of ${card.name}`);
  item.append(button);
  item.classList.add("playable");
  item.onpointerenter = (event) => {
    if (event.pointerType === "mouse" && !reducedMotion.matches) play(item, card, true);
  };
  item.onpointerleave = (event) => {
    if (event.pointerType === "mouse") play(item, card, false);
  };
}

function play(item, card, on) {
  for (const animation of item.querySelectorAll(".motion")) animation.remove();
  const pictures = item.querySelectorAll(".picture");
  card.views.forEach((view, index) => {
    if (on && view.motion) pictures[index].append(image(view.motion, "motion"));
  });
  if (on) item.dataset.playing = "true"; else delete item.dataset.playing;
  item.querySelector(".play").textContent = on ? "■ Stop" : "▶ Play";
}
