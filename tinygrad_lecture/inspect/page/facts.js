// What is known about a value: its numbers, shape and uses, and how its gradient came about.

import { button, element, shapeText } from "./numbers.js";
import { countOf, inLine } from "./arrays.js";
import { Place } from "./steps.js";
import { arrayView, attentionMaps } from "./heat.js";

export class Facts {
  /**
   * @param {Place} place
   * @param {(value: number) => void} look  called for a value that is clicked
   * @param {(step: number) => void} goTo  called for a step that is chosen
   */
  constructor(place, look, goTo) {
    this.place = place;
    this.look = look;
    this.goTo = goTo;
    this.data = place.data;
  }

  /**
   * What is known about a value: shape, numbers, gradient, where it was made and used.
   * @param {number} i
   * @returns {Node[]}
   */
  about(i) {
    const { data, place } = this;
    const value = data.values[i];
    const array = data.arrays[value.value];
    const parts = [];
    if (value.weights >= 0) parts.push(...attentionMaps(data.arrays[value.weights], data.tokens));
    if (array && (countOf(array) > 1 || !value.formula)) parts.push(...arrayView(array, value.name));
    const list = element("dl", { class: "facts" });
    const add = (/** @type {string} */ name, /** @type {(Node | string)[]} */ ...what) => list.append(element("dt", {}, name), element("dd", {}, ...what));
    add("shape", `${shapeText(value.shape)}${value.dtype ? ` ${value.dtype}` : ""}`);
    const links = (/** @type {number[]} */ found) => found.flatMap((k, at) => [...(at ? [", "] : []), button(data.values[k].name, () => this.look(k), { class: "text" })]);
    const from = value.inputs.filter((k) => k >= 0);
    if (from.length) add("made from", ...links([...new Set(from)]));
    const uses = data.values.flatMap((other, k) => (other.inputs.includes(i) ? [k] : []));
    if (uses.length) add("used by", ...links(uses));
    if (value.partOf) add("part of", value.partOf);
    if (value.module) add("module", value.module);
    const gradient = place.gradientOf(i);
    if (gradient >= 0) add("gradient", element("span", { class: "grad" }, inLine(data.arrays[gradient])));
    parts.push(list, ...this.source(value));
    return parts;
  }

  /**
   * How the gradient of a value came about: the terms on all ways from the result to it, each with its step.
   * @param {number} i
   * @returns {Node[]}
   */
  way(i) {
    const { data, place } = this;
    if (place.gradientOf(i) < 0) return [];
    const on = new Set([i]); // the values that depend on it; each is younger than what it depends on
    data.values.forEach((value, k) => {
      if (value.inputs.some((input) => on.has(input))) on.add(k);
    });
    const steps = element("ol", { class: "way" });
    for (let step = place.firstBackward; step <= place.step && step < place.steps.length - 1; step += 1) {
      const event = data.steps[place.steps[step].event];
      for (const term of on.has(event.value) ? event.terms.filter((term) => on.has(term.to)) : []) {
        const text = term.of > 1 ? term.total : term.lines.length ? `${term.rule} = ${inLine(data.arrays[term.array])}` : term.rule;
        const name = `step ${step}: back through ${data.values[event.value].name}`;
        const link = button(String(step), () => this.goTo(step), { class: "text", "aria-label": `${step}, ${name}` });
        steps.append(element("li", {}, link, " ", element("span", { class: "math" }, text)));
      }
    }
    if (!steps.childElementCount) return [];
    const many = steps.childElementCount > 12;
    const head = element("h3", {}, "how its gradient came about, step by step");
    return [head, many ? element("details", {}, element("summary", {}, `${steps.childElementCount} steps`), steps) : steps];
  }

  /** The lines of the program that made a value. @param {Value} value */
  source(value) {
    return value.lines.map((k) => {
      const { file, number, text } = this.data.lines[k];
      return element("p", { class: "hint" }, `${file}, line ${number}`, element("br"), element("code", { class: "math" }, text));
    });
  }

  /** @param {number} i @returns {Node[]} */
  value(i) {
    const value = this.data.values[i];
    const gradient = this.place.gradientOf(i);
    const shown = gradient >= 0 && countOf(this.data.arrays[gradient]) > 1;
    return [
      element("h2", {}, `${value.name}${value.formula ? ` = ${value.formula}` : `, a ${value.kind === "leaf" ? "parameter" : "constant"}`}`),
      ...this.about(i),
      ...this.way(i),
      ...(shown ? [element("h3", { class: "grad" }, "its gradient so far"), ...arrayView(this.data.arrays[gradient], `the gradient of ${value.name}`)] : []),
    ];
  }
}
