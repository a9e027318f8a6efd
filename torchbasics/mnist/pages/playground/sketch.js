// The sheet: what is drawn on it by mouse, touch, pen or keyboard, and undone again.
//
// All that was done is kept as a list, from which both the sheet that is seen and the
// picture that is read are drawn, the first as fine as the screen is.
"use strict";

const STEP = 1 / 24; // of the sheet, for an arrow key

class Sketch {
  constructor(canvas, pen, onChange) {
    this.canvas = canvas;
    this.pen = pen;
    this.onChange = onChange;
    this.size = 0.07;
    this.actions = [];
    this.stroke = null; // the one that is being drawn
    this.at = [0.5, 0.5]; // of the keyboard's pen
    this.box = null; // of the sheet in the window: asked for once a stroke, it costs a layout
    this.sheet = canvas.getContext("2d");
    this.listen();
    this.redraw();
  }

  // What is on the sheet since it was last cleared.
  get kept() {
    return this.actions.slice(this.actions.findLastIndex((action) => action.clear) + 1);
  }

  get isBlank() {
    return !this.kept.length;
  }

  // The 28 x 28 that the network reads: a test digit as it is, a drawing prepared.
  get pixels() {
    const kept = this.kept;
    if (kept.length === 1 && kept[0].digit) return kept[0].digit;
    return prepare(this.picture);
  }

  // The right answer where a test digit is as it was.
  get label() {
    const kept = this.kept;
    return kept.length === 1 && kept[0].digit ? kept[0].label : null;
  }

  add(action) {
    this.actions.push(action);
    if (action.stroke) this.paint(action);
    else this.redraw();
    this.onChange(!action.stroke);
  }

  load(digit, label) {
    this.actions.push({ clear: true });
    this.add({ digit, label });
  }

  clear() {
    this.stroke = null;
    if (!this.isBlank) this.add({ clear: true });
  }

  undo() {
    this.stroke = null;
    const last = this.actions.pop();
    if (last?.digit) this.actions.pop();
    this.redraw();
    this.onChange(true);
  }

  // Sheet and picture anew, the sheet as large as it is shown.
  redraw() {
    const side = Math.round(this.canvas.clientWidth * devicePixelRatio) || PICTURE;
    if (this.canvas.width !== side) this.canvas.width = this.canvas.height = side;
    this.ink = getComputedStyle(this.canvas).color;
    this.sheet.clearRect(0, 0, side, side);
    this.picture = whitePaper();
    this.box = null;
    for (const action of this.kept) this.paint(action);
  }

  // What of an action is new: a stroke from that point on.
  paint({ digit, stroke, size }, from = 0) {
    const side = this.canvas.width;
    if (digit) {
      layDigit(this.picture, digit);
      paintDigit(this.sheet, side, digit, this.ink);
      return;
    }
    paintStroke(this.sheet, side, stroke.slice(from), size, this.ink);
    for (let at = from; at < Math.max(1, stroke.length - 1); at++) {
      layLine(this.picture, stroke[at], stroke[at + 1] ?? stroke[at], size);
    }
  }

  begin(point) {
    this.stroke = { stroke: [point], size: this.size };
    this.add(this.stroke);
  }

  extend(points) {
    const from = this.stroke.stroke.length - 1;
    this.stroke.stroke.push(...points);
    this.paint(this.stroke, from);
    this.onChange(false);
  }

  end() {
    this.stroke = null;
    this.onChange(true);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button || !event.isPrimary) return;
      canvas.setPointerCapture(event.pointerId);
      this.box = null;
      this.begin(this.place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.stroke || !event.isPrimary || !canvas.hasPointerCapture(event.pointerId)) return;
      const events = event.getCoalescedEvents?.() ?? [];
      this.extend((events.length ? events : [event]).map((one) => this.place(one)));
    });
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => {
        if (this.stroke && event.isPrimary) this.end();
      });
    }
    // In the middle of a stroke, too, the sheet may move under the pointer.
    for (const name of ["scroll", "resize"]) addEventListener(name, () => { this.box = null; }, true);
    canvas.addEventListener("keydown", (event) => this.press(event));
    canvas.addEventListener("focus", () => this.showPen(canvas.matches(":focus-visible")));
    canvas.addEventListener("blur", () => {
      if (this.stroke) this.end();
      this.showPen(false);
    });
  }

  // Where on the sheet, from 0 to 1.
  place(event) {
    const { left, top, width, height } = this.box ??= this.canvas.getBoundingClientRect();
    return [(event.clientX - left) / width, (event.clientY - top) / height];
  }

  press(event) {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const command = event.ctrlKey || event.metaKey;
    if (command || event.altKey) return;
    if (moves[event.key]) {
      this.at = this.at.map((x, i) => Math.min(1, Math.max(0, x + STEP * moves[event.key][i])));
      if (this.stroke) this.extend([this.at]);
    } else if (event.key === " ") {
      if (this.stroke) this.end();
      else this.begin(this.at);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      this.clear();
    } else {
      return;
    }
    event.preventDefault();
    this.showPen(true);
  }

  showPen(shown) {
    this.pen.hidden = !shown;
    this.pen.classList.toggle("down", Boolean(this.stroke));
    const side = this.canvas.clientWidth, size = Math.max(10, this.size * side);
    Object.assign(this.pen.style, {
      left: `${this.at[0] * side}px`, top: `${this.at[1] * side}px`,
      width: `${size}px`, height: `${size}px`,
    });
  }
}

// A stroke on the sheet; one point is a dot.
function paintStroke(context, side, points, size, ink) {
  context.strokeStyle = ink;
  context.lineWidth = size * side;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  context.moveTo(...points[0].map((x) => x * side));
  for (const point of points.slice(Math.min(1, points.length - 1))) {
    context.lineTo(...point.map((x) => x * side));
  }
  context.stroke();
}

function paintDigit(context, side, digit, ink) {
  const small = element("canvas", { width: SIDE, height: SIDE });
  paintInk(small, digit, ink);
  context.imageSmoothingEnabled = true;
  context.drawImage(small, 0, 0, side, side);
}

// Pixels from 0 to 255 as ink on a canvas that is clear where there is none.
function paintInk(canvas, pixels, ink) {
  const context = canvas.getContext("2d");
  const [red, green, blue] = ink.match(/[\d.]+/g).map(Number);
  const image = context.createImageData(SIDE, SIDE), { data } = image;
  for (let i = 0; i < pixels.length; i++) {
    [data[4 * i], data[4 * i + 1], data[4 * i + 2], data[4 * i + 3]] = [red, green, blue, pixels[i]];
  }
  context.putImageData(image, 0, 0);
}

// The same picture shifted, with noise on it: each pixel's own, however much of it.
function altered(pixels, { noise, across, down }) {
  const made = new Uint8Array(SIDE * SIDE);
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      const r = row - down, c = column - across;
      const inside = r >= 0 && r < SIDE && c >= 0 && c < SIDE;
      const value = (inside ? pixels[r * SIDE + c] : 0) + 255 * noise * NOISE[row * SIDE + column];
      made[row * SIDE + column] = Math.round(Math.min(255, Math.max(0, value)));
    }
  }
  return made;
}

// Normal numbers (Box and Muller), the same in each page.
const NOISE = (() => {
  let state = 1;
  const uniform = () => (state = state * 48271 % 2147483647) / 2147483647;
  return Float32Array.from({ length: SIDE * SIDE }, () =>
    Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
})();
