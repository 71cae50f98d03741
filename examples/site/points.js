// Points in the plane with two colours: [x, y, label], x and y from -1 to 1.

const SHAPES = {
  moons(draw, n) {
    return pointsOf(n, (label) => {
      const angle = Math.PI * draw();
      const [x, y] = label
        ? [0.5 - Math.cos(angle) * 0.55, 0.15 - Math.sin(angle) * 0.6]
        : [Math.cos(angle) * 0.55 - 0.05, Math.sin(angle) * 0.6 - 0.15];
      return [x - 0.2 + 0.08 * gauss(draw), y + 0.08 * gauss(draw)];
    });
  },
  circles(draw, n) {
    return pointsOf(n, (label) => {
      const [angle, far] = [2 * Math.PI * draw(), (label ? 0.35 : 0.8) + 0.07 * gauss(draw)];
      return [far * Math.cos(angle), far * Math.sin(angle)];
    });
  },
  xor(draw, n) {
    return pointsOf(n, (label) => {
      const side = draw() < 0.5 ? 1 : -1;
      const [x, y] = [0.1 + 0.8 * draw(), 0.1 + 0.8 * draw()];
      return [side * x, label ? -side * y : side * y];
    });
  },
  spiral(draw, n) {
    return pointsOf(n, (label) => {
      const along = 0.1 + 0.85 * draw();
      const angle = 2.8 * Math.PI * along + (label ? Math.PI : 0);
      return [along * Math.cos(angle) + 0.02 * gauss(draw), along * Math.sin(angle) + 0.02 * gauss(draw)];
    });
  },
  own: () => [],
};

function pointsOf(n, place) {
  return Array.from({ length: n }, (_, i) => [...place(i % 2), i % 2]);
}

// A normal random number, by Box and Muller (1958).
function gauss(draw) {
  return Math.sqrt(-2 * Math.log(1 - draw())) * Math.cos(2 * Math.PI * draw());
}

// Points as a part of a link, five letters each: x and y in steps of 1/500, with base 36, and the label.
const POINTS_TEXT = /^([0-9a-r][0-9a-z][0-9a-r][0-9a-z][01])*$/;

function pointText([x, y, label]) {
  const [a, b] = [x, y].map((z) =>
    Math.round(500 * (1 + z))
      .toString(36)
      .padStart(2, "0"),
  );
  return `${a}${b}${label}`;
}

function pointsFrom(text) {
  const number = (letters) => Number.parseInt(letters, 36) / 500 - 1;
  return (text.match(/.{5}/g) ?? []).map((p) => [number(p.slice(0, 2)), number(p.slice(2, 4)), Number(p[4])]);
}
