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

// A group and those that it is in, the innermost first.
function around({ groups }, group) {
  return group < 0 ? [] : [group, ...around({ groups }, groups[group].parent)];
}

// Where one is: a step, and a view.
class Place {
  constructor(data) {
    this.data = data;
    this.addUp();
    this.step = 0;
    this.view = 0;
  }

  // Sets the steps, and what gradients there are at each; again when the page has computed others.
  addUp() {
    this.steps = stepsOf(this.data);
    this.sums = new Map(); // value -> [step, its gradient from then on]
    this.steps.forEach(({ events }, i) => {
      const gets = (value, array) => this.sums.set(value, [...(this.sums.get(value) ?? []), [i, array]]);
      for (const { value, upstream, terms } of events) {
        gets(value, upstream);
        for (const { to, after } of terms) gets(to, after);
      }
    });
  }

  get current() {
    return this.steps[this.step];
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
    const seen = this.data.views[view];
    seen.byMember ??= new Map(seen.boxes.map((box) => [box.value ?? -1 - box.group, box])); // values from 0, groups below
    const group = around(this.data, this.data.values[value].group).find((one) => seen.byMember.has(-1 - one));
    return seen.byMember.get(value) ?? seen.byMember.get(-1 - group);
  }

  // The box that fires at a step: of a value that comes from outside none does.
  firing(step, view = this.view) {
    const box = this.boxOf(this.steps[step].value, view);
    return box?.outside ? undefined : box;
  }

  // Whether two neighbouring steps are one in a view: in the same module, in the same direction.
  runsOn(step) {
    const [a, b] = [this.steps[step], this.steps[step + 1]];
    if (!b || a.kind !== b.kind) return false;
    const box = this.firing(step);
    return box?.group !== undefined && box === this.firing(step + 1);
  }

  // The first and the last step of the run that a step is in.
  run(step) {
    let [start, end] = [step, step];
    while (start > 0 && this.runsOn(start - 1)) start -= 1;
    while (this.runsOn(end)) end += 1;
    return [start, end];
  }

  forward() {
    this.follow(this.step + 1);
    this.step = this.run(this.step)[1];
  }

  backward() {
    this.follow(this.run(this.step)[0] - 1);
  }

  // Go to a step, in the nearest view in which it fires, from this one outwards.
  follow(step) {
    this.go(step);
    if (this.current.value < 0) return;
    const fires = (view) => view === 0 || this.firing(this.step, view) !== undefined;
    this.view = around(this.data, this.view).find(fires);
  }

  // The first step of backward or, without one, the end.
  get firstBackward() {
    return this.steps.findLastIndex(({ kind }) => kind === "forward") + 1;
  }

  go(step) {
    this.step = Math.min(Math.max(Math.trunc(step) || 0, 0), this.steps.length - 1);
  }

  // The values that steps after this one compute.
  get waiting() {
    const later = this.steps.slice(this.step + 1).filter(({ kind }) => kind === "forward");
    return new Set(later.map(({ value }) => value));
  }

  // The array of a value; undefined if nobody kept it.
  array(value) {
    return this.data.arrays[this.data.values[value].value];
  }

  text(value) {
    return this.array(value)?.text ?? "?";
  }

  // The gradient of a value so far; undefined if there is none yet.
  gradientOf(value) {
    const sum = this.sums.get(value)?.findLast(([at]) => at <= this.step);
    return sum && this.data.arrays[sum[1]];
  }
}
