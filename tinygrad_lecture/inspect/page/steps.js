// The steps of a page, and which of them a view shows.

// The start, each result forward, each step of backward, the end. A value that is another one in another shape has no
// steps of its own: backward through it is part of the step that gave it its gradient.
function stepsOf(data) {
  const steps = [{ kind: "start", value: -1, events: [] }];
  data.values.forEach((value, i) => {
    if (value.kind === "result" && value.folded < 0) steps.push({ kind: "forward", value: i, events: [] });
  });
  const given = new Map(); // value -> the step that gave to it last
  for (const event of data.steps) {
    const ends = [event.value, ...event.terms.map(({ to }) => to)];
    const at = data.values[event.value].folded < 0 ? steps.length : Math.max(...ends.map((i) => given.get(i) ?? 0));
    if (at === steps.length) steps.push({ kind: "backward", value: event.value, events: [] });
    steps[at].events.push(event);
    for (const { to } of event.terms) given.set(to, at);
  }
  steps.push({ kind: "done", value: -1, events: [] });
  return steps;
}

// Where one is: a step, and a view. The view -1 is the one of all values, without modules.
class Place {
  constructor(data) {
    this.data = data;
    this.addUp();
    this.step = 0;
    this.view = data.flat && data.values.length <= 40 ? -1 : 0;
    this.places = new Map();
    this.firstBackward = this.steps.findIndex((step) => step.kind === "backward");
    if (this.firstBackward < 0) this.firstBackward = this.steps.length - 1;
    this.firedAt = new Map(this.steps.flatMap((step, i) => (step.kind === "forward" ? [[step.value, i]] : [])));
    // of each group, the last step forward that is in it.
    this.lastIn = data.groups.map(() => 0);
    this.steps.forEach((step, i) => {
      if (step.kind !== "forward") return;
      for (let group = data.values[step.value].group; group >= 0; group = data.groups[group].parent) this.lastIn[group] = i;
    });
  }

  // Sets the steps, and what gradients there are at each; again when the page has computed others.
  addUp() {
    this.steps = stepsOf(this.data);
    this.sums = new Map(); // value -> [step, its gradient from then on]
    this.steps.forEach((step, i) => {
      for (const event of step.events) {
        for (const [value, array] of [[event.value, event.upstream], ...event.terms.map((term) => [term.to, term.after])]) {
          this.sums.set(value, [...(this.sums.get(value) ?? []), [i, array]]);
        }
      }
    });
  }

  get current() {
    return this.steps[this.step];
  }

  viewData(view) {
    return (view < 0 ? this.data.flat : null) ?? this.data.views[Math.max(view, 0)];
  }

  // The value that one is in another shape, most often itself.
  source(value) {
    return value < 0 || this.data.values[value].folded < 0 ? value : this.data.values[value].folded;
  }

  // The values that one is computed from.
  inputs(value) {
    return [...new Set(this.data.values[value].inputs.filter((i) => i >= 0).map((i) => this.source(i)))];
  }

  // The box of a view that stands for a value, undefined if none does.
  boxOf(folded, view = this.view) {
    if (folded < 0) return undefined;
    const value = this.source(folded);
    let places = this.places.get(view);
    if (!places) {
      places = new Map();
      this.viewData(view).boxes.forEach((box, i) => {
        if (box.value !== undefined) places?.set(box.value, i);
        else if (box.group !== undefined) places?.set(-1 - box.group, i);
      });
      this.places.set(view, places);
    }
    const own = places.get(value);
    if (own !== undefined || view < 0) return own;
    let group = this.data.values[value].group;
    while (group >= 0) {
      const held = places.get(-1 - group);
      if (held !== undefined) return held;
      group = this.data.groups[group].parent;
    }
    return undefined;
  }

  // The box that fires at a step: of a value that comes from outside none does.
  firing(step, view = this.view) {
    const box = this.boxOf(this.steps[step].value, view);
    return box === undefined || this.viewData(view).boxes[box].outside ? undefined : box;
  }

  // The nearest view, from this one outwards, in which a step fires.
  viewFor(step) {
    let view = this.view;
    while (view > 0 && this.firing(step, view) === undefined) view = this.data.groups[view].parent;
    return Math.max(view, this.data.flat ? -1 : 0);
  }

  // Whether two neighbouring steps are one in a view: in the same module, in the same direction.
  runsOn(step) {
    const [a, b] = [this.steps[step], this.steps[step + 1]];
    if (!b || a.kind !== b.kind) return false;
    const box = this.firing(step);
    return box !== undefined && this.viewData(this.view).boxes[box].group !== undefined && box === this.firing(step + 1);
  }

  // The first step of the run that a step ends.
  runStart(step) {
    let start = step;
    while (start > 0 && this.runsOn(start - 1)) start -= 1;
    return start;
  }

  forward() {
    if (this.step === this.steps.length - 1) return;
    this.step += 1;
    const { kind } = this.current;
    if (kind === "forward" || kind === "backward") this.view = this.viewFor(this.step);
    while (this.runsOn(this.step)) this.step += 1;
  }

  backward() {
    if (this.step === 0) return;
    this.step = this.runStart(this.step) - 1;
    const { kind } = this.current;
    if (kind === "forward" || kind === "backward") this.view = this.viewFor(this.step);
  }

  go(step) {
    this.step = Math.min(Math.max(Math.trunc(step) || 0, 0), this.steps.length - 1);
  }

  // Whether a value is computed by now.
  isKnown(value) {
    const fired = this.firedAt.get(value);
    return fired === undefined || fired <= this.step;
  }

  // Whether all of a module is computed by now.
  isThrough(group) {
    return this.lastIn[group] <= this.step;
  }

  // The gradient of a value so far, as the index of an array; -1 if there is none yet.
  gradientOf(value, step = this.step) {
    let found = -1;
    for (const [at, array] of this.sums.get(value) ?? []) {
      if (at > step) break;
      found = array;
    }
    return found;
  }
}
