// The four inputs of a truth table: as dots in a plane, and as the ends of a table's rows.
"use strict";

const isRight = (sum, target) => Number(sum > 0) === target;
const signedly = (x) => (x > 0 ? "+" : "") + rounded(x);

// Filled where 1 is wanted, ringed where the answer is wrong; a text beside it.
class Dot {
  constructor(plane) {
    this.plane = plane;
    this.mark = shape("circle", { r: 7 });
    this.ring = shape("circle", { r: 13 });
    this.text = shape("text", { "text-anchor": "middle", class: "value" });
    plane.layers.marks.append(this.mark, this.ring, this.text);
  }

  show([x, y], sum, target, text) {
    const across = this.plane.px(x), down = this.plane.py(y);
    for (const circle of [this.mark, this.ring]) {
      circle.setAttribute("cx", across);
      circle.setAttribute("cy", down);
    }
    this.mark.setAttribute("class", target ? "one" : "zero");
    this.ring.setAttribute("class", isRight(sum, target) ? "ring" : "ring wrong");
    this.text.setAttribute("x", across);
    this.text.setAttribute("y", down + (y > 0.5 ? -18 : 27));
    this.text.textContent = text;
  }
}

// The answer, the one that is wanted, and whether they agree.
class Verdict {
  constructor() {
    this.cells = [piece("span"), piece("span"), piece("span")];
  }

  show(sum, target, words) {
    const [answer, wanted, mark] = this.cells, agrees = isRight(sum, target);
    answer.textContent = Number(sum > 0);
    wanted.textContent = target;
    mark.textContent = agrees ? "\u2713" : `\u2717 ${words.wrong}`;
    mark.className = agrees ? "right" : "wrong";
  }
}
