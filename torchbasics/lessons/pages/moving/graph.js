// The picture of a small network: a card for each unit, a line for each weight.
"use strict";

class Graph {
  constructor(sizes, words, onChoose) {
    this.words = words;
    this.columns = sizes.map((count, column) =>
      Array.from({ length: count }, (_, unit) => [COLUMNS[column], 165 + 92 * (unit - (count - 1) / 2)]));
    this.heads = sizes.map((_, column) => shape("text", { class: "scale", x: COLUMNS[column], y: 14, "text-anchor": "middle" }));
    this.edges = [];
    const lines = shape("g"), cards = shape("g");
    this.columns.slice(1).forEach((column, layer) => column.forEach(([x, y], unit) =>
      this.columns[layer].forEach(([from_x, from_y], from) => {
        const line = shape("line", { x1: from_x, y1: from_y, x2: x, y2: y });
        lines.append(line);
        this.edges.push({ line, layer, from, unit });
      })));
    this.cards = this.columns.flatMap((column, at) => column.map((place, unit) => this.card(at, unit, place, onChoose)));
    cards.append(...this.cards.map(({ made }) => made));
    this.svg = shape("svg", { class: "graph", viewBox: "0 0 380 315", role: "group", "aria-label": words.layers_title }, ...this.heads, lines, cards);
  }

  // A unit that can be chosen; the inputs, which compute nothing, cannot.
  card(column, unit, [x, y], onChoose) {
    const { width, height } = CARD, texts = [-4, 12].map((down) => shape("text", { x, y: y + down, "text-anchor": "middle" }));
    const made = shape("g", { class: "unit" }, shape("rect", { x: x - width / 2, y: y - height / 2, width, height, rx: 8 }), ...texts);
    if (column) {
      const choose = () => onChoose([column - 1, unit]);
      for (const [key, value] of [["tabindex", 0], ["role", "button"]]) made.setAttribute(key, value);
      made.addEventListener("click", choose);
      made.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose();
      });
    }
    return { made, texts, layer: column - 1, unit };
  }

  show(data, { x, isBack, chosen }, passed, back, probs) {
    const { words } = this;
    const heads = isBack ? ["", "dL/da", "dL/da", "dL/da = p \u2212 t"] : [words.inputs, words.hidden1, words.hidden2, words.scores];
    this.heads.forEach((head, at) => { head.textContent = heads[at]; });
    for (const { made, texts, layer, unit } of this.cards) {
      const lines = layer < 0 ? [`x${unit + 1}`, rounded(x[unit], 2)]
        : isBack ? [signedSlope(back[layer].da[unit]), ""]
          : [`a ${rounded(passed[layer].a[unit])}`, layer === 2 ? `p ${rounded(probs[unit])}` : `z ${rounded(passed[layer].z[unit])}`];
      texts.forEach((text, at) => { text.textContent = lines[at]; });
      made.classList.toggle("single", isBack && layer >= 0);
      if (layer < 0) continue;
      made.classList.toggle("chosen", layer === chosen[0] && unit === chosen[1]);
      made.setAttribute("aria-pressed", layer === chosen[0] && unit === chosen[1]);
      made.setAttribute("aria-label", `${nameOfUnit(layer, unit, words)}: ${lines.join(", ")}`);
    }
    const value = ({ layer, from, unit }) => (isBack ? back[layer].dw : data.weights[layer])[from][unit];
    const most = Math.max(...this.edges.map((edge) => Math.abs(value(edge)))) || 1;
    for (const edge of this.edges) {
      const { line, layer, unit, from } = edge;
      const touches = isBack ? layer === chosen[0] + 1 && from === chosen[1] : layer === chosen[0] && unit === chosen[1];
      line.setAttribute("class", `${value(edge) < 0 ? "down" : "up"}${touches ? " heard" : ""}`);
      line.setAttribute("stroke-width", (0.75 + 6 * Math.abs(value(edge)) / most).toFixed(2));
    }
  }
}

const signedSlope = (x) => (x > 0 ? "+" : "") + rounded(x, 4);
