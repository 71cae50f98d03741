/// <reference path="panel.js" />
// The table: every value with what is known of it at the step.

class Table {
  constructor(place, look) {
    Object.assign(this, { place, look, rows: [] });
  }

  // Make the table, with empty cells for what comes with the steps.
  make() {
    const names = ["name", "made by", "shape", "value", "gradient"];
    this.rows = this.place.data.values.map((value, i) => {
      const [known, gradient] = [td(), element("td", { class: "grad" })];
      const words = value.words && [br(), element("span", { class: "hint" }, value.words)];
      const name = rowHead(link(value.name, () => this.look(i)));
      const made = td(value.formula || value.kind, words);
      const row = tr(td(`#${value.number}`), name, made, td(shapeText(value.shape)), known, gradient);
      return { row, known, gradient };
    });
    const caption = element("caption", {}, "All values, and what is known of them at this step");
    const shown = this.rows.filter((_, i) => this.place.data.values[i].folded < 0).map(({ row }) => row);
    fill(byId("table"), element("table", {}, caption, tableHead(names), element("tbody", {}, shown)));
  }

  // Fill in what is known at the step; only cells that change are touched.
  show() {
    if (!this.rows.length) this.make();
    const { place } = this;
    const { waiting } = place;
    const { kind, value } = place.current;
    const write = (cell, text) => cell.textContent !== text && (cell.textContent = text);
    this.rows.forEach(({ row, known, gradient }, i) => {
      write(known, waiting.has(i) ? "" : place.text(i));
      write(gradient, place.gradientOf(i)?.text ?? "");
      row.className = i === value ? `now ${kind}` : "";
      row.ariaCurrent = i === value ? "step" : null;
    });
    this.rows[value]?.row.scrollIntoView({ block: "nearest" });
  }
}
