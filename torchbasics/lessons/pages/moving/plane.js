// A plane to draw in and drag in, its scales, and a line in it that one holds at two places.
"use strict";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const clamp = (x, [low, high]) => Math.min(high, Math.max(low, x));

class Plane {
  // `x` and `y` are the ends of the scales, `ticks` pairs of a place and its text.
  constructor(label, { x, y, ticks, names = ["", ""], size = [340, 340], margin = [34, 8, 8, 32] }) {
    Object.assign(this, { x, y, size });
    const [left, top, right, bottom] = margin, [width, height] = size;
    this.inner = { left, top, width: width - left - right, height: height - top - bottom };
    this.layers = Object.fromEntries(["back", "grid", "lines", "marks", "handles"].map((name) => [name, shape("g", { class: name })]));
    const { back, grid, lines, marks, handles } = this.layers;
    this.clip = `moving-clip${Plane.count = (Plane.count ?? 0) + 1}`;
    const box = { x: left, y: top, width: this.inner.width, height: this.inner.height };
    const inside = shape("g", { "clip-path": `url(#${this.clip})` }, back, grid, lines);
    this.svg = shape("svg", { class: "plane", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label },
      shape("clipPath", { id: this.clip }, shape("rect", box)),
      inside, shape("rect", { class: "edge", ...box }), this.scales(ticks, names), marks, handles);
  }

  scales(ticks, [across, up]) {
    const { left, top, width, height } = this.inner, bottom = top + height;
    const text = (x, y, anchor, words) => shape("text", { x, y, "text-anchor": anchor, class: "scale" }, words);
    return shape("g", { "aria-hidden": true },
      ...ticks[0].map(([x, words]) => text(this.px(x), bottom + 14, "middle", words)),
      ...ticks[1].map(([y, words]) => text(left - 5, this.py(y) + 4, "end", words)),
      text(left + width / 2, bottom + 28, "middle", across), text(left + 5, top + 13, "start", up));
  }

  px(x) {
    return this.inner.left + this.inner.width * (x - this.x[0]) / (this.x[1] - this.x[0]);
  }

  py(y) {
    return this.inner.top + this.inner.height * (this.y[1] - y) / (this.y[1] - this.y[0]);
  }

  // The place of the plane under a pointer; its box is asked for once a drag, as that is dear.
  at(event, box) {
    const across = (event.clientX - box.left) / box.width * this.size[0] - this.inner.left;
    const down = (event.clientY - box.top) / box.height * this.size[1] - this.inner.top;
    return [
      clamp(this.x[0] + (this.x[1] - this.x[0]) * across / this.inner.width, this.x),
      clamp(this.y[1] - (this.y[1] - this.y[0]) * down / this.inner.height, this.y),
    ];
  }

  path(points) {
    return points.map(([x, y], at) => `${at ? "L" : "M"}${this.px(x).toFixed(2)} ${this.py(y).toFixed(2)}`).join("");
  }

  // Where a function of the place is above 0: cell by cell, its border found in between.
  // For a plane function (w1 x + w2 y + b) one cell is enough, and exact.
  region(f, cells = 48) {
    const ticks = ([low, high]) => Array.from({ length: cells + 1 }, (_, at) => low + (high - low) * at / cells);
    const xs = ticks(this.x), ys = ticks(this.y);
    const rows = ys.map((y) => xs.map((x) => [x, y, f(x, y)]));
    let path = "";
    const add = (part) => { path += `${this.path(part)}z`; };
    for (let row = 0; row < cells; row++) {
      const [below, above] = [rows[row], rows[row + 1]];
      let full = 0; // cells in a row that are above 0 as a whole: one rectangle
      for (let column = 0; column <= cells; column++) {
        const corners = column < cells ? [below[column], below[column + 1], above[column + 1], above[column]] : [];
        if (corners.length && corners.every(([, , value]) => value > 0)) { full++; continue; }
        if (full) add([below[column - full], below[column], above[column], above[column - full]]);
        full = 0;
        const part = above0(corners);
        if (part.length) add(part);
      }
    }
    return path;
  }
}

// The part of a cell, given by its corners (x, y, value), where the value is above 0.
function above0(corners) {
  const part = [];
  corners.forEach(([x, y, value], at) => {
    const [to, up, next] = corners[(at + 1) % corners.length];
    if (value > 0) part.push([x, y]);
    if ((value > 0) !== (next > 0)) {
      const share = value / (value - next);
      part.push([x + share * (to - x), y + share * (up - y)]);
    }
  });
  return part;
}

