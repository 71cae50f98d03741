/// <reference path="../../tinygrad_lecture/inspect/page/elements.js" />
// What keys do where a mouse points: elements that are one stop of the Tab key, and a cross on a square.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }; // to the right, down
const isChoosing = ({ key }) => key === "Enter" || key === " ";

// Columns of elements as one stop of the Tab key. Arrow keys go from one to the next, Home and End to the first and the
// last; Enter and Space choose one, as a click does. onChoose: given its column, and its place in it.
function oneStop(columns, onChoose) {
  const all = columns.flat();
  const stopAt = (one) => all.forEach((other) => (other.tabIndex = other === one ? 0 : -1));
  stopAt(all.find((one) => one.ariaPressed === "true") ?? all[0]);
  columns.forEach((column, c) =>
    column.forEach((one, i) => {
      one.addEventListener("focus", () => stopAt(one));
      one.addEventListener("click", () => onChoose(c, i));
      one.addEventListener("keydown", (event) => {
        const [right, down] = ARROWS[event.key] ?? [0, 0];
        const beside = columns[c + right] ?? column;
        const next =
          { Home: all[0], End: all.at(-1) }[event.key] ??
          beside[Math.floor(((i + 0.5) * beside.length) / column.length) + down];
        if (isChoosing(event)) onChoose(c, i);
        else if (next !== one) next?.focus();
        else return;
        event.preventDefault();
      });
    }),
  );
}

// A cross on a square canvas that arrow keys move, seen while the canvas has the focus; Enter and Space put something there.
class Cross {
  at = [0.5, 0.5]; // from the left and from above, from 0 to 1

  // onMove: given where it was.
  constructor(canvas, { onMove, onPut }) {
    this.canvas = canvas;
    this.sign = element("i", { class: "cross" });
    canvas.after(this.sign);
    canvas.addEventListener("keydown", (event) => {
      const step = ARROWS[event.key];
      if (step) onMove(this.moveTo(this.at.map((x, axis) => Math.min(Math.max(x + step[axis] / 28, 1 / 28), 27 / 28))));
      else if (isChoosing(event)) onPut();
      else return;
      event.preventDefault();
    });
  }

  // Go to where a pointer is. Returns where it was.
  point({ clientX, clientY }) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return this.moveTo([(clientX - left) / width, (clientY - top) / height]);
  }

  moveTo(at) {
    const before = this.at;
    this.at = at;
    Object.assign(this.sign.style, { left: `${100 * at[0]}%`, top: `${100 * at[1]}%` });
    return before;
  }
}
