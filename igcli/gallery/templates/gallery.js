
"use strict";
(() => {
  const PER_PAGE = 60;
  const element = (id) => document.getElementById(id);
  const page = JSON.parse(element("data").textContent);
  const grid = element("grid"), large = element("large"), search = element("search");
  const show = element("show"), sort = element("sort");
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const folded = (text) => text.normalize("NFC").toLowerCase();
  const cards = page.cards.map((card, place) => ({
    numbers: {}, views: [], warnings: [], label: "", reason: "", ...card, place,
    found: folded(`${card.name}\n${card.label ?? ""}`),
  }));
  const state = { q: "", show: "all", sort: "", page: 0 };
  let shown = cards, current = 0, opened = 0;

  // Texts of others only ever become text: nothing here reads HTML.
  function make(name, properties = {}, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children.filter((child) => child !== null && child !== ""));
    return made;
  }
  const span = (className, text) =>
    text ? make("span", { className, title: text }, text) : null;

  const FORMS = {
    number: (value) => `${Number(value.toPrecision(6))}`,
    signed: (value) => ["−", "", "+"][Math.sign(value) + 1] + FORMS.number(Math.abs(value)),
    percent: (value) => `${Number((100 * value).toPrecision(3))}%`,
    count: (value) => value.toLocaleString("en"),
    index: (value) => `${value}`,
    seconds: (value) => `${Number(value.toPrecision(3))} s`,
  };
  const written = (card, field) =>
    card.numbers[field.key] === undefined ? "–" : FORMS[field.form](card.numbers[field.key]);

  // What is shown, and in which order

  function choose() {
    const words = folded(state.q).split(/\s+/).filter(Boolean);
    shown = cards.filter((card) =>
      (state.show !== "failed" || card.reason) &&
      (state.show !== "warned" || card.warnings.length) &&
      words.every((word) => card.found.includes(word)));
    const [key, way] = state.sort.split("-");
    if (key === "name") {
      const { compare } = new Intl.Collator("en", { numeric: true });
      shown.sort((a, b) => compare(a.name, b.name) || a.place - b.place);
    } else if (key) {
      const sign = way === "down" ? -1 : 1;
      const missing = (card) => card.numbers[key] === undefined;
      shown.sort((a, b) => missing(a) - missing(b) ||
        (missing(a) ? 0 : sign * (a.numbers[key] - b.numbers[key])) || a.place - b.place);
    }
  }

  const pages = () => Math.max(1, Math.ceil(shown.length / PER_PAGE));
  const first = () => state.page * PER_PAGE;

  function draw() {
    state.page = Math.min(Math.max(0, state.page), pages() - 1);
    const part = shown.slice(first(), first() + PER_PAGE);
    current = 0;
    stills.disconnect();
    grid.replaceChildren(...part.map(item));
    if (!part.length) grid.append(make("li", { className: "empty" }, "No image matches."));
    const all = shown.length.toLocaleString("en");
    element("count").textContent = pages() > 1
      ? `${first() + 1}–${first() + part.length} of ${all}`
      : `${all} ${shown.length === 1 ? "image" : "images"}`;
    drawPages();
    keep();
  }

  function drawPages() {
    const step = (text, by) => make("button", {
      type: "button", disabled: !(state.page + by in Array(pages()).fill(0)),
      onclick: () => { turn(state.page + by); scrollTo(0, grid.offsetTop - 80); grid.focus(); },
    }, text);
    element("pages").replaceChildren(...(pages() < 2 ? [] : [
      step("← Previous", -1), `Page ${state.page + 1} of ${pages()}`, step("Next →", 1),
    ]));
  }

  function turn(to) {
    state.page = to;
    draw();
  }

  function change(changed) {
    Object.assign(state, { page: 0 }, changed);
    choose();
    draw();
  }

  // The state stands behind the # of the address, so that going back or reloading keeps it.
  function keep() {
    const kept = new URLSearchParams(
      Object.entries(state).filter(([, value]) => value && value !== "all"));
    history.replaceState(null, "", `#${kept}`);
  }

  function restore() {
    const kept = new URLSearchParams(location.hash.slice(1));
    const known = (select, value) =>
      [...select.options].some((option) => option.value === value) ? value : select.options[0].value;
    search.value = kept.get("q") ?? "";
    show.value = known(show, kept.get("show"));
    sort.value = known(sort, kept.get("sort") ?? "");
    change({ q: search.value, show: show.value, sort: sort.value,
             page: Math.trunc(Number(kept.get("page"))) || 0 });
  }

  // Cards

  function item(card, index) {
    const open = make("button", {
      type: "button", className: "open", tabIndex: index ? -1 : 0,
      onclick: () => enlarge(first() + index), onfocus: () => settle(index),
    });
    if (card.views.length) open.append(span2("views", card.views.map(view)));
    open.append(...[
      span("name", card.name), span("label", card.label), numbers(card),
      ...card.warnings.map((text) => span("warning", `⚠ ${text}`)), span("reason", card.reason),
    ].filter(Boolean));
    const made = make("li", { className: card.reason ? "card failed" : "card" }, open);
    if (card.views.some((one) => one.motion)) hover(made, card, index);
    return made;
  }

  const span2 = (className, children) => make("span", { className }, ...children);

  function numbers(card) {
    if (card.reason) return null;
    return span2("numbers", page.fields.filter((field) => field.sortable).map((field) =>
      span2("", [make("i", {}, `${field.name} `), written(card, field)])));
  }

  function view(one) {
    const picture = span2("picture", []);
    if (one.still) picture.append(image(one.still, "still"));
    else if (one.motion) picture.append(stillOf(one.motion));
    else picture.append(span("missing", "no picture was written"));
    return span2("view", [...(one.caption ? [span("caption", one.caption)] : []), picture]);
  }

  function image(src, className) {
    const made = make("img", { className, alt: "", loading: "lazy", decoding: "async" });
    made.onload = () => { if (className === "still") shape(made); };
    made.onerror = () => made.replaceWith(span("missing", "the file is missing or damaged"));
    made.src = src;
    return made;
  }

  // The first picture says how much room the others will need, so that nothing jumps.
  let shaped = false;
  function shape(made) {
    if (shaped || !made.naturalWidth || made.closest("dialog")) return;
    shaped = true;
    document.documentElement.style.setProperty(
      "--ratio", `${made.naturalWidth} / ${made.naturalHeight}`);
  }

  // Animations

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
    }, "▶ GIF");
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
    made.querySelector(".play").textContent = on ? "■ GIF" : "▶ GIF";
  }

  // One image, large

  function enlarge(place) {
    if (!(place in shown)) return;
    opened = place;
    const card = shown[place];
    element("large-name").textContent = card.name;
    element("large-place").textContent =
      `${(place + 1).toLocaleString("en")} of ${shown.length.toLocaleString("en")}`;
    element("previous").disabled = place === 0;
    element("next").disabled = place === shown.length - 1;
    element("large-body").replaceChildren(
      span2("views", card.views.map(largeView)), ...[
        ...card.warnings.map((text) => span("warning", `⚠ ${text}`)),
        span("reason", card.reason), table(card),
      ].filter(Boolean));
    if (!large.open) large.showModal();
    element("large-body").focus();
    large.scrollTop = 0;
  }

  function largeView(one) {
    const picture = span2("picture", []);
    if (one.still) picture.append(image(one.still, "still"));
    if (one.motion && !(one.still && calm.matches)) picture.append(image(one.motion, "motion"));
    const files = Object.entries(one.files ?? {}).map(([name, href]) => make("a", { href }, name));
    return span2("view", [
      ...(one.caption ? [span("caption", one.caption)] : []), picture, span2("files", files)]);
  }

  function table(card) {
    const made = make("dl", { className: "table" });
    const row = (name, text) => made.append(make("dt", {}, name), make("dd", {}, text));
    if (card.label) row("Label", card.label);
    if (!card.reason) for (const field of page.fields) row(field.name, written(card, field));
    for (const [name, text] of Object.entries(card.texts ?? {})) row(name, text);
    return made;
  }

  function closed() {
    if (Math.floor(opened / PER_PAGE) !== state.page) turn(Math.floor(opened / PER_PAGE));
    focus(opened - first());
  }

  // Keys

  const opens = () => [...grid.querySelectorAll(".open")];

  function settle(index) {
    for (const place of [current, index]) {
      for (const button of grid.children[place].querySelectorAll("button")) {
        button.tabIndex = place === index ? 0 : -1;
      }
    }
    current = index;
  }

  function focus(index) {
    const all = opens();
    all[Math.min(Math.max(0, index), all.length - 1)]?.focus();
  }

  function columns() {
    const tops = opens().map((open) => open.parentElement.offsetTop);
    const wrapped = tops.findIndex((top) => top !== tops[0]);
    return wrapped < 0 ? tops.length : wrapped;
  }

  function move(by) {
    const to = current + by;
    if (!grid.contains(document.activeElement)) return focus(current);
    if (to >= 0 && to < opens().length) return focus(to);
    if (Math.sign(by) + state.page in Array(pages()).fill(0)) {
      turn(state.page + Math.sign(by));
      focus(by > 0 ? 0 : PER_PAGE);
    }
  }

  const MOVES = {
    ArrowRight: () => move(1), ArrowLeft: () => move(-1),
    ArrowDown: () => move(columns()), ArrowUp: () => move(-columns()),
    Home: () => focus(0), End: () => focus(PER_PAGE),
    "/": () => { search.focus(); search.select(); },
    g: () => grid.children[current]?.querySelector(".play")?.click(),
  };
  const LARGE_MOVES = {
    ArrowRight: () => enlarge(opened + 1), ArrowLeft: () => enlarge(opened - 1),
  };

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target === search && ["ArrowDown", "Enter"].includes(event.key)) {
      event.preventDefault();
      return focus(0);
    }
    if (event.target.matches("input, select, pre, summary")) return;
    const act = (large.open ? LARGE_MOVES : MOVES)[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  search.oninput = () => change({ q: search.value });
  show.onchange = () => change({ show: show.value });
  sort.onchange = () => change({ sort: sort.value });
  element("previous").onclick = () => enlarge(opened - 1);
  element("next").onclick = () => enlarge(opened + 1);
  element("close").onclick = () => large.close();
  large.onclose = closed;
  large.onclick = (event) => { if (event.target === large) large.close(); };
  document.onkeydown = pressed;
  onhashchange = restore;
  grid.classList.toggle("wide", cards.some((card) => card.views.length > 1));
  restore();
})();
