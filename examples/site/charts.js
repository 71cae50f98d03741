/// <reference path="../../tinygrad_lecture/inspect/page/pictures.js" />
// What the pages draw: curves, bars, and networks as circles.

const stepsText = (n) => `${n.toLocaleString("en")} ${n === 1 ? "step" : "steps"}`;

// A curve of points [x, y], from 0 up. most: the largest y of the axis, by default what fits.
function curveOf(points, label, most = undefined) {
  const [wide, high] = [280, 120];
  if (!points.length) return paragraph("hint", "Nothing yet.");
  const top = most ?? Math.max(...points.map(([, y]) => y), 1e-9);
  const end = Math.max(points.at(-1)[0], 1);
  const place = ([x, y]) =>
    `${(34 + ((wide - 44) * x) / end).toFixed(1)},${(high - 18 - ((high - 30) * y) / top).toFixed(1)}`;
  const last = points.at(-1);
  const told = `${label}: ${number(last[1], 3)} after ${stepsText(last[0])}`;
  return svgElement(
    "svg",
    { viewBox: `0 0 ${wide} ${high}`, class: "curve", role: "img", "aria-label": told },
    svgElement("line", { x1: 34, y1: high - 18, x2: wide - 10, y2: high - 18, class: "axis" }),
    svgElement("text", { x: 30, y: 16, "text-anchor": "end" }, number(top, 2)),
    svgElement("text", { x: 30, y: high - 15, "text-anchor": "end" }, "0"),
    svgElement("text", { x: wide - 10, y: high - 4, "text-anchor": "end" }, stepsText(end)),
    svgElement("polyline", { points: points.map(place).join(" "), class: "line" }),
  );
}

// Numbers as bars, to the right and left of 0 where some are below it. after: what stands behind a number.
function bars(numbers, name, after = (_) => "") {
  const [most, zero] = [largest(numbers) || 1, numbers.some((x) => x < 0) ? 50 : 0];
  const rows = Array.from(numbers, (x, i) => {
    const bar = element("i", { class: "bar" });
    const wide = ((100 - zero) * Math.abs(x)) / most;
    Object.assign(bar.style, {
      width: `${wide}%`,
      marginLeft: `${x < 0 ? zero - wide : zero}%`,
      background: tint(x, most),
    });
    return element("li", {}, element("span", {}, `${name(i)}: ${number(x, 2)}${after(i)}`), element("div", {}, bar));
  });
  return element("ul", { class: "bars-list" }, ...rows);
}

// Layers of neurons as circles with lines between them, which one chooses.
class Circles {
  constructor(place, sizes, onChoose) {
    const [wide, high] = [420, 440];
    this.sizes = sizes;
    this.at = sizes.map((n, layer) =>
      Array.from({ length: n }, (_, i) => [70 + (layer * (wide - 150)) / (sizes.length - 1), (high * (i + 0.5)) / n]),
    );
    this.lines = svgElement("g", { "aria-hidden": "true" });
    this.circles = this.at.map((layer, l) =>
      layer.map(([cx, cy], i) => {
        const circle = svgElement("circle", { cx, cy, r: 11, tabindex: 0, role: "button" });
        circle.addEventListener("click", () => onChoose(l, i));
        circle.addEventListener("keydown", (event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          onChoose(l, i);
        });
        return circle;
      }),
    );
    const counted = this.at
      .slice(0, -1)
      .flatMap((layer) => layer.map(([x, y], i) => svgElement("text", { x, y: y + 3, class: "counted" }, String(i))));
    this.texts = this.at.at(-1).map(([x, y]) => svgElement("text", { x: x + 20, y: y + 5 }));
    place.append(
      svgElement(
        "svg",
        { viewBox: `0 0 ${wide} ${high}`, class: "circles", role: "group", "aria-label": "The network" },
        this.lines,
        ...this.circles.flat(),
        ...counted,
        ...this.texts,
      ),
    );
  }

  // The activations as brightness; the weights to the chosen neuron as lines, as wide as weight times activation.
  // best: the output that is the answer. It and neuron may be undefined.
  show(activations, network, best, { layer, neuron }) {
    this.circles.forEach((circles, l) =>
      circles.forEach((circle, i) => {
        const a = activations[l][i];
        const name = l === this.sizes.length - 1 ? `Output for ${i}` : `Hidden layer ${l + 1}, neuron ${i}`;
        circle.style.fill = `rgb(38 122 204 / ${Math.min(Math.max(a, 0), 1)})`;
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
    const parts = Array.from(activations[layer - 1], (a, i) => a * weight[i * outputs + neuron]);
    const most = largest(parts) || 1;
    this.lines.replaceChildren(
      ...parts.map((part, i) => {
        const [[x1, y1], [x2, y2]] = [this.at[layer - 1][i], this.at[layer][neuron]];
        return svgElement("line", {
          x1,
          y1,
          x2,
          y2,
          stroke: tint(part, most),
          "stroke-width": 0.5 + (5 * Math.abs(part)) / most,
        });
      }),
    );
  }
}
