// The table: every value with what is known of it at the step.

import { button, byId, element, shapeText } from "./numbers.js";
import { inLine } from "./arrays.js";
import { Place } from "./steps.js";

/**
 * @param {Place} place
 * @param {(value: number) => void} look
 */
export function showTable(place, look) {
  const { data } = place;
  const head = element("tr");
  for (const name of ["", "name", "made by", "shape", "value", "gradient"]) head.append(element(name ? "th" : "td", name ? { scope: "col" } : {}, name));
  const body = element("tbody");
  data.values.forEach((value, i) => {
    const now = i === place.current.value;
    const gradient = place.gradientOf(i);
    const kind = value.kind === "leaf" ? "parameter" : value.kind;
    body.append(element("tr", { class: now ? `now ${place.current.kind}` : "", "aria-current": now ? "step" : false },
      element("td", {}, `#${value.number}`),
      element("th", { scope: "row" }, button(value.name, () => look(i), { class: "text" })),
      element("td", {}, value.formula || kind),
      element("td", {}, shapeText(value.shape)),
      element("td", {}, place.isKnown(i) ? value.inWords : ""),
      element("td", { class: "grad" }, gradient < 0 ? "" : inLine(data.arrays[gradient]))));
  });
  const { kind, value } = place.current;
  const caption = kind === "start" ? "before the first step" : kind === "done" ? "at the end" : `after ${kind} through ${data.values[value].name}`;
  byId("table", HTMLElement).replaceChildren(element("table", {}, element("caption", {}, `All values, ${caption}`), element("thead", {}, head), body));
}
