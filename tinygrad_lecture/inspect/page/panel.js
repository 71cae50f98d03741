/// <reference path="steps.js" />
/// <reference path="live.js" />
/// <reference path="worked.js" />
/// <reference path="zeros.js" />
/// <reference path="pictures.js" />
// The panel: what the step does, in formulas and numbers, and the value that one looks at.

class Panel {
  // actions: look, called for a value that is clicked; open, for a module that is opened; goTo, for a step that is
  // chosen; edit, for a number that is changed. live: what computes anew.
  constructor(place, actions, live) {
    Object.assign(this, { place, data: place.data, live, worked: new Worked(live), ...actions });
  }

  // chosen: a value, or -1. editing: whether its fields stay as they are.
  show(chosen, editing) {
    const told = this.data.edited ? this.live.said().map((text) => element("p", {}, text)) : [];
    told.at(-1)?.append(
      " ",
      button("As it was", () => this.edit()),
    );
    byId("changed").replaceChildren(...told);
    byId("step").replaceChildren(...this.parts());
    const also = chosen >= 0 && chosen !== this.place.current.value;
    if (!editing) return byId("chosen").replaceChildren(...(also ? this.value(chosen) : []));
    const { value, name, side } = this.data.values[chosen];
    this.around.replaceChildren(...aroundNumbers(this.data.arrays[value], name, side));
    this.more.replaceChildren(...this.moreAbout(chosen));
  }

  // A value as a text.
  words(i) {
    return this.data.arrays[this.data.values[i].value]?.text ?? "?";
  }

  // One sentence about the step, for the screen reader and the slider.
  said() {
    const { current, step, steps } = this.place;
    const where = `${step} of ${steps.length - 1}`;
    const value = this.data.values[current.value];
    if (current.kind === "start") return `Start, ${where}`;
    if (current.kind === "done") return `End, ${where}`;
    const [forward, group] = [current.kind === "forward", this.group()];
    const through = `through ${(this.data.groups[group] ?? value).name}`;
    const what = forward && group === undefined ? `${value.name} = ${this.words(current.value)}` : through;
    return `${forward ? "Forward" : "Backward"}: ${what}, ${where}`;
  }

  // The module that the step goes through at once, undefined if it is a step of a value.
  group() {
    const { place } = this;
    const box = place.firing(place.step);
    return box === undefined ? undefined : place.viewData(place.view).boxes[box].group;
  }

  parts() {
    const { current } = this.place;
    if (current.kind === "start") return this.start();
    if (current.kind === "done") return this.done();
    const group = this.group();
    if (group !== undefined) return this.through(group);
    return current.kind === "forward" ? this.forwardStep(current.value) : this.backwardStep(current.events[0]);
  }

  start() {
    const { values, steps, result, note } = this.data;
    const given = values.flatMap((value, i) => (value.kind === "result" || value.partOf ? [] : [i]));
    const seen = values.filter(
      ({ kind, side, value }) => side && kind === "constant" && elementsOf(this.data.arrays[value]),
    );
    const goal = steps.length ? ` Then backward finds how much ${values[result].name} changes with each of them.` : "";
    return [
      element("h2", {}, "What is given"),
      element("p", {}, `Forward computes ${values[result].name} from these values, one step after the other.${goal}`),
      ...seen.map(({ name, value, side }) => squares(this.data.arrays[value], side, name)),
      ...(note ? [paragraph("hint", note)] : []),
      paragraph("hint", "Numbers have four digits, or more where needed to show a difference."),
      ...(this.live.hindrance
        ? []
        : [paragraph("hint", "Choose a value and change one of its numbers to see what follows from it.")]),
      paragraph("hint", "Press Next, or the key ", element("kbd", {}, "→"), ", for the next step."),
      this.list(given, (i) => this.words(i)),
    ];
  }

