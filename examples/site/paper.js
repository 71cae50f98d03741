// Paper to draw a digit on, with mouse, finger or keys; and what a network is given of it: 28 by 28 numbers.

class Paper {
  constructor(canvas, onChange) {
    Object.assign(this, {
      canvas,
      onChange,
      pen: canvas.getContext("2d", { willReadFrequently: true }),
      at: [140, 140],
      isDown: false, // the pen that keys move
    });
    Object.assign(this.pen, { lineWidth: 22, lineCap: "round", lineJoin: "round", strokeStyle: "white" });
    const place = ({ clientX, clientY }) => {
      const { left, top, width, height } = canvas.getBoundingClientRect();
      return [((clientX - left) * canvas.width) / width, ((clientY - top) * canvas.height) / height];
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      this.at = place(event);
      this.line(this.at);
    });
    canvas.addEventListener(
      "pointermove",
      (move) => canvas.hasPointerCapture(move.pointerId) && this.line(place(move)),
    );
    canvas.addEventListener("keydown", (event) => this.key(event));
    Object.assign(this, { numbers: new Float64Array(784), isEmpty: true });
  }

  // isDown: whether the keys' pen stays down.
  clear(isDown = false) {
    this.pen.fillStyle = "black";
    this.pen.fillRect(0, 0, this.canvas.width, this.canvas.height);
    this.isDown = isDown;
    this.changed(new Float64Array(784));
  }

  // A stroke from where the pen is. The first one on a chosen picture takes the picture away.
  line(to) {
    if (this.isChosen) this.clear(this.isDown);
    this.pen.beginPath();
    this.pen.moveTo(this.at[0], this.at[1]);
    this.pen.lineTo(to[0], to[1]);
    this.pen.stroke();
    this.at = to;
    this.changed(this.centred());
  }

  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === " ") this.isDown = !this.isDown;
    if (step) {
      const to = this.at.map((x, axis) => Math.min(Math.max(x + 10 * step[axis], 10), 270));
      if (this.isDown) this.line(to);
      this.at = to;
    }
    if (step || event.key === " ") event.preventDefault();
  }

  // Put a picture on the paper, as it is.
  set(numbers) {
    const small = this.pen.createImageData(28, 28);
    numbers.forEach((ink, i) => small.data.set([255 * ink, 255 * ink, 255 * ink, 255], 4 * i));
    const sheet = new OffscreenCanvas(28, 28);
    sheet.getContext("2d").putImageData(small, 0, 0);
    this.pen.imageSmoothingEnabled = false;
    this.pen.drawImage(sheet, 0, 0, 280, 280);
    this.changed(Float64Array.from(numbers), true);
  }

  // isChosen: whether the picture was not drawn, but put there.
  changed(numbers, isChosen = false) {
    this.numbers = numbers;
    this.isChosen = isChosen;
    this.isEmpty = numbers.every((ink) => ink === 0);
    this.onChange();
  }

  // What is drawn as MNIST has its digits: 20 pixels high or wide, and the centre of the ink in the middle of 28 by 28
  // (LeCun et al., 1998).
  centred() {
    const { width, height } = this.canvas;
    const ink = this.pen.getImageData(0, 0, width, height).data;
    const [columns, rows] = [new Set(), new Set()];
    for (let i = 0; i < ink.length; i += 4) {
      if (ink[i] > 20) columns.add((i / 4) % width) && rows.add(Math.floor(i / 4 / width));
    }
    if (!columns.size) return new Float64Array(784);
    const [left, right, top, bottom] = [
      Math.min(...columns),
      Math.max(...columns),
      Math.min(...rows),
      Math.max(...rows),
    ];
    const scale = 20 / Math.max(right - left + 1, bottom - top + 1);
    const put = (x, y) => {
      const sheet = new OffscreenCanvas(28, 28).getContext("2d");
      Object.assign(sheet, { imageSmoothingEnabled: true, imageSmoothingQuality: "high" });
      sheet.drawImage(
        this.canvas,
        left,
        top,
        right - left + 1,
        bottom - top + 1,
        x,
        y,
        (right - left + 1) * scale,
        (bottom - top + 1) * scale,
      );
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
