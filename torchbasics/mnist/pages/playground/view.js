// What a network makes of the drawing: its layers as tiles, ten bars, the answer, and
// what a unit looks for. Texts from a run only ever become text nodes.
"use strict";

const HEARD = 6; // inputs that are named of those a unit listens to
const SHADES = 24;
const TILES = { least: 4, most: 22, height: 150 }; // in CSS pixels; a layer's height

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

const percent = (share, places = 1) => `${(100 * share).toFixed(places)} %`;
const fixed = (x) => x.toFixed(2).replace("-", "\u2212");
const signed = (x) => (x > 0 ? "+" : "") + fixed(x);

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
  const go = (one) => { choose(chosen = one); };
  place.addEventListener("pointermove", (event) => {
    const one = find(event);
    if (one >= 0 && one !== chosen) go(one);
  });
  place.addEventListener("pointerdown", (event) => {
    const one = find(event), again = one === chosen;
    if (one < 0) return;
    go(one);
    if (event.pointerType === "mouse" || again) toggle?.(one);
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

  // The probabilities, and where they would be with all units on.
  paint(probs, answer, whole) {
    this.rows.forEach(({ row, bar, mark, share }, digit) => {
      const prob = probs ? probs[digit] : 0;
      row.classList.toggle("best", digit === answer);
      bar.style.width = `${100 * prob}%`;
      share.textContent = probs ? percent(prob) : "";
      mark.hidden = !whole;
      if (whole) mark.style.left = `${100 * whole[digit]}%`;
    });
  }
}

// --- one network ------------------------------------------------------------------------

class Card {
  constructor(network) {
    this.network = network;
    this.off = network.layers.map(() => new Set());
    this.chosen = null;
    const last = network.layers.length - 1;
    this.tiles = network.layers.slice(0, last).map((layer, index) => new Tiles(layer, this, index));
    this.bars = new Bars(this, last);
    this.digit = element("p", { class: "digit" });
    this.sure = element("p", { class: "soft sure" });
    this.facts = element("p", { class: "soft small" });
    this.told = element("div", { class: "told" });
    this.whole = element("div", { class: "whole" });
    this.element = element("article", { class: "network" },
      element("header", {}, element("h2", {}, network.name), this.facts),
      element("div", { class: "reading" }, element("div", { class: "answer" }, this.digit, this.sure), this.bars.element),
      element("div", { class: "layers" }, ...this.tiles.map((tiles) => tiles.element)),
      this.whole, this.told);
  }

  // How strong an output is to be fully lit: nearly the most that these digits make.
  calibrate(pictures) {
    const runs = pictures.map((pixels) => forward(this.network, pixels));
    this.tiles.forEach((tiles, index) => {
      const sizes = runs.flatMap((run) => Array.from(run.layers[index].outputs, Math.abs)).filter(Boolean);
      tiles.reach = (sizes.length && nth(sizes, Math.floor(0.98 * sizes.length))) || 1;
    });
  }

  get numOff() {
    return this.off.reduce((sum, units) => sum + units.size, 0);
  }

  // Answer to these pixels; null stands for nothing drawn.
  show(pixels) {
    this.pixels = pixels;
    const blank = !pixels;
    const input = pixels || new Uint8Array(SIDE * SIDE);
    this.result = forward(this.network, input, this.off);
    this.intact = this.numOff && !blank ? forward(this.network, input) : null;
    const { probs, answer } = this.result;
    this.bars.paint(blank ? null : probs, blank ? -1 : answer, this.intact?.probs);
    this.digit.textContent = blank ? "?" : answer;
    this.sure.textContent = blank ? "" : this.words.sure(percent(probs[answer]));
    this.paintTiles();
    this.tell();
  }

  paintTiles() {
    this.tiles.forEach((tiles, index) => {
      const { outputs } = this.result.layers[index];
      tiles.paint(this.pixels ? outputs : new Float32Array(outputs.length), this.palette, this.off[index]);
    });
  }

  choose(index, unit) {
    this.chosen = { index, unit };
    this.tell();
    this.paintTiles();
  }

  toggle(index, unit) {
    const units = this.off[index];
    if (!units.delete(unit)) units.add(unit);
    this.show(this.pixels);
  }

  // In this language, with these colours.
  dress(words, palette) {
    Object.assign(this, { words, palette });
    this.facts.textContent = words.facts(this.network.architecture, percent(this.network.accuracy, 2));
    this.bars.element.setAttribute("aria-label", words.probabilities);
    this.tiles.forEach((tiles) => tiles.measure());
    for (const { layer, canvas, facts } of this.tiles) {
      canvas.setAttribute("aria-label", words.layer(layer.name, layer.outputs));
      facts.textContent = words.layer_facts(layer.outputs, layer.activation);
    }
  }

  // What is known of the chosen unit, and of the units that are off.
  tell() {
    const { words, chosen, network } = this;
    this.tiles.forEach((tiles) => tiles.rings.clear());
    this.whole.replaceChildren();
    if (this.numOff) {
      const button = element("button", { type: "button" }, words.all_on(this.numOff));
      button.addEventListener("click", () => {
        this.off.forEach((units) => units.clear());
        this.show(this.pixels);
      });
      const { intact } = this;
      this.whole.append(button, intact ? words.whole(intact.answer, percent(intact.probs[intact.answer])) : "");
    }
    if (!chosen) {
      this.told.replaceChildren(element("p", { class: "soft" }, network.layers.length > 1 ? words.point : ""));
      return;
    }
    const { index, unit } = chosen, layer = network.layers[index], run = this.result.layers[index];
    const isLast = index === network.layers.length - 1;
    this.tiles[index]?.rings.set(unit, 2.5);
    const facts = this.factsOf(layer, run, unit, isLast);
    const title = isLast ? words.output(unit) : words.unit(layer.name, unit);
    const head = element("div", { class: "head" }, element("h3", {}, title));
    if (!isLast) head.append(this.switch(index, unit));
    const list = element("dl");
    for (const [name, value] of facts) list.append(element("div", {}, element("dt", {}, name), element("dd", {}, value)));
    this.told.replaceChildren(head, list, ...(index ? this.listening(index, unit, run) : this.looking(layer, unit)));
    const place = isLast ? this.bars.element : this.tiles[index].canvas;
    place.setAttribute("aria-valuenow", unit);
    place.setAttribute("aria-valuetext", `${title}. ${facts.map((fact) => fact.join(" ")).join(", ")}`);
  }

  factsOf(layer, run, unit, isLast) {
    const { words } = this;
    if (isLast) return [[words.logit, fixed(run.sums[unit])], [words.prob, percent(this.result.probs[unit])]];
    const facts = [[words.sum, fixed(run.sums[unit])]];
    if (layer.scale) facts.push([words.normed, fixed(run.before[unit])]);
    const isOff = this.off[this.chosen.index].has(unit);
    return [...facts, [words.after(layer.activation), isOff ? words.is_off : fixed(run.outputs[unit])]];
  }

  switch(index, unit) {
    const text = this.off[index].has(unit) ? this.words.switch_on : this.words.switch_off;
    const button = element("button", { type: "button" }, text);
    button.addEventListener("click", () => this.toggle(index, unit));
    return button;
  }

  // The weights of a unit of the first layer, where its pixels are.
  looking(layer, unit) {
    const weights = layer.weight.subarray(unit * layer.inputs, (unit + 1) * layer.inputs);
    const canvas = element("canvas", { class: "weights", width: SIDE, height: SIDE, role: "img", "aria-label": this.words.listens_pixels });
    const context = canvas.getContext("2d"), image = context.createImageData(SIDE, SIDE);
    const most = weights.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-30);
    weights.forEach((weight, i) => {
      const colour = weight > 0 ? this.palette.up : this.palette.down;
      image.data.set([...colour, 255 * Math.abs(weight) / most], 4 * i);
    });
    context.putImageData(image, 0, 0);
    return [element("div", { class: "looks" }, canvas, element("p", { class: "small soft" }, this.words.looks_for))];
  }

  // The units of the layer before that a unit listens to, with rings around them there.
  listening(index, unit, run) {
    const before = this.network.layers[index - 1];
    const list = element("ul", { class: "heard" }), most = heard(this.network.layers[index], unit, run.inputs, HEARD);
    const largest = Math.max(1e-30, ...most.map(({ adds }) => Math.abs(adds)));
    for (const { from, weight, adds } of most) {
      this.tiles[index - 1].rings.set(from, 1.5);
      const bar = element("i", { class: adds > 0 ? "up" : "down" });
      bar.style.width = `${100 * Math.abs(adds) / largest}%`;
      list.append(element("li", {}, element("b", {}, from),
        element("span", {}, `${fixed(run.inputs[from])} × ${fixed(weight)} = ${signed(adds)}`), element("div", {}, bar)));
    }
    return [element("p", { class: "small soft" }, this.words.listens(before.name)), list];
  }
}