  done() {
    const { values, steps, differentiated, own, note } = this.data;
    if (!steps.length)
      return [
        ...this.answer(),
        element("h2", {}, "The end"),
        element("p", {}, "Backward has not run, so there are no gradients."),
      ];
    const leaves = values.flatMap((value, i) => (value.kind === "leaf" && this.place.gradientOf(i) >= 0 ? [i] : []));
    const found = (i) => this.data.arrays[this.place.gradientOf(i)].text;
    const held = (i) => this.data.arrays[values[i].stored]?.text ?? "";
    let where = "";
    if (own) where = ". The page went backward itself, and left every .grad as it was";
    else if (!this.data.edited && leaves.every((i) => held(i) === found(i))) where = ", which is in its .grad";
    const others = this.data.edited ? [] : leaves.filter((i) => held(i) && held(i) !== found(i));
    return [
      ...this.answer(),
      element("h2", {}, "What backward found"),
      element("p", {}, `How much ${differentiated} changes with each parameter: its gradient${where}.`),
      ...(note ? [paragraph("hint", note)] : []),
      this.list(leaves, found, true),
      ...leaves.flatMap((i) => this.vanished(i)),
      ...others.map((i) =>
        paragraph(
          "hint",
          `${values[i].name}.grad now holds ${held(i)}: other passes have added to it, or it was changed since.`,
        ),
      ),
    ];
  }

  // The largest probabilities that the cost has judged, and that of what is wanted; of several rows the last, after which
  // the next token comes.
  answer() {
    const { values, arrays, tokens, classes } = this.data;
    const judged = values.findLast(({ op }) => op === "cross_entropy")?.inputs ?? [];
    const [scores, targets] = judged.map((i) => elementsOf(arrays[values[i]?.value] ?? {}));
    if (!scores) return [];
    const row = scores.slice(-values[judged[0]].shape.at(-1));
    const [most, wanted] = [row.reduce((a, b) => Math.max(a, b)), targets?.at(-1)];
    const exps = row.map((x) => Math.exp(x - most));
    const whole = exps.reduce((a, b) => a + b);
    const first = [...row.keys()].sort((a, b) => row[b] - row[a]).slice(0, 5);
    const list = element("dl", { class: "facts" });
    for (const i of new Set([...first, ...(wanted === undefined ? [] : [wanted])])) {
      const bar = element("i", { class: "share" });
      bar.style.width = `${(60 * exps[i]) / whole}%`;
      const text = ` ${number((100 * exps[i]) / whole, 3)} %${i === wanted ? ", which is wanted" : ""}`;
      list.append(
        element("dt", {}, classes[i] === undefined ? String(i) : shownToken(classes[i])),
        element("dd", {}, bar, text),
      );
    }
    const title = tokens.length ? `The next token, after "${shownToken(tokens.at(-1))}"` : "What it answers";
    const which = scores.length > row.length ? ", in its last row" : "";
    return [
      element("h2", {}, title),
      paragraph("hint", `The largest of softmax(${values[judged[0]].name})${which}.`),
      list,
    ];
  }

  // Values with a text each, as a list of two columns; of many the first ones, and a button for all. gradients: whether
  // they are called by their gradients, "dC/dw".
  list(values, text, gradients = false) {
    const list = element("dl", { class: "facts" });
    const add = (some) => {
      for (const i of some) {
        const { name, gradient, words } = this.data.values[i];
        const said = words ? [element("span", { class: "hint" }, words), element("br")] : [];
        const label = link(gradients ? gradient : name, () => this.look(i));
        list.append(element("dt", {}, label), element("dd", { class: gradients ? "grad" : "" }, ...said, text(i)));
      }
    };
    add(values.slice(0, 30));
    if (values.length <= 30) return list;
    const more = button(`Show all ${values.length}`, () => {
      more.remove();
      add(values.slice(30));
    });
    return element("div", {}, list, more);
  }

