// The picture of a view: boxes, arrows, and what the current step does to them.

const READABLE = -1; // as large as the width allows, but readable
const FIT = 0; // all of it at once

class Picture {
  // choose: called for a box that is clicked.
  constructor(place, choose) {
    this.place = place;
    this.choose = choose;
    this.scroll = byId("scroll");
    this.view = NaN;
    this.zoom = READABLE;
    this.focused = 0;
    this.boxes = [];
    // of each box: its kind, and what it shows now.
    this.kinds = [];
    this.states = [];
    // the box that one points at, and all that it was computed from.
    this.sources = new Set();
    this.arrows = [];
    this.svg = null;
    this.values = [];
    this.circles = [];
    this.gradients = [];
  }

  get data() {
    return this.place.viewData(this.place.view);
  }

  // Draw the view, if it is another one than before, and mark the step. chosen: a value, or -1.
  show(chosen) {
    if (this.view !== this.place.view) this.draw();
    this.mark(chosen);
  }

  draw() {
    this.view = this.place.view;
    const { boxes, arrows, width, height } = this.data;
    const svg = svgElement("svg", { role: "group", "aria-label": `${boxes.length} boxes, from first to last` });
    svg.setAttribute("viewBox", `-8 -8 ${width + 16} ${height + 16}`);
    const head = (id, orient) =>
      svgElement("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 9, markerHeight: 9, orient, markerUnits: "userSpaceOnUse" },
        svgElement("path", { d: "M0 0 8 4 0 8z" }));
    svg.append(svgElement("defs", {}, head("head", "auto"), head("tail", "auto-start-reverse")));
    this.arrows = arrows.map((arrow) => {
      const path = svgElement("path", { class: "arrow", d: arrow.d, "marker-end": "url(#head)" });
      svg.append(path);
      return path;
    });
    this.values = [];
    this.circles = [];
    this.gradients = [];
    this.states = [];
    this.sources = new Set();
    this.kinds = boxes.map((box) => (box.outside ? "outside" : box.value === undefined ? "group" : this.place.data.values[box.value].kind));
    this.boxes = boxes.map((box, i) => this.box(box, i, svg));
    this.focused = 0;
    this.svg = svg;
    this.scroll.replaceChildren(svg);
    this.resize();
  }

  box(box, i, svg) {
    const g = svgElement("g", { transform: `translate(${box.x} ${box.y})`, role: "button", tabindex: i ? -1 : 0 });
    g.append(svgElement("rect", { width: box.w, height: box.h, rx: 8 }));
    const { lines, values, rows, neurons } = box;
    const line = (role, text, k) => svgElement("text", { class: role, x: box.w / 2, y: 21 + 18 * k }, text);
    const texts = [
      ...lines.map(([role, text], k) => line(role, text, k)),
      ...Array.from({ length: values }, (_, k) => line("value", "", lines.length + k)),
      ...Array.from({ length: rows }, (_, k) => line("grad", "", lines.length + values + k)),
    ];
    g.append(...texts.flatMap((text) => [text, " "])); // the space parts the words of two lines
    const middle = (k) => box.w / 2 + 50 * (k - (neurons - 1) / 2);
    this.circles.push(Array.from({ length: neurons }, (_, k) => {
      const circle = svgElement("circle", { cx: middle(k), cy: 32 + 18 * lines.length, r: 22 });
      const text = svgElement("text", { class: "value", x: middle(k), y: 36 + 18 * lines.length });
      g.append(circle, text, " ");
      return { circle, text };
    }));
    this.values.push(texts.slice(lines.length, lines.length + values));
    this.gradients.push(texts.slice(lines.length + values));
    g.addEventListener("click", () => this.choose(box));
    g.addEventListener("pointerenter", () => this.follow(i));
    g.addEventListener("pointerleave", () => this.follow(-1));
    g.addEventListener("focus", () => {
      this.focusOn(i, false);
      if (g.matches(":focus-visible")) this.follow(i);
    });
    g.addEventListener("blur", () => this.follow(-1));
    svg.append(g);
    return g;
  }

