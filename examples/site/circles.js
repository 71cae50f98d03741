/// <reference path="network.js" />
/// <reference path="charts.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/keys.js" />
// Layers of neurons as circles with lines between them, which one chooses.
class Circles {
  constructor(place, sizes, onChoose) {
    const [wide, high] = [place.clientWidth < 400 ? 340 : 560, 440]; // on a phone it is as wide as that
    this.at = sizes.map((n, layer) =>
      Array.from({ length: n }, (_, i) => [70 + (layer * (wide - 150)) / (sizes.length - 1), (high * (i + 0.5)) / n]),
    );
    this.lines = svgElement("g", { "aria-hidden": "true" });
    this.circles = this.at.map((layer) =>
      layer.map(([cx, cy]) => svgElement("circle", { cx, cy, r: 11, role: "button" })),
    );
    const counted = this.at
      .slice(0, -1)
      .flatMap((layer) => layer.map(([x, y], i) => svgElement("text", { x, y: y + 3, class: "counted" }, String(i))));
    this.texts = this.at.at(-1).map(([x, y]) => svgElement("text", { x: x + 20, y: y + 5 }));
    const attributes = { viewBox: `0 0 ${wide} ${high}`, class: "circles" };
    place.append(svgElement("svg", attributes, this.lines, ...this.circles.flat(), ...counted, ...this.texts));
    oneStop(this.circles, onChoose);
  }

  // The activations as brightness; the weights to the chosen neuron as lines, as wide as weight times activation.
  // best: the output that is the answer. It and neuron may be undefined.
  show(activations, network, best, { layer, neuron }) {
    this.circles.forEach((circles, l) =>
      circles.forEach((circle, i) => {
        const a = activations[l][i];
        const name = l === network.layers.length - 1 ? `Output for ${i}` : `Hidden layer ${l + 1}, neuron ${i}`;
        circle.style.fill = `rgb(38 122 204 / ${a})`;
        circle.setAttribute("aria-label", `${name}: ${number(a, 2)}`);
        circle.setAttribute("aria-pressed", String(l === layer && i === neuron));
      }),
    );
    this.texts.forEach((text, i) => {
      text.textContent = `${i}  ${activations.at(-1)[i].toFixed(2)}`;
      text.setAttribute("class", i === best ? "best" : "");
    });
    if (!layer || neuron === undefined) return this.lines.replaceChildren();
    const { weight, outputs } = network.layers[layer];
    const parts = columnOf(weight, outputs, neuron).map((w, i) => w * activations[layer - 1][i]);
    const most = largest(parts) || 1;
    const lines = Array.from(parts, (part, i) => {
      const [from, to] = [this.at[layer - 1][i], this.at[layer][neuron]];
      return stroke(line(from, to), tint(part, most), 0.5 + (5 * Math.abs(part)) / most);
    });
    this.lines.replaceChildren(...lines);
  }
}