  forwardStep(i) {
    const value = this.data.values[i];
    const { filled, definition, sums } = this.worked.forward(i);
    const chain = [...new Set([value.formula, filled, definition, this.words(i)])].filter((text) => text);
    const indent = " ".repeat(value.name.length);
    const lines = chain.map((text, k) => `${k ? indent : value.name} = ${text}`);
    return [
      element("span", { class: "tag" }, "forward"),
      ...heading(value, `${value.name} is computed`),
      paragraph("math", lines.join("\n")),
      ...(sums.length ? [paragraph("math", sums.join("\n"))] : []),
      ...this.about(i),
    ];
  }

  backwardStep(event) {
    const value = this.data.values[event.value];
    const upstream = this.data.arrays[event.upstream].text;
    const below = event.changed
      ? "A hook has changed what came from below."
      : "It came from below, where this value was used.";
    const itself = `Backward starts here. ${value.name} changes with itself one to one.`;
    const start = event.start ? `Backward starts here, ${event.start}.` : itself;
    return [
      element("span", { class: "tag backward" }, "backward"),
      ...heading(value, `Back through ${value.name} = ${value.formula}`),
      paragraph("math grad", `${value.gradient} = ${upstream}`),
      paragraph("hint", event.starts ? start : below),
      ...event.terms.map((term) => this.term(event, term)),
      ...this.source(value),
    ];
  }

  term(event, told) {
    const term = this.worked.term(event, told);
    const to = this.data.values[term.to];
    const { name } = to;
    const head = element(
      "h3",
      {},
      "to ",
      link(name, () => this.look(this.place.source(term.to))),
    );
    const part = element("section", { class: "term", "aria-label": `to ${name}` }, head);
    const add = (kind, text) => text && part.append(paragraph(kind, text));
    if (term.derivative) {
      const numbers = elementsOf(this.data.arrays[term.array]) ?? [];
      const [, at] = partsOf(term.derivative)[0].split("]/"); // of a single element
      const isLargest = at && Math.abs(numbers[indexIn(at, this.data.arrays[term.array].shape)]) === largest(numbers);
      const which = isLargest && numbers.length > 1 ? "; for the element with the largest gradient" : "";
      add("why", `the local derivative, ∂: of this step alone${which}`);
      add("math", [equation(term.derivative, term.local), ...term.slopes].join("\n"));
    }
    add("why", term.derivative ? "the chain rule: what came, times the local derivative" : "the gradient to it");
    add("math", equation(term.rule, term.result));
    add("math", term.lines.join("\n"));
    const uses = `${name} is used ${term.of} times, and its gradient is the sum of one term for each use; this is ${term.count} of ${term.of}`;
    add("why", term.of > 1 && uses);
    add("math total grad", term.total);
    add("why", to.folded >= 0 && `the step takes ${name} in shape ${shapeText(to.shape)}`);
    add("zero", zeroText(this.data, event, term));
    const array = this.data.arrays[term.array];
    if (sizeOf(array.shape) > 8) part.append(...arrayView(array, `what ${name} gets`, to.side));
    return part;
  }

  // What to know of a parameter whose gradient is zero, with the step at which it became so; nothing of others.
  vanished(i) {
    const { data, place } = this;
    if (!isZero(data.arrays[place.gradientOf(i)])) return [];
    const { name, gradient } = data.values[i];
    const told = [
      `${gradient} is zero: a small change of ${name} does not change ${data.differentiated}, `,
      `and a learning step leaves ${name} as it is.`,
    ];
    const step = this.onWay(i).find(({ terms }) => terms.every((term) => isZero(data.arrays[term.array])))?.step;
    if (step !== undefined) {
      const behind = `, back through ${data.values[place.steps[step].value].name}.`;
      told.push(
        " It became zero at ",
        link(`step ${step}`, () => this.goTo(step)),
        behind,
      );
    }
    return [paragraph("zero", ...told)];
  }