  // Give a box the place in the order of the Tab key; all others have none. move: whether the focus goes there too.
  focusOn(i, move) {
    const to = Math.min(Math.max(i, 0), this.boxes.length - 1);
    this.boxes[this.focused]?.setAttribute("tabindex", "-1");
    this.focused = to;
    this.boxes[to]?.setAttribute("tabindex", "0");
    if (move) this.boxes[to]?.focus();
  }

  // Show what a box was computed from; -1 for none.
  follow(i) {
    this.svg?.classList.toggle("following", i >= 0);
    const sources = new Set(i < 0 ? [] : [i]);
    const { arrows } = this.data;
    for (const { from, to } of [...arrows].sort((a, b) => b.to - a.to)) if (sources.has(to)) sources.add(from);
    this.sources = sources;
    this.boxes.forEach((box, k) => box.classList.toggle("source", sources.has(k)));
    this.arrows.forEach((path, k) => path.classList.toggle("source", sources.has(arrows[k].to)));
  }

  // Mark what the step does.
  mark(chosen) {
    const { place } = this;
    const { boxes, arrows } = this.data;
    const { kind } = place.current;
    const now = place.firing(place.step);
    const touched = new Set(this.touched());
    boxes.forEach((box, i) => {
      const g = this.boxes[i];
      const known = box.value === undefined ? place.isThrough(box.group ?? 0) : place.isKnown(box.value);
      const array = box.value === undefined ? -1 : place.gradientOf(box.value);
      const backward = kind === "backward";
      const marks = [
        this.kinds[i],
        known ? "" : "waiting",
        i === now ? `now ${kind}` : "",
        i !== now && touched.has(i) ? (backward ? "receives" : "feeds") : "",
        box.value !== undefined && box.value === chosen ? "chosen" : "",
      ].filter((mark) => mark).join(" ");
      const value = known && box.value !== undefined ? place.data.values[box.value] : null;
      const state = `${marks} ${array} ${value?.value}`;
      if (state === this.states[i]) return; // what does not change costs the browser nothing
      this.states[i] = state;
      g.setAttribute("class", `box ${marks}${this.sources.has(i) ? " source" : ""}`);
      const values = value && !this.circles[i].length ? valueRows(value, place.data.arrays[value.value], box) : [];
      const rows = array < 0 ? [] : gradientRows(place.data.arrays[array], box);
      const inside = value && this.circles[i].length ? elementsOf(place.data.arrays[value.value]) : [];
      this.circles[i].forEach(({ circle, text }, k) => {
        text.textContent = inside.length ? number(inside[k], 3) : "";
        circle.style.fill = inside.length ? tint(inside[k], Math.max(1, largest(inside))) : "none";
      });
      this.values[i].forEach((line, k) => (line.textContent = values[k] ?? ""));
      this.gradients[i].forEach((line, k) => (line.textContent = rows[k] ?? ""));
      g.setAttribute("aria-description", this.description(box, known, rows));
    });
    this.arrows.forEach((path, k) => {
      const active = arrows[k].to === now && touched.has(arrows[k].from);
      const mark = active ? (kind === "backward" ? "arrow backward" : "arrow now") : "arrow";
      if (path.dataset.mark === mark) return;
      path.dataset.mark = mark;
      path.setAttribute("class", this.sources.has(arrows[k].to) ? `${mark} source` : mark);
      const back = active && kind === "backward";
      path.setAttribute(back ? "marker-start" : "marker-end", back ? "url(#tail)" : "url(#head)");
      path.removeAttribute(back ? "marker-end" : "marker-start");
    });
    if (now !== undefined) this.reveal(now);
    else if (kind === "start") this.scroll.scrollTo({ top: 0 });
  }

