/// <reference path="steps.js" />
/// <reference path="live.js" />
/// <reference path="attention.js" />
/// <reference path="pictures.js" />
// A value told: its numbers, which one may change, and where it was made and used.

class ValueView {
  // actions: those of `Panel`.
  constructor(place, actions, live) {
    Object.assign(this, { place, data: place.data, live, ...actions });
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
    return [this.about(i), view && [head, view]];
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
      value.weights >= 0 && attentionMaps(data.arrays[value.weights], data.tokens),
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
}

// What a value is in the lecture's words, if there are any, above the same as a formula.
function heading({ words }, formula) {
  return [words && paragraph("words", words), h2(formula)];
}

function gradientText(array) {
  return element("span", { class: "grad" }, array.text);
}
