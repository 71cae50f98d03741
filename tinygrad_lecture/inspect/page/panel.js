/// <reference path="value.js" />
// The panel: what the step does, in formulas and numbers, and the value that one looks at.

class Panel {
  // actions: look, called for a value that is clicked; open, for a module that is opened; edit, for a number that is
  // changed. live: what computes anew.
  constructor(place, actions, live) {
    const values = new ValueView(place, actions, live);
    Object.assign(this, { place, data: place.data, live, values, ...actions });
  }

  // chosen: a value, or -1. editing: whether its fields stay as they are.
  show(chosen, editing) {
    const told = this.data.edited ? this.live.said() : [];
    const undo = () => [" ", button("As it was", () => this.edit())];
    const lines = told.map((text, i) => element("p", {}, text, i === told.length - 1 && undo()));
    fill(byId("changed"), lines);
    fill(byId("step"), this.parts());
    if (editing) this.values.update(chosen);
    else fill(byId("chosen"), chosen >= 0 && chosen !== this.place.current.value && this.values.show(chosen));
  }

  // One sentence about the step, for the screen reader and the slider.
  said() {
    const { current, step, steps } = this.place;
    const { kind, value } = current;
    const where = `${step} of ${steps.length - 1}`;
    if (value < 0) return `${kind === "start" ? "Start" : "End"}, ${where}`;
    const [{ name }, group] = [this.data.values[value], this.data.groups[this.group()]];
    const what =
      kind === "forward" && !group ? `${name} = ${this.place.text(value)}` : `through ${group?.name ?? name}`;
    return `${kind === "forward" ? "Forward" : "Backward"}: ${what}, ${where}`;
  }

  // The module that the step goes through at once, undefined if it is a step of a value.
  group() {
    return this.place.firing(this.place.step)?.group;
  }

  // What the step does: there is a method for each kind.
  parts() {
    const [group, { current }] = [this.group(), this.place];
    return group === undefined ? this[current.kind](current) : this.through(group);
  }

  start() {
    const { values, arrays, steps, result, note } = this.data;
    const given = [...values.keys()].filter((i) => values[i].kind !== "result" && !values[i].partOf);
    const seen = values.filter(({ kind, side, value }) => side && kind === "constant" && elementsOf(arrays[value]));
    const goal = steps.length ? ` Then backward finds how much ${values[result].name} changes with each of them.` : "";
    return [
      h2("What is given"),
      element("p", {}, `Forward computes ${values[result].name} from these values, one step after the other.${goal}`),
      seen.map(({ name, value, side }) => squares(arrays[value], side, name)),
      note && hint(note),
      hint("Numbers have four digits."),
      !this.live.hindrance && hint("Choose a value and change one of its numbers to see what follows from it."),
      hint("Press Next, or the key ", kbd("→"), ", for the next step."),
      this.values.list(given, (i) => this.place.text(i)),
    ];
  }

  done() {
    const { values, arrays, steps, differentiated, own, note, edited } = this.data;
    if (!steps.length)
      return [this.answer(), h2("The end"), element("p", {}, "Backward has not run, so there are no gradients.")];
    const leaves = [...values.keys()].filter((i) => values[i].kind === "parameter" && this.place.gradientOf(i));
    const held = (i) => arrays[values[i].stored]?.text ?? "";
    const others = leaves.filter((i) => held(i) !== this.place.gradientOf(i).text);
    let where = "";
    if (own) where = ". The page went backward itself, and left every .grad as it was";
    else if (!edited && !others.length) where = ", which is in its .grad";
    const now = (i) => `${values[i].name}.grad now holds ${held(i)}`;
    return [
      this.answer(),
      h2("What backward found"),
      element("p", {}, `How much ${differentiated} changes with each parameter: its gradient${where}.`),
      note && hint(note),
      this.values.gradients(leaves),
      !edited &&
        others.filter(held).map((i) => hint(`${now(i)}: other passes have added to it, or it was changed since.`)),
    ];
  }

  // The largest probabilities that the cost has judged, and that of what is wanted; of several rows the last, after which
  // the next token comes.
  answer() {
    const { values, arrays, tokens, classes } = this.data;
    const judged = values.findLast(({ op }) => op === "cross_entropy")?.inputs ?? [];
    const [scores, targets] = judged.map((i) => elementsOf(arrays[values[i]?.value] ?? {}));
    if (!scores) return [];
    const { name, shape } = values[judged[0]];
    const shares = softmax(scores.slice(-shape.at(-1)));
    const [first, wanted] = [[...shares.keys()].sort((a, b) => shares[b] - shares[a]).slice(0, 5), targets?.at(-1)];
    const rows = Array.from(new Set(wanted === undefined ? first : [...first, wanted]), (i) => {
      const bar = styled(element("i", { class: "share" }), { width: `${60 * shares[i]}%` });
      const text = ` ${(100 * shares[i]).toPrecision(3)} %${i === wanted ? ", which is wanted" : ""}`;
      return [classes[i] === undefined ? String(i) : shownToken(classes[i]), [bar, text]];
    });
    return [
      h2(tokens.length ? `The next token, after "${shownToken(tokens.at(-1))}"` : "What it answers"),
      hint(`The largest of softmax(${name})${scores.length > shares.length ? ", in its last row" : ""}.`),
      facts(rows),
    ];
  }