  // The boxes of the values that the step takes from, or gives a gradient.
  touched() {
    const { place } = this;
    const found = [];
    for (let step = place.runStart(place.step); step <= place.step; step += 1) {
      const { kind, value, events } = place.steps[step];
      if (kind === "forward") found.push(...place.data.values[value].inputs);
      if (kind === "backward") found.push(...events[0].terms.map((term) => term.to));
    }
    return found.flatMap((value) => place.boxOf(value) ?? []);
  }

  // What a screen reader says behind the texts of a box: what its colours say.
  description(box, known, gradient) {
    if (box.group !== undefined) return "a module; Enter opens it";
    const { kind } = this.place.data.values[box.value ?? 0];
    return `${kind === "leaf" ? "parameter" : kind}${known ? (gradient.length ? ", with its gradient" : "") : ", not computed yet"}`;
  }

  // Scroll so that a box is seen.
  reveal(i) {
    const { boxes, width, height } = this.data;
    const [box, scroll, svg] = [boxes[i], this.scroll, this.svg];
    if (!svg) return;
    const scale = svg.clientWidth / (width + 16);
    const [left, top] = [svg.getBoundingClientRect().left - scroll.getBoundingClientRect().left + scroll.scrollLeft, 0];
    const [x, y] = [left + (box.x + box.w / 2 + 8) * scale, top + (box.y + box.h / 2 + 8) * scale];
    const far = Math.abs(y - scroll.scrollTop - scroll.clientHeight / 2) > scroll.clientHeight / 2 - box.h * scale;
    const aside = Math.abs(x - scroll.scrollLeft - scroll.clientWidth / 2) > scroll.clientWidth / 2 - (box.w * scale) / 2;
    if (far || aside) scroll.scrollTo({ left: x - scroll.clientWidth / 2, top: y - scroll.clientHeight / 2 });
  }

  // The size of the picture, by the zoom.
  resize() {
    const { width, height } = this.data;
    const across = (this.scroll.clientWidth - 8) / (width + 16);
    const whole = Math.min(across, (this.scroll.clientHeight - 8) / (height + 16), 1.25);
    const least = this.scroll.clientWidth < 500 ? 0.4 : 0.75; // on a phone one sees the width first
    const scale = this.zoom === FIT ? whole : this.zoom === READABLE ? Math.max(whole, Math.min(across, 1), least) : this.zoom;
    this.svg?.setAttribute("width", String((width + 16) * scale));
    this.svg?.setAttribute("height", String((height + 16) * scale));
  }

  // factor: FIT for all of it.
  zoomBy(factor) {
    const { width } = this.data;
    const now = (this.svg?.clientWidth ?? width) / (width + 16);
    this.zoom = factor === FIT ? FIT : Math.min(Math.max(now * factor, 0.15), 4);
    this.resize();
    const box = this.place.firing(this.place.step);
    if (box !== undefined) this.reveal(box);
  }
}

// The letters that a line of a box has room for.
const lettersIn = (box) => Math.floor((box.w - 10) / 7);

// A small array as one line per row.
const rowsOf = (array) => array.text.replaceAll("], [", "],|[").split("|");

// The lines of a value in a box: its numbers or, if there are many, their shape.
function valueRows(value, array, box) {
  if (!array || sizeOf(array.shape) > 8) return [`shape ${shapeText(value.shape)}`];
  const most = lettersIn(box);
  return rowsOf(array).map((row) => (row.length <= most ? row : `${row.slice(0, most - 1)}…`));
}

// The lines of a gradient in a box: its numbers or, if there are many, their range.
function gradientRows(array, box) {
  const rows = rowsOf(array);
  const most = lettersIn(box);
  if (rows.every((row) => row.length <= most)) return rows;
  const { low, high } = factsOf(array);
  const range = low === undefined ? "✓" : `${number(low, array.digits)} … ${number(high, array.digits)}`;
  return [range.length <= most ? range : "✓"];
}

// Whether a group is another one, or in it.
function isWithin(data, inner, outer) {
  let group = inner;
  while (group >= 0 && group !== outer) group = data.groups[group].parent;
  return group === outer;
}
