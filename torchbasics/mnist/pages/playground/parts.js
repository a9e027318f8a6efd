// The parts of which a network's card is made: a layer as tiles, ten bars, and how one of
// these is chosen.
"use strict";

const SHADES = 24;
const TILES = { least: 4, most: 22, height: 150 }; // in CSS pixels; a layer's height

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const percent = (share, places = 1) => `${(100 * share).toFixed(places)}\u00a0%`;
const fixed = (x, places = 2) => x.toFixed(places).replace(/^-(?=.*[1-9])/, "\u2212").replace("-", "");
const signed = (x, places = 2) => (x > 0 ? "+" : "") + fixed(x, places);

// The theme's colours as numbers, and a colour for each strength from -SHADES to SHADES.
function paletteOf() {
  const style = getComputedStyle(document.documentElement);
  const [none, up, down] = ["--tile", "--orange", "--blue"].map((name) => {
    const hex = style.getPropertyValue(name).trim().slice(1);
    const wide = hex.length === 3 ? [...hex].map((digit) => digit + digit).join("") : hex;
    return [0, 2, 4].map((at) => parseInt(wide.slice(at, at + 2), 16));
  });
  const shades = Array.from({ length: 2 * SHADES + 1 }, (_, at) => {
    const share = Math.abs(at - SHADES) / SHADES, end = at < SHADES ? down : up;
    return `rgb(${none.map((from, i) => Math.round(from + share * (end[i] - from))).join()})`;
  });
  return { shades, up, down, ink: style.getPropertyValue("--ink").trim() };
}

// --- choosing one of several ----------------------------------------------------------

// Lets a pointer or the keyboard choose one of `count` things that an element shows; a
// click, or Enter, switches it.
function choosing(place, { count, columns = () => 1, find, choose, toggle }) {
  let chosen = -1;
  let pressed = -1; // what a click would switch
  const go = (one) => { choose(chosen = one); };
  place.addEventListener("pointermove", (event) => {
    const one = find(event);
    if (one >= 0 && one !== chosen) go(one);
  });
  place.addEventListener("pointerdown", (event) => {
    const one = find(event);
    pressed = event.pointerType === "mouse" || one === chosen ? one : -1; // a finger's first tap points
    if (one >= 0) go(one);
  });
  place.addEventListener("click", (event) => {
    if (pressed >= 0 && find(event) === pressed) toggle?.(pressed);
  });
  place.addEventListener("keydown", (event) => {
    const moves = {
      ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns(),
      Home: -count, End: count,
    };
    if (event.key in moves) {
      go(Math.min(count - 1, Math.max(0, chosen < 0 ? 0 : chosen + moves[event.key])));
    } else if ((event.key === "Enter" || event.key === " ") && chosen >= 0) {
      toggle?.(chosen);
    } else {
      return;
    }
    event.preventDefault();
  });
  place.addEventListener("focus", () => { if (place.matches(":focus-visible")) go(Math.max(0, chosen)); });
}

// An element that is announced as one from which to choose, with what is chosen.
const slider = (name, attributes, count) => element(name, {
  tabindex: 0, role: "slider", "aria-valuemin": 0, "aria-valuemax": count - 1, "aria-valuenow": 0,
  ...attributes,
});

// --- a layer as tiles -------------------------------------------------------------------

class Tiles {
  constructor(layer, card, index) {
    Object.assign(this, { layer, card, index, reach: 1, rings: new Map() });
    this.canvas = slider("canvas", {}, layer.outputs);
    this.facts = element("span", { class: "soft" });
    this.element = element("div", { class: "layer" },
      element("p", { class: "small" }, element("b", {}, layer.name), " ", this.facts), this.canvas);
    choosing(this.canvas, {
      count: layer.outputs,
      columns: () => this.columns,
      find: (event) => this.unitAt(event),
      choose: (unit) => card.choose(index, unit),
      toggle: (unit) => card.toggle(index, unit),
    });
  }

  // As large as fits, in rows that are equally long.
  measure() {
    const width = this.element.clientWidth, { outputs } = this.layer;
    const fitting = Math.floor(Math.sqrt(width * TILES.height / outputs));
    const size = Math.min(TILES.most, Math.max(TILES.least, fitting));
    const rows = Math.ceil(outputs / Math.max(1, Math.floor(width / size)));
    this.columns = Math.ceil(outputs / rows);
    this.size = Math.min(TILES.most, Math.max(size, Math.floor(width / this.columns)));
    this.fine = devicePixelRatio;
    this.canvas.style.width = `${this.columns * this.size}px`;
    this.canvas.style.height = `${rows * this.size}px`;
    this.canvas.width = Math.round(this.columns * this.size * this.fine);
    this.canvas.height = Math.round(rows * this.size * this.fine);
  }

  unitAt(event) {
    const box = this.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left) / this.size);
    const row = Math.floor((event.clientY - box.top) / this.size);
    const unit = row * this.columns + column;
    const inside = column >= 0 && column < this.columns && row >= 0;
    return inside && unit < this.layer.outputs ? unit : -1;
  }

  paint(outputs, palette, off) {
    const context = this.canvas.getContext("2d"), { columns } = this;
    const side = this.size * this.fine, gap = Math.max(1, Math.round(side / 10));
    const strength = SHADES / this.reach, inner = side - gap;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (let unit = 0, x = 0, y = 0; unit < outputs.length; unit++) {
      const shade = Math.round(Math.min(SHADES, Math.max(-SHADES, strength * outputs[unit])));
      context.fillStyle = palette.shades[SHADES + shade];
      context.fillRect(x * side, y * side, inner, inner);
      if (++x === columns) [x, y] = [0, y + 1];
    }
    context.strokeStyle = palette.ink;
    for (const unit of off) this.cross(context, unit, side, inner);
    for (const [unit, width] of this.rings) {
      context.lineWidth = width * this.fine;
      const [x, y] = [unit % columns, Math.floor(unit / columns)].map((at) => at * side);
      context.strokeRect(x, y, inner, inner);
    }
  }

  cross(context, unit, side, inner) {
    const [x, y] = [unit % this.columns, Math.floor(unit / this.columns)].map((at) => at * side);
    context.lineWidth = this.fine;
    context.clearRect(x, y, inner, inner);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + inner, y + inner);
    context.moveTo(x + inner, y);
    context.lineTo(x, y + inner);
    context.stroke();
  }
}

// --- the ten bars -----------------------------------------------------------------------

class Bars {
  constructor(card, index) {
    this.rows = Array.from({ length: 10 }, (_, digit) => {
      const bar = element("i"), mark = element("u"), share = element("span");
      mark.hidden = true;
      const row = element("div", { class: "bar" }, element("b", {}, digit), element("div", {}, bar, mark), share);
      return { row, bar, mark, share };
    });
    this.element = slider("div", { class: "bars" }, 10);
    this.element.append(...this.rows.map(({ row }) => row));
    choosing(this.element, {
      count: 10,
      find: (event) => this.rows.findIndex(({ row }) => row.contains(event.target)),
      choose: (digit) => card.choose(index, digit),
    });
  }

  // The probabilities, and where they would be with all units on; the right one if known.
  paint(probs, answer, whole, label) {
    this.rows.forEach(({ row, bar, mark, share }, digit) => {
      const prob = probs ? probs[digit] : 0;
      row.classList.toggle("best", digit === answer);
      row.classList.toggle("right", digit === label);
      bar.style.width = `${100 * prob}%`;
      share.textContent = probs ? percent(prob) : "";
      mark.hidden = !whole;
      if (whole) mark.style.left = `${100 * whole[digit]}%`;
    });
  }
}
