// One network: its layers, its answer, and its units that are switched off. Texts from a
// run only ever become text nodes.
"use strict";

class Card {
  constructor(network) {
    this.network = network;
    this.off = network.layers.map(() => new Set());
    const last = network.layers.length - 1;
    this.tiles = network.layers.slice(0, last).map((layer, index) => new Tiles(layer, this, index));
    this.bars = new Bars(this, last);
    this.told = new Told(this);
    this.digit = element("p", { class: "digit" });
    this.sure = element("p", { class: "soft sure" });
    this.truth = element("p", { class: "sure" });
    this.facts = element("p", { class: "soft small" });
    this.legend = element("p", { class: "soft small" });
    this.allOn = element("button", { type: "button" });
    this.intactFacts = element("span");
    this.whole = element("div", { class: "whole", hidden: "" }, this.allOn, this.intactFacts);
    this.allOn.addEventListener("click", () => this.switchAllOn());
    this.element = element("article", { class: "network" },
      element("header", {}, element("h2", { dir: "auto" }, network.name), this.facts),
      element("div", { class: "reading" }, element("div", { class: "answer" }, this.digit, this.sure, this.truth), this.bars.element),
      element("div", { class: "layers" }, ...this.tiles.map((tiles) => tiles.element)),
      this.legend, this.whole, this.told.element);
  }

  // How strong an output is to be fully lit: nearly the most that these digits make.
  calibrate(pictures) {
    const runs = pictures.map((pixels) => forward(this.network, pixels));
    this.tiles.forEach((tiles, index) => {
      const sizes = runs.flatMap((run) => Array.from(run.layers[index].outputs, Math.abs)).filter(Boolean);
      sizes.sort((a, b) => a - b);
      tiles.reach = sizes[Math.floor(0.98 * sizes.length)] ?? 1;
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
    this.tell();
  }

  choose(index, unit) {
    this.told.chosen = { index, unit };
    this.tell();
  }

  toggle(index, unit) {
    const units = this.off[index];
    if (!units.delete(unit)) units.add(unit);
    this.show(this.pixels, this.label);
  }

  // The button goes, and with it the focus: that is at a layer then, as before.
  switchAllOn() {
    this.off.forEach((units) => units.clear());
    this.show(this.pixels, this.label);
    this.told.place.focus({ preventScroll: true });
  }

  // In this language, with these colours.
  dress(words, palette) {
    Object.assign(this, { words, palette });
    this.facts.textContent = words.facts(this.network.architecture, percent(this.network.accuracy, 2));
    this.legend.textContent = this.tiles.length ? words.legend : "";
    this.bars.element.setAttribute("aria-label", words.probabilities);
    this.tiles.forEach((tiles) => tiles.measure());
    for (const { layer, canvas, facts } of this.tiles) {
      canvas.setAttribute("aria-label", words.layer(layer.name, layer.outputs));
      facts.textContent = words.layer_facts(layer.outputs, layer.activation);
    }
  }

  // What is known of the chosen unit, its rings, and what the units that are off change.
  tell() {
    const { words, intact, numOff } = this;
    this.tiles.forEach((tiles) => tiles.rings.clear());
    this.told.tell();
    this.whole.hidden = !numOff;
    this.allOn.textContent = numOff ? words.all_on(numOff) : "";
    this.intactFacts.textContent = intact ? words.whole(intact.answer, percent(intact.probs[intact.answer])) : "";
    this.tiles.forEach((tiles, index) => {
      const { outputs } = this.result.layers[index];
      tiles.paint(this.pixels ? outputs : new Float32Array(outputs.length), this.palette, this.off[index]);
    });
  }
}