  // A module as one step.
  through(group) {
    const { place, data } = this;
    const { name, kind } = data.groups[group];
    const [start, end] = [place.runStart(place.step), place.runEnd(place.step)];
    const run = place.steps.slice(start, place.step + 1);
    const partly = end > place.step; // the slider or an address leads into the middle
    const inside = (i) => i >= 0 && around(data, data.values[i].group).includes(group);
    const forward = place.current.kind === "forward";
    const parts = forward ? this.forwardThrough(run, partly, inside) : this.backwardThrough(run, partly, inside);
    const title = `${forward ? "Forward" : "Back"} through ${name}`;
    return [
      element("span", { class: `tag ${place.current.kind}` }, place.current.kind),
      element("h2", {}, kind && kind !== name ? `${title} (${kind})` : title),
      element(
        "p",
        {},
        partly ? `${run.length} of its ${end - start + 1} steps. ` : `${run.length} steps at once. `,
        button("Open it", () => this.open(group)),
        " or press the key ",
        element("kbd", {}, "↓"),
        ", to see them one by one.",
      ),
      ...parts,
    ];
  }

  // What goes into a module and comes out. run: its steps so far.  inside: whether a value is in it.
  forwardThrough(run, partly, inside) {
    const { place, data } = this;
    const given = new Set(run.flatMap((step) => place.inputs(step.value).filter((i) => !inside(i))));
    const used = new Set(data.values.flatMap((_, i) => (inside(i) ? [] : place.inputs(i))));
    const results = run.map((step) => step.value).filter((i) => used.has(i) || i === data.result);
    const last = [run.at(-1).value];
    const from = ({ kind, module }) => (kind === "result" && module ? `from ${module}: ` : "");
    return [
      element("h3", {}, "goes in"),
      this.list([...given], (i) => from(data.values[i]) + this.words(i)),
      element("h3", {}, partly ? "computed last, inside" : "comes out"),
      this.list(partly || !results.length ? last : results, (i) => this.words(i)),
    ];
  }

  // What gradients come to a module and go on, and those of its own parameters.
  backwardThrough(run, partly, inside) {
    const { place, data } = this;
    const terms = run.flatMap((step) => step.events).flatMap((event) => event.terms);
    const got = [...new Set(terms.map((term) => place.source(term.to)))].filter((i) => i >= 0);
    const out = got.filter((i) => !inside(i));
    const own = got.filter((i) => inside(i) && data.values[i].kind === "leaf");
    const [first] = run[0].events;
    const listed = (title, some) => {
      const head = element("h3", {}, partly ? `${title}, so far` : title);
      return some.length ? [head, this.list(some, (i) => data.arrays[place.gradientOf(i)].text, true)] : [];
    };
    return [
      paragraph("math grad", `${data.values[first.value].gradient} = ${data.arrays[first.upstream].text}`),
      ...listed("passed on to", out),
      ...listed("its own parameters got", own),
    ];
  }

  // What is known about a value: shape, numbers, gradient, where it was made and used.
  about(i) {
    const { data, place } = this;
    const value = data.values[i];
    const array = data.arrays[value.value];
    const parts = [];
    if (value.weights >= 0) parts.push(...attentionMaps(data.arrays[value.weights], data.tokens, data.heads));
    if (array && value.formula && sizeOf(array.shape) > 1) parts.push(...arrayView(array, value.name, value.side));
    const list = element("dl", { class: "facts" });
    const add = (name, ...what) => list.append(element("dt", {}, name), element("dd", {}, ...what));
    add("shape", `${shapeText(value.shape)}${value.dtype ? ` ${value.dtype}` : ""}`);
    const links = (found) =>
      joined(
        found.map((k) => link(data.values[k].name, () => this.look(k))),
        ", ",
      );
    const from = place.inputs(i);
    if (from.length) add("made from", ...links(from));
    const uses = data.values.flatMap((other, k) => (other.folded < 0 && place.inputs(k).includes(i) ? [k] : []));
    if (uses.length) add("used by", ...links(uses));
    if (value.partOf) add("part of", value.partOf);
    if (value.module) add("module", value.module);
    const gradient = place.gradientOf(i);
    if (gradient >= 0) add("gradient", element("span", { class: "grad" }, data.arrays[gradient].text));
    parts.push(list, ...this.source(value));
    return parts;
  }

