/// <reference path="../../tinygrad_lecture/inspect/page/elements.js" />
/// <reference path="../../tinygrad_lecture/inspect/page/keys.js" />
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
