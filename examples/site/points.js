/// <reference path="../../tinygrad_lecture/inspect/page/numbers.js" />
// Points in the plane with two colours: [x, y, label], x and y from -1 to 1.

// Where a point with a label may be.
const SHAPES = {
  moons(label, draw) {
    const angle = Math.PI * draw();
    const [x, y] = label
      ? [0.5 - Math.cos(angle) * 0.55, 0.15 - Math.sin(angle) * 0.6]
      : [Math.cos(angle) * 0.55 - 0.05, Math.sin(angle) * 0.6 - 0.15];
    return [x - 0.2 + 0.08 * gauss(draw), y + 0.08 * gauss(draw)];
  },
  circles(label, draw) {
    const [angle, far] = [2 * Math.PI * draw(), (label ? 0.35 : 0.8) + 0.07 * gauss(draw)];
    return [far * Math.cos(angle), far * Math.sin(angle)];
  },
  xor(label, draw) {
    const side = draw() < 0.5 ? 1 : -1;
    const [x, y] = [0.1 + 0.8 * draw(), 0.1 + 0.8 * draw()];
    return [side * x, label ? -side * y : side * y];
  },
  spiral(label, draw) {
    const along = 0.1 + 0.85 * draw();
    const angle = 2.8 * Math.PI * along + (label ? Math.PI : 0);
    return [along * Math.cos(angle) + 0.02 * gauss(draw), along * Math.sin(angle) + 0.02 * gauss(draw)];
  },
};

// So many points of a shape, both labels by turns; none where there is no such shape.
function pointsOf(shape, draw, n) {
  return SHAPES[shape] ? range(n).map((i) => [...SHAPES[shape](i % 2, draw), i % 2]) : [];
}

// A normal random number, by Box and Muller (1958).
function gauss(draw) {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
}

// Points as a part of a link: "0.52,-0.13,1;" for each.
const POINTS_TEXT = /^(-?[01]\.\d\d,-?[01]\.\d\d,[01];)*$/;
const pointText = ([x, y, label]) => `${x.toFixed(2)},${y.toFixed(2)},${label};`;
const pointsFrom = (text) => text.match(/[^;]+/g)?.map((point) => point.split(",").map(Number)) ?? [];