  // The steps so far on all ways from the result to a value, each with its terms to what depends on that value.
  onWay(i) {
    const { data, place } = this;
    const on = new Set([i]); // each is younger than what it depends on
    data.values.forEach((value, k) => {
      if (value.inputs.some((input) => on.has(input))) on.add(k);
    });
    const found = [];
    for (let step = place.firstBackward; step <= place.step && step < place.steps.length - 1; step += 1) {
      const [event] = place.steps[step].events;
      const terms = on.has(event.value) ? event.terms.filter((term) => on.has(term.to)) : [];
      if (terms.length) found.push({ step, terms });
    }
    return found;
  }

  // How the gradient of a value came about: the terms on all ways from the result to it, each with its step.
  way(i) {
    const { data, place } = this;
    if (place.gradientOf(i) < 0) return [];
    const steps = element("ol", { class: "way" });
    for (const { step, terms } of this.onWay(i)) {
      for (const term of terms) {
        const text = this.worked.inShort(place.steps[step].events[0], term);
        const name = `step ${step}: back through ${data.values[place.steps[step].value].name}`;
        const number = link(String(step), () => this.goTo(step), { "aria-label": `${step}, ${name}` });
        steps.append(element("li", {}, number, " ", element("span", { class: "math" }, text)));
      }
    }
    if (!steps.childElementCount) return [];
    const many = steps.childElementCount > 12;
    const head = element("h3", {}, "how its gradient came about, step by step");
    return [
      head,
      many ? element("details", {}, element("summary", {}, `${steps.childElementCount} steps`), steps) : steps,
    ];
  }

  // The lines of the program that made a value.
  source(value) {
    return value.lines.map((k) => {
      const { file, number, text } = this.data.lines[k];
      return paragraph("hint", `${file}, line ${number}`, element("br"), element("code", { class: "math" }, text));
    });
  }

  value(i) {
    const value = this.data.values[i];
    return [
      ...heading(value, value.name + (value.formula ? ` = ${value.formula}` : `, a ${kindOf(value)}`)),
      ...(value.formula ? [] : this.fields(i)),
      (this.more = element("div", {}, ...this.moreAbout(i))),
    ];
  }

  // The numbers of a parameter or constant, which one may change if the page can compute what follows.
  fields(i) {
    const value = this.data.values[i];
    const array = this.data.arrays[value.value];
    if (!array) return [];
    const { hindrance } = this.live;
    const may = !hindrance && value.dtype.startsWith("float");
    const edit = may ? (index, to) => this.edit(i, index, to) : undefined;
    const hint = may ? "Drag a number to the side, or type another: the page computes all that follows." : "";
    const why = hindrance ? `The page cannot compute what follows from another number: ${hindrance}.` : hint;
    this.around = element("div", {}, ...aroundNumbers(array, value.name, value.side));
    return [this.around, numbersOf(array, value.name, edit), ...(why ? [paragraph("hint", why)] : [])];
  }

  moreAbout(i) {
    const gradient = this.place.gradientOf(i);
    const shown = gradient >= 0 && sizeOf(this.data.arrays[gradient].shape) > 1;
    const { name, side } = this.data.values[i];
    const parts = [...this.about(i), ...this.vanished(i), ...this.way(i)];
    if (!shown) return parts;
    const view = arrayView(this.data.arrays[gradient], `the gradient of ${name}`, side);
    return [...parts, element("h3", { class: "grad" }, "its gradient so far"), ...view];
  }
}

// What a value is in the lecture's words, if there are any, above the same as a formula.
function heading(value, formula) {
  return [...(value.words ? [paragraph("words", value.words)] : []), element("h2", {}, formula)];
}

function kindOf({ kind }) {
  return kind === "leaf" ? "parameter" : kind;
}
