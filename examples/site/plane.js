/// <reference path="network.js" />
/// <reference path="charts.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/keys.js" />
// A network of the plane as one sees it: what each neuron answers at every point, and between them the weights.

const [TILE, GRID, HIGH] = [44, 22, 432]; // pixels of a neuron's picture, points along its side, pixels of a layer

class PlaneNetwork {
  // told: where the numbers of the chosen neuron stand.
  constructor(place, told, onNeurons) {
    Object.assign(this, { place, told, onNeurons });
  }

  // Draw the neurons anew, for layers of so many.
  build(sizes) {
    const [least, most] = [86 * sizes.length, 130 * sizes.length];
    const wide = Math.max(least, Math.min(most, this.place.clientWidth));
    const high = 60 + Math.min(Math.max(...sizes) * (TILE + 10), HIGH);
    const x = (layer) => 20 + (layer * (wide - TILE - 40)) / (sizes.length - 1);
    this.at = sizes.map((n, layer) => {
      const share = Math.min(1, HIGH / (n * (TILE + 10))); // many neurons are drawn smaller
      const left = x(layer) + ((1 - share) * TILE) / 2;
      return Array.from({ length: n }, (_, i) => [left, 50 + i * share * (TILE + 10), share * TILE]);
    });
    this.pictures = this.at.map((layer, l) =>
      layer.map(([left, top, side], i) => {
        const style = `left: ${left}px; top: ${top}px; width: ${side}px; height: ${side}px`;
        const label = `${this.nameOf(l, i)}: its answer at every point`;
        return element("canvas", { width: GRID, height: GRID, role: l ? "button" : "img", style, "aria-label": label });
      }),
    );
    const focused = [...this.place.querySelectorAll("button")].findIndex((one) => one === document.activeElement);
    oneStop(this.pictures.slice(1), (l, i) => {
      this.chosen = [l, i];
      for (const one of this.pictures.flat()) one.ariaPressed = String(one === this.pictures[l + 1][i]);
      this.tell();
    });
    const controls = sizes.slice(1, -1).map((n, l) => {
      const [fewer, more] = [n > 8 ? Math.max(8, Math.floor(n / 2)) : n - 1, n < 8 ? n + 1 : 2 * n];
      const control = (sign, name, to) =>
        button(sign, () => this.onNeurons(l, to), { "aria-label": `${name} neurons in hidden layer ${l + 1}` });
      const parts = [control("−", "Fewer", fewer), String(n), control("+", "More", more)];
      return element("div", { class: "plus-minus", style: `left: ${x(l + 1) - 26}px` }, ...parts);
    });
    // Of each layer the lines of its weights, and below them those of their gradients.
    this.lines = sizes
      .slice(1)
      .map((_, l) =>
        [0, 4].map((down) =>
          this.at[l].flatMap(([left, top, side]) =>
            this.at[l + 1].map(([x, y, size]) => line([left + side, top + side / 2 + down], [x, y + size / 2 + down])),
          ),
        ),
      );
    const drawn = { width: wide, height: high, "aria-hidden": "true" };
    const parts = [svgElement("svg", drawn, ...this.lines.flat(2)), ...controls, ...this.pictures.flat()];
    const size = `width: ${wide}px; height: ${high}px`;
    this.place.replaceChildren(element("div", { class: "board", style: size }, ...parts));
    this.place.querySelectorAll("button")[focused]?.focus(); // of plus or minus
    this.chosen = null;
  }

  nameOf(l, i) {
    if (l === 0) return `Input ${"xy"[i]}`;
    return l === this.at.length - 1 ? "Output" : `Hidden layer ${l}, neuron ${i}`;
  }

  // The answers of all neurons, and lines for the weights: as wide as a weight is large; red beside it, its gradient.
  show(network, gradients) {
    Object.assign(this, { network, gradients });
    const points = gridPoints(GRID);
    const answers = [joinedNumbers(points), ...network.answer(...points)];
    this.pictures.forEach((layer, l) =>
      layer.forEach((canvas, i) => {
        const column = columnOf(answers[l], layer.length, i);
        const middle = l && network.layers[l - 1].activation === "sigmoid" ? 0.5 : 0;
        const shown = column.map((a) => a - middle);
        paint(canvas, shown, middle || largest(shown));
      }),
    );
    network.layers.forEach(({ weight }, l) => {
      const [own, red] = this.lines[l];
      const slopes = gradients?.[2 * l] ?? new Float64Array(weight.length);
      const [most, steepest] = [largest(weight) || 1, largest(slopes) || 1];
      weight.forEach((w, k) => {
        stroke(own[k], tint(w, most / 2), Math.max(0.3, (5 * Math.abs(w)) / most));
        stroke(red[k], "var(--gradient)", (2.5 * Math.abs(slopes[k])) / steepest);
      });
    });
    this.tell();
  }

  // The numbers of the chosen neuron: its bias and weights, and their gradients.
  tell() {
    if (!this.chosen) return this.told.replaceChildren();
    const [l, i] = this.chosen;
    const { weight, bias, outputs } = this.network.layers[l];
    const [slopes, slope] = this.gradients?.slice(2 * l) ?? [];
    const gradient = (numbers, k) => (numbers ? `, gradient ${number(numbers[k], 2)}` : "");
    const name = (from) => (l ? `neuron ${from}` : "xy"[from]);
    const weights = bars(columnOf(weight, outputs, i), name, (from) => gradient(slopes, from * outputs + i));
    const heading = `${this.nameOf(l + 1, i)}: bias ${number(bias[i], 2)}${gradient(slope, i)}; its weights:`;
    this.told.replaceChildren(paragraph("", heading), weights);
  }
}

// The middles of the squares of a grid over the plane, row by row, from above.
function gridPoints(side) {
  const middle = (i) => (2 * i + 1) / side - 1;
  return Array.from({ length: side ** 2 }, (_, i) => Float64Array.of(middle(i % side), -middle(Math.floor(i / side))));
}