// Lets a pointer drag an element; `move` is told the place in the plane.
function draggable(made, plane, move, begin = () => {}) {
  let box = null;
  made.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary) return;
    made.setPointerCapture(event.pointerId);
    box = plane.svg.getBoundingClientRect();
    begin(plane.at(event, box));
    move(plane.at(event, box));
  });
  made.addEventListener("pointermove", (event) => {
    if (box && event.isPrimary) move(plane.at(event, box));
  });
  for (const name of ["pointerup", "pointercancel"]) made.addEventListener(name, () => { box = null; });
}

// A place that is held by pointer, finger or the arrow keys (finer with Shift).
class Handle {
  constructor(plane, label, place, onMove, look = "") {
    Object.assign(this, { plane, place });
    this.made = shape("g", { class: `handle ${look}`, tabindex: 0, role: "slider", "aria-label": label },
      shape("circle", { class: "reach", r: 22 }), shape("circle", { class: "grip", r: 8 }));
    draggable(this.made, plane, onMove);
    this.made.addEventListener("keydown", (event) => {
      if (!ARROWS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const step = (event.shiftKey ? 0.005 : 0.025);
      const ends = [plane.x, plane.y];
      onMove(this.place.map((at, i) => clamp(at + ARROWS[event.key][i] * step * (ends[i][1] - ends[i][0]), ends[i])));
    });
    plane.layers.handles.append(this.made);
    this.put(place);
  }

  put(place) {
    this.place = place;
    this.made.setAttribute("transform", `translate(${this.plane.px(place[0])} ${this.plane.py(place[1])})`);
    this.made.setAttribute("aria-valuenow", place[0].toFixed(3));
    this.made.setAttribute("aria-valuetext", place.map((at) => rounded(at, 2)).join(", "));
  }
}

// The line w1 x1 + w2 x2 + b = 0, dragged at either end or as a whole. As it is dragged,
// the size of (w1, w2) stays; the side at the left of the way from A to B answers 1.
class HeldLine {
  constructor(plane, names, weights, onMove, look = "") {
    Object.assign(this, { plane, length: Math.hypot(weights[1], weights[2]) });
    this.stroke = shape("path", { class: `line ${look}` });
    this.wide = shape("path", { class: "wide" });
    plane.layers.lines.append(this.stroke);
    plane.layers.handles.append(this.wide);
    const held = (at) => (place) => {
      const other = this.ends[1 - at].place;
      if (Math.hypot(place[0] - other[0], place[1] - other[1]) < 0.1) return;
      this.ends[at].put(place);
      this.draw();
      onMove();
    };
    this.ends = [0, 1].map((at) => new Handle(plane, names[at], [at, at], held(at), look));
    let from = null, places = null;
    const room = (held, i) => [plane.x, plane.y][i].map((end, side) => end - Math[side ? "max" : "min"](...held.map((place) => place[i])));
    draggable(this.wide, plane, (to) => {
      const by = to.map((one, i) => clamp(one - from[i], room(places, i))); // it keeps its direction
      places.forEach((place, at) => this.ends[at].put(place.map((one, i) => one + by[i])));
      this.draw();
      onMove();
    }, (place) => { [from, places] = [place, this.ends.map((end) => end.place)]; });
    this.weights = weights;
  }

  // (b, w1, w2)
  get weights() {
    const [[x, y], [to, up]] = this.ends.map((end) => end.place);
    const scale = this.length / Math.hypot(to - x, up - y), w1 = -(up - y) * scale, w2 = (to - x) * scale;
    return [-(w1 * x + w2 * y), w1, w2];
  }

  // Its ends are put on both sides of the point of the line nearest to the middle.
  set weights([b, w1, w2]) {
    const square = w1 * w1 + w2 * w2, away = (b + (w1 + w2) / 2) / square;
    const foot = [0.5 - away * w1, 0.5 - away * w2], along = [w2, -w1].map((one) => 0.7 * one / Math.sqrt(square));
    [-1, 1].forEach((sign, at) => this.ends[at].put(foot.map((one, i) => one + sign * along[i])));
    this.draw();
  }

  turn() {
    const [first, second] = this.ends.map((end) => end.place);
    this.ends[0].put(second);
    this.ends[1].put(first);
  }

  draw() {
    const [[x, y], [to, up]] = this.ends.map((end) => end.place), far = 4 / Math.hypot(to - x, up - y);
    const path = this.plane.path([[x - far * (to - x), y - far * (up - y)], [to + far * (to - x), up + far * (up - y)]]);
    this.stroke.setAttribute("d", path);
    this.wide.setAttribute("d", this.plane.path([[x, y], [to, up]]));
  }
}

// The plane of two inputs with the four points of every truth table.
const unitPlane = (label, names) => new Plane(label, {
  x: [-0.5, 1.5], y: [-0.5, 1.5], names, ticks: [[[0, "0"], [1, "1"]], [[0, "0"], [1, "1"]]],
});

const sumAt = ([b, w1, w2], x, y) => w1 * x + w2 * y + b;
