// One network: its layers, its answer, what a unit looks for, and units switched off.
// Texts from a run only ever become text nodes.
"use strict";

const HEARD = 6; // inputs that are named of those a unit listens to

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
    this.truth = element("p", { class: "sure" });
    this.facts = element("p", { class: "soft small" });
    this.told = element("div", { class: "told" });
    this.whole = element("div", { class: "whole" });
    this.element = element("article", { class: "network" },
      element("header", {}, element("h2", {}, network.name), this.facts),
      element("div", { class: "reading" }, element("div", { class: "answer" }, this.digit, this.sure, this.truth), this.bars.element),
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

  // Answer to these pixels; null stands for nothing drawn, or for no known label.
  show(pixels, label = null) {
    Object.assign(this, { pixels, label });
    const blank = !pixels;
    const input = pixels || new Uint8Array(SIDE * SIDE);
    this.result = forward(this.network, input, this.off);
    this.intact = this.numOff && !blank ? forward(this.network, input) : null;
    const { probs, answer } = this.result;
    this.bars.paint(blank ? null : probs, blank ? -1 : answer, this.intact?.probs, label);
    this.digit.textContent = blank ? "?" : answer;
    this.digit.classList.toggle("soft", blank);
    this.truth.textContent = label === null ? "" : this.words.label(label);
    this.truth.classList.toggle("wrong", label !== null && label !== answer);
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
    this.show(this.pixels, this.label);
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
        this.show(this.pixels, this.label);
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
