// What is told of the unit one points at: its values, and what it listens to.
"use strict";

const HEARD = 6; // inputs that are named of those a unit listens to

class Told {
  constructor(card) {
    this.card = card;
    this.chosen = null; // {index of its layer, unit}
    this.title = element("h3");
    this.switch = element("button", { type: "button" });
    this.values = element("dl");
    this.body = element("div");
    this.head = element("div", { class: "head" }, this.title, this.switch);
    this.element = element("div", { class: "told" }, this.head, this.values, this.body);
    this.switch.addEventListener("click", () => card.toggle(this.chosen.index, this.chosen.unit));
  }

  // What was pointed at: a layer's tiles, or, of the last layer, the bars.
  get place() {
    return this.card.tiles[this.chosen.index]?.canvas ?? this.card.bars.element;
  }

  tell() {
    const { words, network } = this.card;
    this.head.hidden = this.values.hidden = !this.chosen;
    if (!this.chosen) {
      const hint = network.layers.length > 1 ? words.point : words.point_bar;
      this.body.replaceChildren(element("p", { class: "soft" }, hint));
      return;
    }
    const { index, unit } = this.chosen, layer = network.layers[index];
    const tiles = this.card.tiles[index];
    tiles?.rings.set(unit, 2.5);
    this.title.textContent = tiles ? words.unit(layer.name, unit) : words.output(unit);
    this.switch.hidden = !tiles;
    this.switch.textContent = this.card.off[index].has(unit) ? words.switch_on : words.switch_off;
    const values = this.card.pixels ? this.valuesOf(index, unit) : [];
    this.values.replaceChildren(...values.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value))));
    this.body.replaceChildren(...(index ? this.listening(index, unit) : this.looking(layer, unit)));
    this.place.setAttribute("aria-valuenow", unit);
    this.place.setAttribute("aria-valuetext", `${this.title.textContent}. ${values.map((one) => one.join(" ")).join(", ")}`);
  }

  valuesOf(index, unit) {
    const { words, network, result, off } = this.card, layer = network.layers[index];
    const { sums, outputs } = result.layers[index];
    if (!this.card.tiles[index]) return [[words.logit, fixed(sums[unit])], [words.prob, percent(result.probs[unit])]];
    return [[words.sum, fixed(sums[unit])],
      [words.after(layer.activation), off[index].has(unit) ? words.is_off : fixed(outputs[unit])]];
  }

  // The weights of a unit of the first layer, where its pixels are.
  looking(layer, unit) {
    const { words, palette } = this.card;
    const weights = layer.weight.subarray(unit * layer.inputs, (unit + 1) * layer.inputs);
    const canvas = element("canvas", { class: "weights", width: SIDE, height: SIDE, role: "img", "aria-label": words.listens_pixels });
    const context = canvas.getContext("2d"), image = context.createImageData(SIDE, SIDE);
    const most = weights.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-30);
    weights.forEach((weight, i) => {
      const colour = weight > 0 ? palette.up : palette.down;
      image.data.set([...colour, 255 * Math.abs(weight) / most], 4 * i);
    });
    context.putImageData(image, 0, 0);
    return [element("div", { class: "looks" }, canvas, element("p", { class: "small soft" }, words.looks_for))];
  }

  // The units of the layer before that a unit listens to, with rings around them there.
  listening(index, unit) {
    const { words, network, result, tiles } = this.card, layer = network.layers[index];
    if (!this.card.pixels) return [element("p", { class: "small soft" }, words.draw_first)];
    const { inputs } = result.layers[index];
    const list = element("ul", { class: "heard" }), most = heard(layer, unit, inputs, HEARD);
    const largest = Math.max(1e-30, ...most.map(({ adds }) => Math.abs(adds)));
    for (const { from, weight, adds } of most) {
      tiles[index - 1].rings.set(from, 1.5);
      const bar = element("i", { class: adds > 0 ? "up" : "down" });
      bar.style.width = `${100 * Math.abs(adds) / largest}%`;
      list.append(element("li", {}, element("b", {}, from),
        element("span", {}, `${fixed(inputs[from])} × ${fixed(weight)} = ${signed(adds)}`), element("div", {}, bar)));
    }
    return [element("p", { class: "small soft" }, words.listens(network.layers[index - 1].name)), list];
  }
}
