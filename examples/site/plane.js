/// <reference path="network.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/pictures.js" />
// A network of the plane as one sees it: what each neuron answers at every point, and between them the weights.

const [TILE, GRID, HIGH] = [44, 22, 432]; // pixels of a neuron's picture, points along its side, pixels of a layer

class PlaneNetwork {
  constructor(place, onNeurons) {
    Object.assign(this, { place, onNeurons });
  }

  // Draw the circles anew, for layers of so many neurons.
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
        const name =
          l === 0 ? `Input ${"xy"[i]}` : l === sizes.length - 1 ? "Output" : `Hidden layer ${l}, neuron ${i}`;
        const canvas = element("canvas", {
          width: GRID,
          height: GRID,
          role: "img",
          "aria-label": `${name}: its answer at every point`,
        });
        Object.assign(canvas.style, { left: `${left}px`, top: `${top}px`, width: `${side}px`, height: `${side}px` });
        return canvas;
      }),
    );
    const controls = sizes.slice(1, -1).map((n, l) => {
      const [fewer, more] = [n > 8 ? Math.max(8, Math.floor(n / 2)) : n - 1, n < 8 ? n + 1 : 2 * n];
      const group = element(
        "div",
        { class: "plus-minus" },
        button("−", () => this.onNeurons(l, fewer), { "aria-label": `Fewer neurons in hidden layer ${l + 1}` }),
        String(n),
        button("+", () => this.onNeurons(l, more), { "aria-label": `More neurons in hidden layer ${l + 1}` }),
      );
      group.style.left = `${x(l + 1) - 26}px`;
      return group;
    });
    this.lines = svgElement("svg", { width: wide, height: high, "aria-hidden": "true" });
    const board = element("div", { class: "board" }, this.lines, ...controls, ...this.pictures.flat());
    Object.assign(board.style, { width: `${wide}px`, height: `${high}px` });
    this.place.replaceChildren(board);
  }

  // The answers of all neurons, and lines for the weights: as wide as a weight is large; red beside it, its gradient.
  show(network, gradients) {
    const points = gridPoints(GRID);
    const answers = [joinedNumbers(points), ...network.answer(...points)];
    this.pictures.forEach((layer, l) =>
      layer.forEach((canvas, i) => {
        const column = Float64Array.from({ length: GRID ** 2 }, (_, k) => answers[l][k * layer.length + i]);
        const middle = l && network.layers[l - 1].activation === "sigmoid" ? 0.5 : 0;
        paintPlane(
          canvas,
          column.map((a) => a - middle),
          middle || Math.max(largest(column), 1e-9),
        );
      }),
    );
    const lines = network.layers.flatMap(({ weight, outputs }, l) => {
      const [most, steepest] = [
        Math.max(largest(weight), 1e-9),
        gradients ? Math.max(largest(gradients[l][0]), 1e-12) : 1,
      ];
      return Array.from(weight, (w, k) => {
        const [from, to] = [this.at[l][Math.floor(k / outputs)], this.at[l + 1][k % outputs]];
        const line = (share, colour, shift) =>
          svgElement("line", {
            x1: from[0] + from[2],
            y1: from[1] + from[2] / 2 + shift,
            x2: to[0],
            y2: to[1] + to[2] / 2 + shift,
            stroke: colour,
            "stroke-width": Math.max(0.3, 5 * share),
          });
        const weightLine = line(Math.abs(w) / most, tint(w, most / 2), 0);
        return gradients
          ? [weightLine, line((0.5 * Math.abs(gradients[l][0][k])) / steepest, "var(--gradient)", 4)]
          : [weightLine];
      }).flat();
    });
    this.lines.replaceChildren(...lines);
  }
}

// The middles of the squares of a grid over the plane, row by row, from above.
function gridPoints(side) {
  const middle = (i) => (2 * i + 1) / side - 1;
  return Array.from({ length: side ** 2 }, (_, i) => Float64Array.of(middle(i % side), -middle(Math.floor(i / side))));
}

// Numbers at the points of a square grid as colours.
function paintPlane(canvas, numbers, most) {
  const pen = canvas.getContext("2d");
  const side = canvas.width;
  const image = pen.createImageData(side, side);
  numbers.forEach((value, i) => {
    const share = Math.min(Math.abs(value) / most, 1);
    image.data.set(value < 0 ? [214, 107, 31, 255 * share] : [38, 122, 204, 255 * share], 4 * i);
  });
  pen.putImageData(image, 0, 0);
}