  forward({ value: i }) {
    const value = this.data.values[i];
    const { filled, definition, sums } = this.live.forward(i);
    const chain = [...new Set([value.formula, filled, definition, this.place.text(i)])].filter((text) => text);
    const indent = " ".repeat(value.name.length);
    const lines = chain.map((text, k) => `${k ? indent : value.name} = ${text}`);
    return [
      tag("forward"),
      heading(value, `${value.name} is computed`),
      paragraph("math", lines.join("\n")),
      sums.length > 0 && paragraph("math", sums.join("\n")),
      this.values.about(i),
    ];
  }

  backward({ events: [event] }) {
    const value = this.data.values[event.value];
    const below = event.changed
      ? "A hook has changed what came from below."
      : "It came from below, where this value was used.";
    const itself = `Backward starts here. ${value.name} changes with itself one to one.`;
    const start = event.start ? `Backward starts here, ${event.start}.` : itself;
    return [
      tag("backward"),
      heading(value, `Back through ${value.name} = ${value.formula}`),
      this.upstream(event),
      hint(event.starts ? start : below),
      event.terms.map((term) => this.term(term)),
      this.values.source(value),
    ];
  }

  // The gradient that a step begins with.
  upstream({ value, upstream }) {
    return paragraph("math grad", `${this.data.values[value].gradient} = ${this.data.arrays[upstream].text}`);
  }

  term(told) {
    const term = this.live.term(told);
    const [to, array] = [this.data.values[term.to], this.data.arrays[term.array]];
    const { name } = to;
    const { derivative } = term;
    const uses = `${name} is used ${term.of} times, and its gradient is the sum of one term for each use; this is ${term.count} of ${term.of}`;
    const look = link(name, () => this.look(this.place.source(term.to)));
    const line = (kind, text) => text && paragraph(kind, text);
    return element(
      "section",
      { class: "term", "aria-label": `to ${name}` },
      h3("to ", look),
      line("why", derivative && "the local derivative, ∂: of this step alone"),
      line("math", derivative && [equation(derivative, term.local), ...term.slopes].join("\n")),
      line("why", derivative ? "the chain rule: what came, times the local derivative" : "the gradient to it"),
      line("math", equation(term.rule, term.result)),
      line("math", term.lines.join("\n")),
      line("why", term.of > 1 && uses),
      line("math total grad", term.total),
      line("why", to.folded >= 0 && `the step takes ${name} in shape ${shapeText(to.shape)}`),
      sizeOf(array.shape) > 8 && arrayView(array, `what ${name} gets`, to.side),
    );
  }

  // A module as one step.
  through(group) {
    const { place, data } = this;
    const { name, kind } = data.groups[group];
    const [start, end] = place.run(place.step);
    const run = place.steps.slice(start, place.step + 1);
    const inside = (i) => around(data, data.values[i].group).includes(group);
    const forward = place.current.kind === "forward";
    const title = `${forward ? "Forward" : "Back"} through ${name}`;
    const all = end - start + 1; // the slider may lead into the middle
    const count = run.length < all ? `${run.length} of its ${all} steps so far. ` : `${all} steps at once. `;
    const open = button("Open it", () => this.open(group));
    return [
      tag(place.current.kind),
      h2(kind && kind !== name ? `${title} (${kind})` : title),
      element("p", {}, count, open, " or press the key ", kbd("↓"), ", to see them one by one."),
      forward ? this.forwardThrough(run, inside) : this.backwardThrough(run, inside),
    ];
  }

  // What goes into a module and comes out. run: its steps so far.  inside: whether a value is in it.
  forwardThrough(run, inside) {
    const { place, data, values } = this;
    const given = new Set(run.flatMap((step) => place.inputs(step.value).filter((i) => !inside(i))));
    const used = new Set([...data.values.keys()].flatMap((i) => (inside(i) ? [] : place.inputs(i))));
    const made = run.map((step) => step.value);
    const results = made.filter((i) => used.has(i) || i === data.result);
    const from = ({ kind, module }) => (kind === "result" && module ? `from ${module}: ` : "");
    return [
      h3("goes in"),
      values.list([...given], (i) => from(data.values[i]) + place.text(i)),
      h3(results.length ? "comes out" : "computed last, inside"),
      values.list(results.length ? results : made.slice(-1), (i) => place.text(i)),
    ];
  }

  // What gradients come to a module and go on, and those of its own parameters.
  backwardThrough(run, inside) {
    const { place, data, values } = this;
    const terms = run.flatMap((step) => step.events).flatMap((event) => event.terms);
    const got = [...new Set(terms.map((term) => place.source(term.to)))];
    const out = got.filter((i) => !inside(i));
    const own = got.filter((i) => inside(i) && data.values[i].kind === "parameter");
    return [
      this.upstream(run[0].events[0]),
      out.length > 0 && [h3("passed on to"), values.gradients(out)],
      own.length > 0 && [h3("its own parameters got"), values.gradients(own)],
    ];
  }
}

function equation(...parts) {
  return parts.filter((part) => part).join(" = ");
}

// Whether a step goes forward or backward.
function tag(kind) {
  return element("span", { class: `tag ${kind}` }, kind);
}
