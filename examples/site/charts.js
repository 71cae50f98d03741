/// <reference path="../../tinygrad_lecture/inspect/page/pictures.js" />
// What the pages draw: curves, bars, colours on a square, lines.

const stepsText = (n) => `${n.toLocaleString("en")} ${n === 1 ? "step" : "steps"}`;

// A curve of points [x, y]. most, least: the ends of the axis of y; the largest is by default what fits.
function curveOf(points, label, most = undefined, least = 0) {
  const [wide, high] = [280, 120];
  if (!points.length) return paragraph("hint", "Nothing yet.");
  const later = points.slice(Math.floor(points.length / 20)); // the first may be so large that all others would be at 0
  const top = most ?? Math.max(...later.map(([, y]) => y), 1e-9);
  const end = Math.max(points.at(-1)[0], 1);
  const place = ([x, y]) =>
    `${(42 + ((wide - 52) * x) / end).toFixed(1)},${(high - 18 - ((high - 30) * (y - least)) / (top - least)).toFixed(1)}`;
  const last = points.at(-1);
  const told = `${label}: ${number(last[1], 3)} after ${stepsText(last[0])}`;
  return svgElement(
    "svg",
    { viewBox: `0 0 ${wide} ${high}`, class: "curve", role: "img", "aria-label": told },
    svgElement("line", { x1: 42, y1: high - 18, x2: wide - 10, y2: high - 18, class: "axis" }),
    svgElement("text", { x: 38, y: 16, "text-anchor": "end" }, String(Number(top.toPrecision(2)))),
    svgElement("text", { x: 38, y: high - 15, "text-anchor": "end" }, String(least)),
    svgElement("text", { x: wide - 10, y: high - 4, "text-anchor": "end" }, stepsText(end)),
    svgElement("polyline", { points: [...points, last].map(place).join(" "), class: "line" }),
  );
}

// Numbers as bars, to the right and left of 0 where some are below it. after: what stands behind a number.
function bars(numbers, name, after = (_) => "") {
  const [most, zero] = [largest(numbers) || 1, numbers.some((x) => x < 0) ? 50 : 0];
  const rows = Array.from(numbers, (x, i) => {
    const wide = ((100 - zero) * Math.abs(x)) / most;
    const style = `width: ${wide}%; margin-left: ${x < 0 ? zero - wide : zero}%; background: ${tint(x, most)}`;
    const bar = element("div", {}, element("i", { class: "bar", style }));
    return element("li", {}, element("span", {}, `${name(i)}: ${number(x, 2)}${after(i)}`), bar);
  });
  return element("ul", { class: "bars-list" }, ...rows);
}

// Numbers of a square grid as colours, blue above 0, orange below. most: the size of those that have the full colour.
function paint(canvas, numbers, most) {
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(canvas.width, canvas.width);
  const pixels = new Uint32Array(image.data.buffer); // opacity, blue, green, red
  numbers.forEach((value, i) => {
    const share = Math.min(Math.abs(value) / most, 1);
    pixels[i] = (Math.round(255 * share) << 24) | (value < 0 ? 0x1f6bd6 : 0xcc7a26);
  });
  pen.putImageData(image, 0, 0);
}

function line([x1, y1], [x2, y2]) {
  return svgElement("line", { x1, y1, x2, y2 });
}

function stroke(line, colour, width) {
  line.setAttribute("stroke", colour);
  line.setAttribute("stroke-width", width);
  return line;
}

// The numbers beside the sliders of a place.
function tellSliders(place = document.body) {
  for (const slider of /** @type {NodeListOf<HTMLInputElement>} */ (place.querySelectorAll("[type=range]"))) {
    slider.previousElementSibling.textContent = slider.value;
  }
}
