/// <reference path="panel.js" />
/// <reference path="keys.js" />
// The picture of a view: boxes, arrows, and what the current step does to them.

const READABLE = -1; // as large as the width allows, but readable
const [LEAST, MARGIN] = [0.8, 20]; // the smallest readable size, with letters of 9 pixels; the room around the boxes
const FIT = 0; // all of it at once

class Picture {
  // choose: called for a box that is clicked.
  constructor(place, choose) {
    Object.assign(this, { place, choose, scroll: byId("scroll"), view: NaN, zoom: READABLE });
  }

  get data() {
    return this.place.data.views[this.place.view];
  }

  // Draw the view, if it is another one than before, and mark the step. chosen: a value, or -1.
  show(chosen) {
    if (this.view !== this.place.view) this.draw();
    this.mark(chosen);
  }

  draw() {
    this.view = this.place.view;
    this.sources = new Set(); // the box that one points at, and all that it was computed from
    const { boxes, arrows, width, height } = this.data;
    this.arrows = arrows.map(({ d }) => svgElement("path", { class: "arrow", d }));
    this.boxes = boxes.map((box, i) => this.box(box, i));
    const viewBox = [-MARGIN, -MARGIN, width + 2 * MARGIN, height + 2 * MARGIN].join(" ");
    const attributes = { role: "group", "aria-label": `${boxes.length} boxes, from first to last`, viewBox };
    const shown = this.boxes.map(({ g }) => g);
    oneStop([shown], (_, i) => this.chooseBox(i));
    this.svg = svgElement("svg", attributes, this.arrows, shown);
    fill(this.scroll, this.svg);
    this.resize();
  }

  // A box as an element, with those of its parts that change, and its kind. state: what it shows now.
  box(box, i) {
    const { x, y, w, h, lines, values: count = 0, rows = 0, neurons = 0 } = box;
    const line = (role, text, k) => svgElement("text", { class: role, x: w / 2, y: 21 + 18 * k }, text);
    const words = lines.map(([role, text], k) => line(role, text, k));
    const values = range(count).map((k) => line("value", "", lines.length + k));
    const gradients = range(rows).map((k) => line("grad", "", lines.length + count + k));
    const circles = range(neurons).map((k) => {
      const middle = w / 2 + 50 * (k - (neurons - 1) / 2);
      const circle = svgElement("circle", { cx: middle, cy: 32 + 18 * lines.length, r: 22 });
      return { circle, text: svgElement("text", { class: "value", x: middle, y: 36 + 18 * lines.length }) };
    });
    const texts = [...words, ...values, ...gradients].map((text) => [text, " "]); // the space parts the words of two lines
    const inside = circles.map(({ circle, text }) => [circle, text, " "]);
    const listeners = {
      pointerenter: () => this.follow(i),
      pointerleave: () => this.follow(-1),
      blur: () => this.follow(-1),
      focus: () => g.matches(":focus-visible") && this.follow(i),
    };
    const attributes = { transform: `translate(${x} ${y})`, role: "button", ...listeners };
    const g = svgElement("g", attributes, svgElement("rect", { width: w, height: h, rx: 8 }), texts, inside);
    const kind = this.place.data.values[box.value]?.kind ?? "group";
    return { g, values, gradients, circles, kind: box.outside ? "outside" : kind, state: "" };
  }

  // Choose a box. If that opens a module, its first box gets the focus, at which nobody has pointed.
  chooseBox(i) {
    const { svg } = this;
    this.choose(this.data.boxes[i]);
    if (svg === this.svg) return;
    this.boxes[0].g.focus({ preventScroll: true });
    this.follow(-1);
  }

  // Show what a box was computed from; -1 for none.
  follow(i) {
    this.svg.classList.toggle("following", i >= 0);
    const sources = new Set(i < 0 ? [] : [i]);
    const { arrows } = this.data;
    for (const { from, to } of [...arrows].sort((a, b) => b.to - a.to)) if (sources.has(to)) sources.add(from);
    this.sources = sources;
    this.boxes.forEach(({ g }, k) => g.classList.toggle("source", sources.has(k)));
    this.arrows.forEach((path, k) => path.classList.toggle("source", sources.has(arrows[k].to)));
  }

