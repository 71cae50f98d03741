/// <reference path="panel.js" />
// The table: every value with what is known of it at the step.

class Table {
  constructor(place, look) {
    Object.assign(this, { place, look, now: -1, rows: [], caption: element("caption") });
  }

  // Make the table, with empty cells for what comes with the steps.
  make() {
    const names = ["name", "made by", "shape", "value", "gradient"];
    const head = element("tr", {}, element("td"), ...names.map((name) => element("th", { scope: "col" }, name)));
    const body = element("tbody");
    this.rows = this.place.data.values.map((value, i) => {
      const [known, gradient] = [element("td"), element("td", { class: "grad" })];
      const row = element(
        "tr",
        {},
        element("td", {}, `#${value.number}`),
        element(
          "th",
          { scope: "row" },
          link(value.name, () => this.look(i)),
        ),
        element(
          "td",
          {},
          value.formula || kindOf(value),
          ...(value.words ? [element("br"), element("span", { class: "hint" }, value.words)] : []),
        ),
        element("td", {}, shapeText(value.shape)),
        known,
        gradient,
      );
      if (value.folded < 0) body.append(row);
      return { row, value: known, gradient, known: false, array: -1 };
    });
    byId("table").replaceChildren(element("table", {}, this.caption, element("thead", {}, head), body));
  }

  // Fill in what is known at the step; only cells that change are touched.
  show() {
    if (!this.rows.length) this.make();
    const { data, current } = this.place;
    this.rows.forEach((row, i) => {
      const [known, array] = [this.place.isKnown(i), this.place.gradientOf(i)];
      if (known !== row.known) row.value.textContent = known ? (data.arrays[data.values[i].value]?.text ?? "?") : "";
      if (array !== row.array) row.gradient.textContent = array < 0 ? "" : data.arrays[array].text;
      [row.known, row.array] = [known, array];
    });
    const before = this.rows[this.now]?.row;
    before?.removeAttribute("aria-current");
    before?.removeAttribute("class");
    const { kind, value } = current;
    this.now = value;
    const row = this.rows[value]?.row;
    row?.setAttribute("class", `now ${kind}`);
    row?.setAttribute("aria-current", "step");
    row?.scrollIntoView({ block: "nearest" });
    const ends = { start: "before the first step", done: "at the end" };
    this.caption.textContent = `All values, ${ends[kind] ?? `after ${kind} through ${data.values[value].name}`}`;
  }
}
