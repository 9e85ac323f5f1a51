// Animations, which play only when they are asked to.
const stills = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((one) => one.isIntersecting)) {
    stills.unobserve(entry.target);
    drawStill(entry.target);
  }
}, { rootMargin: "300px" });

// An animation in an <img> always plays; a canvas shows its first frame.
function stillOf(motion) {
  const canvas = make("canvas", { className: "still", width: 0, height: 0 });
  canvas.dataset.source = motion;
  stills.observe(canvas);
  return canvas;
}

function drawStill(canvas) {
  const animation = make("img", { alt: "" });
  animation.onload = () => {
    canvas.width = animation.naturalWidth;
    canvas.height = animation.naturalHeight;
    canvas.getContext("2d").drawImage(animation, 0, 0);
    shape(animation);
  };
  animation.onerror = () =>
    canvas.replaceWith(span("missing", "the file is missing or damaged"));
  animation.src = canvas.dataset.source;
}

function hover(made, card, index) {
  const button = make("button", {
    type: "button", className: "play", tabIndex: index ? -1 : 0,
    onclick: () => play(made, card, !made.dataset.playing),
  }, "▶ Play");
  button.setAttribute("aria-label", `Play the animation of ${card.name}`);
  made.append(button);
  made.classList.add("playable");
  made.onpointerenter = (event) => {
    if (event.pointerType === "mouse" && !calm.matches) play(made, card, true);
  };
  made.onpointerleave = (event) => {
    if (event.pointerType === "mouse") play(made, card, false);
  };
}

function play(made, card, on) {
  for (const one of made.querySelectorAll(".motion")) one.remove();
  const pictures = made.querySelectorAll(".picture");
  card.views.forEach((one, place) => {
    if (on && one.motion) pictures[place].append(image(one.motion, "motion"));
  });
  if (on) made.dataset.playing = "true"; else delete made.dataset.playing;
  made.querySelector(".play").textContent = on ? "■ Stop" : "▶ Play";
}