  // Mark what the step does.
  mark(chosen) {
    const { place } = this;
    const { boxes, arrows } = this.data;
    const { kind } = place.current;
    const backward = kind === "backward";
    const now = place.firing(place.step);
    const touched = new Set(this.touched());
    const waiting = new Set([...place.waiting].map((value) => place.boxOf(value)));
    boxes.forEach((box, i) => {
      const role = box === now ? `now ${kind}` : touched.has(box) && (backward ? "receives" : "feeds");
      this.markBox(box, i, !waiting.has(box), [role, box.value === chosen && "chosen"]);
    });
    arrows.forEach(({ from, to }, k) => {
      const active = boxes[to] === now && touched.has(boxes[from]);
      this.arrows[k].classList.toggle("backward", active && backward);
      this.arrows[k].classList.toggle("now", active && !backward);
    });
    if (now) this.reveal(boxes.indexOf(now));
    else if (kind === "start") {
      this.scroll.scrollTo(0, 0);
      this.reveal(0); // the first of a wide graph may stand far to the right
    }
  }

  // Show what is known of a box. known: whether it is computed.  roles: what it is to the step, and to who looks at it.
  markBox(box, i, known, roles) {
    const { place } = this;
    const made = this.boxes[i];
    const { g, circles } = made;
    const value = place.data.values[box.value];
    const array = known && value && place.array(box.value);
    const gradient = value && place.gradientOf(box.value);
    const marks = ["box", made.kind, !known && "waiting", ...roles, this.sources.has(i) && "source"].filter(Boolean);
    const state = [...marks, array?.text, gradient?.text].join(" ");
    if (state === made.state) return; // what does not change costs the browser nothing
    made.state = state;
    g.setAttribute("class", marks.join(" "));
    const numbers = array && circles.length ? elementsOf(array) : [];
    circles.forEach(({ circle, text }, k) => {
      text.textContent = numbers.length ? number(numbers[k], 3) : "";
      circle.style.fill = numbers.length ? tint(numbers[k], Math.max(1, largest(numbers))) : "none";
    });
    const lines = known && value && !circles.length ? valueRows(value, array, box) : [];
    const rows = gradient ? gradientRows(gradient, box) : [];
    made.values.forEach((line, k) => (line.textContent = lines[k] ?? ""));
    made.gradients.forEach((line, k) => (line.textContent = rows[k] ?? ""));
    g.setAttribute("aria-description", description(value, known, gradient));
  }

  // The boxes of the values that the step takes from, or gives a gradient.
  touched() {
    const { place } = this;
    const run = place.steps.slice(place.run(place.step)[0], place.step + 1);
    const found = run.flatMap(({ kind, value, events }) =>
      kind === "forward" ? place.data.values[value].inputs : (events[0]?.terms ?? []).map(({ to }) => to),
    );
    return found.flatMap((value) => place.boxOf(value) ?? []);
  }

  // Scroll so that a box is seen.
  reveal(i) {
    const { g } = this.boxes[i];
    const [box, frame] = [g.getBoundingClientRect(), this.scroll.getBoundingClientRect()];
    const isSeen =
      box.top >= frame.top && box.bottom <= frame.bottom && box.left >= frame.left && box.right <= frame.right;
    if (!isSeen) g.scrollIntoView({ block: "center", inline: "center" });
  }

  // The size of the picture, by the zoom.
  resize() {
    const [width, height] = [this.data.width + 2 * MARGIN, this.data.height + 2 * MARGIN];
    const across = this.scroll.clientWidth / width;
    const whole = Math.min(across, this.scroll.clientHeight / height, 1.25);
    const scale = { [FIT]: whole, [READABLE]: Math.max(whole, Math.min(across, 1), LEAST) }[this.zoom] ?? this.zoom;
    this.svg.setAttribute("width", String(width * scale));
    this.svg.setAttribute("height", String(height * scale));
  }

  // factor: FIT for all of it.
  zoomBy(factor) {
    const now = this.svg.clientWidth / (this.data.width + 2 * MARGIN);
    this.zoom = factor === FIT ? FIT : Math.min(Math.max(now * factor, 0.15), 4);
    this.resize();
    const box = this.place.firing(this.place.step);
    if (box) this.reveal(this.data.boxes.indexOf(box));
  }
}

// What a screen reader says behind the texts of a box: what its colours say. value: undefined for a module.
function description(value, known, gradient) {
  if (!value) return "a module; Enter opens it";
  return value.kind + (!known ? ", not computed yet" : gradient ? ", with its gradient" : "");
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
  const { low, high } = factsOf(array);
  const range = low === undefined ? "✓" : `${number(low)} … ${number(high)}`;
  const fits = (rows) => rows.every((row) => row.length <= lettersIn(box));
  return [rowsOf(array), [range], ["✓"]].find(fits);
}
