/// <reference path="cross.js" />
// Paper to draw a digit on, with mouse, finger or keys; and what a network is given of it: 28 by 28 numbers.

const [SHEET, STROKE] = [280, 22]; // pixels of its side, and of a stroke's width

class Paper {
  /** @type {Float64Array<ArrayBuffer> | null} */
  known = new Float64Array(784); // the numbers of what is on it; null until they are asked for
  isChosen = false; // whether it was not drawn, but put there
  box = null; // of the ink that is drawn: left, top, right, bottom
  isDown = false; // the pen that keys move
  frame = 0; // that will tell of strokes

  constructor(canvas, onChange) {
    this.canvas = canvas;
    this.onChange = onChange;
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
    Object.assign(this.pen, { lineWidth: STROKE, lineCap: "round", lineJoin: "round", strokeStyle: "white" });
    this.cross = new Cross(canvas, {
      onMove: (from) => this.isDown && this.line(from),
      onPut: () => this.lower(!this.isDown),
    });
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      this.cross.point(event);
      this.line(this.cross.at);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) this.line(this.cross.point(event));
    });
  }

  get isEmpty() {
    return !this.box && !this.isChosen;
  }

  get numbers() {
    return (this.known ??= this.centred());
  }

  // isDown: whether the keys' pen stays down.
  clear(isDown = false) {
    this.pen.fillStyle = "black";
    this.pen.fillRect(0, 0, SHEET, SHEET);
    this.lower(isDown);
    Object.assign(this, { isChosen: false, box: null, known: new Float64Array(784) });
    this.onChange();
  }

  lower(isDown) {
    this.isDown = isDown;
    this.cross.sign.classList.toggle("down", isDown);
  }

  // A stroke to where the cross is. The first one on a chosen picture takes the picture away.
  line(from) {
    if (this.isChosen) this.clear(this.isDown);
    const ends = [from, this.cross.at].map((place) => place.map((x) => SHEET * x));
    this.pen.beginPath();
    for (const [x, y] of ends) {
      this.pen.lineTo(x, y);
      const [left, top, right, bottom] = this.box ?? [x, y, x, y];
      this.box = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
    }
    this.pen.stroke();
    this.known = null;
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.onChange(); // once in a frame, however fast the mouse is
    });
  }

  // Put a picture on the paper, as it is.
  set(numbers) {
    numbers.forEach((ink, i) => {
      this.pen.fillStyle = `hsl(0 0% ${100 * ink}%)`;
      this.pen.fillRect(10 * (i % 28), 10 * Math.floor(i / 28), 10, 10);
    });
    Object.assign(this, { isChosen: true, known: Float64Array.from(numbers) });
    this.onChange();
  }

  // What is drawn as MNIST has its digits: 20 pixels high or wide, and the centre of the ink in the middle of 28 by 28
  // (LeCun et al., 1998).
  centred() {
    const [left, top] = this.box.slice(0, 2).map((x) => Math.max(x - STROKE / 2, 0));
    const [right, bottom] = this.box.slice(2).map((x) => Math.min(x + STROKE / 2, SHEET));
    const scale = 20 / Math.max(right - left, bottom - top);
    const put = (x, y) => {
      const sheet = new OffscreenCanvas(28, 28).getContext("2d", { willReadFrequently: true });
      Object.assign(sheet, { imageSmoothingEnabled: true, imageSmoothingQuality: "high" });
      sheet.setTransform(scale, 0, 0, scale, x - scale * left, y - scale * top);
      sheet.drawImage(this.canvas, 0, 0);
      const found = sheet.getImageData(0, 0, 28, 28).data;
      return Float64Array.from({ length: 784 }, (_, i) => (found[4 * i] * found[4 * i + 3]) / 255 ** 2);
    };
    const first = put(4, 4);
    const total = first.reduce((sum, x) => sum + x, 0);
    const middle = [0, 1].map(
      (axis) => first.reduce((sum, x, i) => sum + x * (axis ? Math.floor(i / 28) : i % 28), 0) / total,
    );
    return put(...middle.map((x) => 4 + Math.round(13.5 - x)));
  }
}
