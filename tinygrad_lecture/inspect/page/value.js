/// <reference path="steps.js" />
/// <reference path="live.js" />
/// <reference path="worked.js" />
/// <reference path="zeros.js" />
/// <reference path="attention.js" />
/// <reference path="pictures.js" />
// A value told: its numbers, which one may change, where it was made and used, and how its gradient came about.

class ValueView {
  // actions: those of `Panel`.
  constructor(place, actions, live, worked) {
    Object.assign(this, { place, data: place.data, live, worked, ...actions });
  }

  // Values with a text each, as a list of two columns; of many the first ones, and a button for all. called: what they
  // are called by, their names or their gradients, "dC/dw".
  list(values, text, called = "name") {
    const rows = values.map((i) => {
      const { [called]: label, words } = this.data.values[i];
      return [link(label, () => this.look(i)), [words && [element("span", { class: "hint" }, words), br()], text(i)]];
    });
    const all = button(`Show all ${rows.length}`, () => fill(part, facts(rows)));
    const part = element("div", {}, facts(rows.slice(0, 30)), rows.length > 30 && all);
    return part;
  }

  gradients(values) {
    return this.list(values, (i) => gradientText(this.place.gradientOf(i)), "gradient");
  }

  // All about a value.
  show(i) {
    const value = this.data.values[i];
    this.more = element("div", {}, this.moreAbout(i));
    return [
      heading(value, value.name + (value.formula ? ` = ${value.formula}` : `, a ${value.kind}`)),
      !value.formula && this.fields(i),
      this.more,
    ];
  }

  // The same after a change of its numbers, whose fields stay.
  update(i) {
    const { name, side } = this.data.values[i];
    fill(this.around, aroundNumbers(this.place.array(i), name, side));
    fill(this.more, this.moreAbout(i));
  }

  // The numbers of a parameter or constant, which one may change if the page can compute what follows.
  fields(i) {
    const { name, side, dtype } = this.data.values[i];
    const array = this.place.array(i);
    if (!array) return [];
    const { hindrance } = this.live;
    const may = !hindrance && dtype.startsWith("float");
    const edit = may && ((index, to) => this.edit(i, index, to));
    const way = may && "Drag a number to the side, or type another: the page computes all that follows.";
    const why = hindrance ? `The page cannot compute what follows from another number: ${hindrance}.` : way;
    this.around = element("div", {}, aroundNumbers(array, name, side));
    return [this.around, numbersOf(array, name, edit), why && hint(why)];
  }

  moreAbout(i) {
    const array = this.place.gradientOf(i);
    const { name, side } = this.data.values[i];
    const view = array && sizeOf(array.shape) > 1 && arrayView(array, `the gradient of ${name}`, side);
    const head = element("h3", { class: "grad" }, "its gradient so far");
    return [this.about(i), this.vanished(i), this.way(i), view && [head, view]];
  }

  // What is known about a value: shape, numbers, gradient, where it was made and used.
  about(i) {
    const { data, place } = this;
    const value = data.values[i];
    const [array, gradient] = [place.array(i), place.gradientOf(i)];
    const links = (found) => {
      const parts = found.map((k) => link(data.values[k].name, () => this.look(k)));
      return joined(parts, ", ");
    };
    const isUse = (other, k) => other.folded < 0 && place.inputs(k).includes(i);
    return [
      value.weights >= 0 && attentionMaps(data.arrays[value.weights], data.tokens, data.heads),
      array && value.formula && sizeOf(array.shape) > 1 && arrayView(array, value.name, value.side),
      facts([
        ["shape", `${shapeText(value.shape)} ${value.dtype}`],
        ["made from", links(place.inputs(i))],
        ["used by", links([...data.values.keys()].filter((k) => isUse(data.values[k], k)))],
        ["part of", value.partOf],
        ["module", value.module],
        ["gradient", gradient && gradientText(gradient)],
      ]),
      this.source(value),
    ];
  }

  // The lines of the program that made a value.
  source(value) {
    return value.lines.map((k) => {
      const { file, number, text } = this.data.lines[k];
      return hint(`${file}, line ${number}`, br(), element("code", { class: "math" }, text));
    });
  }

  // What to know of a parameter whose gradient is zero, with the step at which it became so; nothing of others.
  vanished(i) {
    const { data, place } = this;
    if (!isZero(place.gradientOf(i))) return [];
    const { name, gradient } = data.values[i];
    const step = this.onWay(i).find(({ terms }) => terms.every((term) => isZero(data.arrays[term.array])))?.step;
    const became = step !== undefined && [
      " It became zero at ",
      link(`step ${step}`, () => this.goTo(step)),
      `, back through ${data.values[place.steps[step].value].name}.`,
    ];
    const told =
      `${gradient} is zero: a small change of ${name} does not change ${data.differentiated}, ` +
      `and a learning step leaves ${name} as it is.`;
    return paragraph("zero", told, became);
  }

  // How the gradient of a value came about: the terms on all ways from the result to it, each with its step.
  way(i) {
    const { data, place } = this;
    if (!place.gradientOf(i)) return [];
    const lines = this.onWay(i).flatMap(({ step, terms }) => {
      const { value, events } = place.steps[step];
      const label = `${step}, step ${step}: back through ${data.values[value].name}`;
      return terms.map((term) => {
        const number = link(String(step), () => this.goTo(step), { "aria-label": label });
        return li(number, " ", element("span", { class: "math" }, this.worked.inShort(events[0], term)));
      });
    });
    if (!lines.length) return [];
    const list = element("ol", { class: "way" }, lines);
    const many = () => element("details", {}, element("summary", {}, `${lines.length} steps`), list);
    return [h3("how its gradient came about, step by step"), lines.length > 12 ? many() : list];
  }

  // The steps so far on all ways from the result to a value, each with its terms to what depends on that value.
  onWay(i) {
    const { data, place } = this;
    const on = new Set([i]); // each is younger than what it depends on
    data.values.forEach((value, k) => {
      if (value.inputs.some((input) => on.has(input))) on.add(k);
    });
    return place.steps.slice(0, place.step + 1).flatMap(({ kind, events: [event] }, step) => {
      const terms = kind === "backward" && on.has(event.value) ? event.terms.filter((term) => on.has(term.to)) : [];
      return terms.length ? [{ step, terms }] : [];
    });
  }
}

// What a value is in the lecture's words, if there are any, above the same as a formula.
function heading({ words }, formula) {
  return [words && paragraph("words", words), h2(formula)];
}

function gradientText(array) {
  return element("span", { class: "grad" }, array.text);
}
