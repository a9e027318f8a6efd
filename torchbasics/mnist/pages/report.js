// Shows what the report's JSON holds. Texts from files only ever become text nodes.
"use strict";

const report = JSON.parse(document.getElementById("report").textContent);
const SIZE = 28, FIRST = 24;
const percent = (share, places = 2) => `${(100 * share).toFixed(places)} %`;
const count = (number) => number.toLocaleString("en-US");
const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);
const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function styled(made, styles) {
  for (const [key, value] of Object.entries(styles)) made.style.setProperty(key, value);
  return made;
}

// --- charts ---------------------------------------------------------------------

const WIDTH = 360, HEIGHT = 236, LEFT = 46, RIGHT = 10, TOP = 8, BOTTOM = 38;

function ticks(low, high, log, whole = false) {
  if (log) {
    const first = Math.floor(low), last = Math.ceil(high);
    const step = Math.max(1, Math.ceil((last - first) / 5));
    const some = [];
    for (let at = first; at <= last; at += step) some.push(at);
    return some;
  }
  const rough = (high - low) / 5 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(whole ? 1 : 0, power * [1, 2, 5, 10].find((unit) => unit * power >= rough));
  const some = [];
  for (let at = Math.ceil(low / step); at * step <= high + step / 1e6; at++) some.push(at * step);
  return some;
}

const powerOfTen = (power) => (power < -3 || power > 3 ? `1e${power}` : String(Number(`1e${power}`)));

// Lines over one another: `lines` are {name, color, points: [[x, y], ...]}.
function chart(lines, { label, x, log = false, form = String, limits = null, extra = [] }) {
  const height = (value) => (log ? Math.log10(value) : value);
  const kept = lines.map((line) => ({
    ...line, points: line.points.filter(([, value]) => !log || value > 0),
  }));
  const points = kept.flatMap((line) => line.points);
  const [xs, ys] = limits || [points.map((point) => point[0]), points.map((point) => point[1])]
    .map((values) => [Math.min(...values), Math.max(...values)]);
  let [left, right] = xs;
  let [low, high] = log
    ? [Math.floor(Math.log10(ys[0])), Math.ceil(Math.log10(ys[1]))] : ys;
  if (left === right) [left, right] = [left - 1, right + 1];
  if (low === high) [low, high] = [low - 1, high + 1];
  const across = (value) => LEFT + ((value - left) / (right - left)) * (WIDTH - LEFT - RIGHT);
  const up = (value) => HEIGHT - BOTTOM - ((value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const picture = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label });
  for (const at of ticks(low, high, log)) {
    const y = up(at);
    picture.append(drawn("path", { class: "axis", d: `M${LEFT} ${y}H${WIDTH - RIGHT}` }));
    const text = log ? powerOfTen(at) : form(at);
    picture.append(drawn("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, text));
  }
  for (const at of ticks(left, right, false, x === "epoch")) {
    const text = String(Number(at.toPrecision(3)));
    picture.append(drawn("text", { x: across(at), y: HEIGHT - 22, "text-anchor": "middle" }, text));
  }
  picture.append(drawn("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: HEIGHT - 6, "text-anchor": "middle" }, x));
  picture.append(...extra.map((make) => make(across, up)));
  for (const { name, color, points } of kept) {
    const path = points.map(([x, y]) => `${across(x).toFixed(1)} ${up(height(y)).toFixed(1)}`);
    const line = drawn("path", { class: "line", d: path.length ? `M${path.join("L")}` : "" });
    picture.append(styled(line, { stroke: color }));
    if (points.length > 40) continue;
    for (const [x, y] of points) {
      const dot = drawn("circle", { cx: across(x), cy: up(height(y)), r: 2.5 });
      dot.append(drawn("title", {}, `${name}, ${x}: ${form(y)}`));
      picture.append(styled(dot, { fill: color }));
    }
  }
  const legend = element("div", { class: "legend" });
  for (const { name, color } of kept) {
    legend.append(element("span", {}, styled(element("i"), { background: color }), name));
  }
  return element("figure", {}, element("h3", {}, label), picture, legend);
}

// --- pictures of digits -----------------------------------------------------------

// The rows of a picture, each the 784 pixels of a tile.
async function rowsOf(url) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  return (row) => context.getImageData(0, row, picture.width, 1).data;
}

// A tile, painted as soon as its picture is there; `paint` makes a colour of a grey.
function tile(rows, row, label, paint) {
  const made = element("canvas", { width: SIZE, height: SIZE, role: "img", "aria-label": label });
  rows.then((read) => {
    const context = made.getContext("2d"), pixels = context.createImageData(SIZE, SIZE);
    const greys = read(row);
    for (let at = 0; at < greys.length; at += 4) pixels.data.set(paint(greys[at]), at);
    context.putImageData(pixels, 0, 0);
  });
  return made;
}

const ink = (grey) => [0, 0, 0, grey];
const strength = (grey) => // 128 is 0
  [...(grey > 128 ? [217, 95, 2] : [0, 84, 166]), Math.min(255, 2 * Math.abs(grey - 128))];

const digitRows = rowsOf(report.pictures);
const places = new Map(Object.keys(report.digits).map((index, place) => [Number(index), place]));

function probabilities(label, answer, thousandths) {
  const bars = thousandths.map((value, digit) => {
    const kind = digit === label ? "right" : digit === answer ? "wrong" : "";
    const bar = styled(element("i", { class: kind }), { height: `${value / 15}%` });
    return element("span", { title: `${digit}: ${value / 10} %` }, bar, element("small", {}, digit));
  });
  return element("div", { class: "probs" }, ...bars);
}

function digitCard([index, answer, ...thousandths]) {
  const label = report.digits[index], sure = percent(thousandths[answer] / 1000, 0);
  const picture = tile(digitRows, places.get(index), `test digit ${index}: ${label}`, ink);
  return element("div", { class: "digit" }, picture,
    element("p", {}, `${label} read as `, element("b", {}, answer), element("br"), `${sure} sure`),
    probabilities(label, answer, thousandths),
    element("p", { class: "soft" }, `test digit ${index}`));
}

const digitCards = (examples) => element("div", { class: "digits" }, ...examples.map(digitCard));

// --- the parts of the report --------------------------------------------------------

function facts(run) {
  const rows = run.confusion;
  const total = sum(rows.flat()), right = sum(rows.map((row, digit) => row[digit]));
  const shares = rows.map((row, digit) => row[digit] / sum(row));
  const weakest = shares.indexOf(Math.min(...shares));
  let most = [0, 1];
  rows.forEach((row, digit) => row.forEach((number, answer) => {
    if (digit !== answer && number > rows[most[0]][most[1]]) most = [digit, answer];
  }));
  const [counts, confidence] = run.calibration.bins[0];
  const sure = sum(counts.map((n, at) => n * confidence[at])) / total;
  return { total, right, shares, weakest, most, sure };
}

function bars(rows) {
  const table = element("table", { class: "bars" });
  for (const [name, share, own] of rows) {
    const bar = styled(element("span", { class: own ? "bar own" : "bar" }), { width: `${100 * share}%` });
    table.append(element("tr", {}, element("th", { scope: "row" }, name),
      element("td", {}, bar), element("td", {}, percent(share))));
  }
  return table;
}

function score(run) {
  const { total, right, shares, weakest, most, sure } = facts(run);
  const [low, high] = run.interval;
  const [digit, answer] = most;
  const moved = run.robustness.shifted, aimed = run.robustness.FGSM;
  const but = run.flat ? ` (which says nothing where it is 0: at ${count(run.flat)} of ${count(run.changed)})` : "";
  const weak = [
    `It is weakest at ${weakest}: ${percent(shares[weakest], 1)} are read right.`,
    `Its most frequent mistake: ${digit} taken for ${answer}, ` +
      `${plural(run.confusion[digit][answer], "time")}.`,
    `Shifted by 2 pixels, ${percent(moved["2 px"], 0)} are still read right; with each pixel ` +
      `moved by at most a tenth as the gradient says${but}, ${percent(aimed["0.1"], 0)}.`,
    `On average it is ${percent(sure, 1)} sure, and right in ${percent(right / total, 1)}.`,
  ];
  const made = element("div", {}, element("h2", {}, run.name),
    element("p", { class: "soft" }, run.architecture));
  if (run.unfinished.length) {
    const [step, total] = run.unfinished.map(count);
    made.append(element("p", { class: "warning" }, step === total
      ? `All ${total} steps are done, but the run ended before it was scored: --resume scores it.`
      : `This run is not finished: the network is that of step ${step} of ${total}.`));
  }
  const list = element("ul", {}, ...weak.map((text) => element("li", {}, text)));
  made.append(element("p", {}, element("span", { class: "score" }, percent(right / total)),
    ` of the test digits are read right: ${count(right)} of ${count(total)}. The 95 % ` +
    `confidence interval (Wilson's) is ${percent(low)} to ${percent(high)}. The mean ` +
    `cross-entropy is ${run.loss.toFixed(4)}.`),
  bars([["this network", right / total, true], ...Object.entries(report.baselines)]),
  element("p", { class: "soft small" }, "Grey: what needs no network, learned from the 60,000 " +
    "training digits: the most frequent digit; how much ink there is; the nearest mean image."),
  list, element("p", {}, "To draw digits against it: ", element("code", {}, run.playground)));
  return made;
}

// What all runs have under these tags, so that charts side by side have one scale.
function limits(part, kind, log = false) {
  const points = report.runs.flatMap((run) => Object.entries(run[part]))
    .filter(([tag]) => tag.startsWith(`${kind}/`)).flatMap(([, points]) => points)
    .filter(([, value]) => !log || value > 0);
  return [0, 1].map((side) => points.map((point) => point[side]))
    .map((values) => [Math.min(...values), Math.max(...values)]);
}

const short = (value) => String(Number(value.toPrecision(3)));

function curves(run) {
  if (!Object.keys(run.curves).length) return missing("This run has left no whole line of metrics.jsonl, so no curves", run);
  const colors = { train: "var(--blue)", validation: "var(--green)", test: "var(--orange)" };
  const charts = element("div", { class: "charts" });
  for (const kind of ["loss", "accuracy"]) {
    const log = kind === "loss", form = log ? short : (value) => percent(value, 1);
    const label = log ? "loss (mean cross-entropy)" : "accuracy";
    const lines = Object.entries(colors).filter(([split]) => run.curves[`${kind}/${split}`])
      .map(([name, color]) => ({ name, color, points: run.curves[`${kind}/${name}`] }));
    if (!lines.length) continue;
    charts.append(chart(lines, { label, x: "epoch", form, log, limits: limits("curves", kind, log) }));
  }
  return charts;
}

function missing(what, run) {
  if (run.facts.weights) return element("p", {}, `${what}: its weights were read from a file.`);
  const note = element("p", {}, `${what}. To record them, train with`);
  return element("div", {}, note,
    element("pre", {}, `${run.again} --monitor.histograms 1`));
}

function confusion(run) {
  const { most } = facts(run), rows = run.confusion;
  const largest = Math.max(1, rows[most[0]][most[1]]);
  const panel = element("div", { "aria-live": "polite" });
  const buttons = [];
  const show = (digit, answer, button) => {
    buttons.forEach((one) => one.setAttribute("aria-pressed", one === button));
    const some = run.examples.filter(([index, read]) => report.digits[index] === digit && read === answer);
    const all = rows[digit][answer], which = digit === answer ? "least sure" : "surest";
    const shown = some.length < all ? `: the ${some.length} ${which}` : "";
    panel.replaceChildren(element("h3", {},
      `${digit} read as ${answer}, ${plural(all, "time")}${shown}`), digitCards(some));
  };
  const head = element("tr", {}, element("th", { scope: "col" }, "digit"));
  for (let answer = 0; answer < 10; answer++) head.append(element("th", { scope: "col" }, answer));
  head.append(element("th", { scope: "col" }, "right"));
  const table = element("table", { class: "matrix" }, head);
  rows.forEach((row, digit) => {
    const line = element("tr", {}, element("th", { scope: "row" }, digit));
    row.forEach((number, answer) => {
      const cell = element("td");
      if (number) {
        const button = element("button", {
          type: "button", "aria-pressed": false,
          "aria-label": `${number} times ${digit} read as ${answer}`,
        }, number);
        if (digit !== answer) {
          const shade = 12 + 68 * (number / largest);
          styled(button, { "--shade": `color-mix(in srgb, var(--orange) ${shade}%, var(--paper))` });
        }
        button.addEventListener("click", () => show(digit, answer, button));
        buttons.push(button);
        if (digit === most[0] && answer === most[1]) queueMicrotask(() => button.click());
        cell.append(button);
      }
      line.append(cell);
    });
    line.append(element("td", {}, (100 * row[digit] / sum(row)).toFixed(1)));
    table.append(line);
  });
  return element("div", {}, table, panel);
}

function errors(run) {
  const wrong = run.examples
    .filter(([index, answer]) => report.digits[index] !== answer)
    .sort((a, b) => b[2 + b[1]] - a[2 + a[1]]);
  if (!wrong.length) return element("p", {}, "There is none.");
  const { total, right } = facts(run), all = total - right;
  const made = element("div", {}, digitCards(wrong.slice(0, FIRST)));
  if (wrong.length < all) {
    made.prepend(element("p", { class: "soft small" }, `The page holds ${count(wrong.length)} of the ` +
      `${count(all)} mistakes: of each cell of the table above the surest.`));
  }
  if (wrong.length > FIRST) {
    const more = element("button", { type: "button" }, `show ${wrong.length - FIRST} more`);
    more.addEventListener("click", () => more.replaceWith(digitCards(wrong.slice(FIRST))));
    made.append(more);
  }
  return made;
}

function weights(run) {
  const rows = rowsOf(run.weights), shown = Math.min(run.units, 100);
  const tiles = Array.from({ length: shown }, (_, unit) =>
    tile(rows, unit, `weights of unit ${unit + 1}`, strength));
  const made = element("div", {}, element("div", { class: "units" }, ...tiles));
  if (shown < run.units) made.append(element("p", { class: "soft small" }, `The first ${shown} of ${run.units} units.`));
  return made;
}

function calibration(run) {
  const { bins, errors, temperatures, ends: [coldest, hottest], validation } = run.calibration;
  const names = [["as it is", "var(--orange)"], ["after temperature scaling", "var(--blue)"]];
  const lines = names.map(([name, color], which) => {
    const [counts, confidence, accuracy] = bins[which];
    const points = confidence.map((x, at) => [x, accuracy[at]]).filter((_, at) => counts[at] >= 10);
    return { name: `${name}: ECE ${percent(errors[which])}`, color, points };
  });
  const diagonal = (across, up) => drawn("path", {
    class: "axis", d: `M${across(0)} ${up(0)}L${across(1)} ${up(1)}`, "stroke-dasharray": "4 4",
  });
  const picture = chart(lines, {
    label: "share right, by confidence", x: "confidence", limits: [[0, 1], [0, 1]],
    form: (value) => percent(value, 0), extra: [diagonal],
  });
  const bound = (one) => (one > 0.999 * hottest ? "at least " : one < 1.001 * coldest ? "at most " : "");
  const hot = temperatures.map((one) => `${bound(one)}${one.toFixed(3)}`).join(" and ");
  const fitted = validation
    ? `The temperature, ${hot}, was fitted on the ${count(validation)} validation images.`
    : `This run held no validation images out, so the temperature was fitted on one half of the ` +
      `test digits and judged on the other, both ways: ${hot}.`;
  return element("div", {}, picture, element("p", { class: "soft small" },
    `${fitted} Bins of fewer than 10 answers are not drawn; the ECE counts them.`));
}

function health(run) {
  if (!Object.keys(run.health).length) {
    return missing("Nothing was recorded of this run's gradients and activations", run);
  }
  const titles = {
    gradient_norm: ["size of the gradient (norm)", true, "Every gradient was exactly 0: it has vanished, and nothing is learned."],
    update_ratio: ["update / weights, per step", true, "No step changed the weights."],
    activation_std: ["spread of the activations (std)", false, "The activations of a layer were all alike."],
    saturated: ["saturated activations", false, "There were no saturated activations."],
    dead: ["dead units", false, "There were no dead units."],
  };
  const made = element("div", { class: "charts" }), still = [];
  for (const [kind, [label, log, none]] of Object.entries(titles)) {
    const lines = run.layers.filter((layer) => run.health[`${kind}/${layer}`]).map((layer) => {
      const share = run.layers.length > 1 ? run.layers.indexOf(layer) / (run.layers.length - 1) : 0;
      const color = `color-mix(in oklch, var(--orange) ${100 * share}%, var(--blue))`;
      return { name: layer, color, points: run.health[`${kind}/${layer}`] };
    });
    if (!lines.length) continue;
    const zero = lines.filter((line) => line.points.every(([, value]) => value === 0));
    if (zero.length === lines.length) {
      still.push(none);
      continue;
    }
    if (log && zero.length) {
      still.push(`Always 0, so not drawn: ${label} of ${zero.map((line) => line.name).join(", ")}.`);
    }
    const form = log || kind === "activation_std" ? short : (value) => percent(value, 0);
    made.append(chart(lines, { label, x: "epoch", log, form, limits: limits("health", kind, log) }));
  }
  return element("div", {}, made, element("p", { class: "soft small" }, still.join(" ")));
}

function robustness(run) {
  const rows = Object.entries(run.robustness)
    .filter(([kind]) => kind !== "FGSM" && kind !== "random signs")
    .flatMap(([kind, shares]) => Object.entries(shares).map(
      ([amount, share]) => [amount ? `${kind}, ${amount}` : kind, share, !amount && kind !== "inverted"]));
  const clean = run.robustness["as they are"][""];
  const line = (kind, color) => ({
    name: kind, color,
    points: [[0, clean], ...Object.entries(run.robustness[kind]).map(([size, share]) => [Number(size), share])],
  });
  const attack = chart([line("random signs", "var(--blue)"), line("FGSM", "var(--orange)")], {
    label: "share right, each pixel changed", x: "change of each pixel (paper 0, ink 1)",
    form: (value) => percent(value, 0), limits: [[0, 0.2], [0, 1]],
  });
  const answer = run.blank.indexOf(Math.max(...run.blank));
  const aim = element("div", {}, attack);
  if (run.flat) {
    aim.append(element("p", { class: "warning" }, `At ${count(run.flat)} of the ${plural(run.changed, "digit")} ` +
      `the gradient is exactly 0: FGSM leaves them as they are, which does not make them robust.`));
  }
  return element("div", { class: "charts" }, element("div", {}, bars(rows), element("p", { class: "small" },
    `Of ${count(run.changed)} test digits. A blank image it takes for ${answer}, ${percent(run.blank[answer], 0)} sure: it cannot say ` +
    `that there is no digit.`)), aim);
}

function repeat(run) {
  const rows = Object.entries({ network: run.architecture, ...run.facts }).map(([name, fact]) =>
    element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, fact)));
  return element("div", {}, element("pre", {}, run.again), element("table", {}, ...rows));
}

const PARTS = { score, curves, confusion, errors, weights, calibration, health, robustness, repeat };
const two = report.runs.length > 1;

for (const section of document.querySelectorAll("[data-part]")) {
  const part = section.dataset.part, columns = element("div", { class: two ? "runs two" : "runs" });
  for (const run of report.runs) {
    const made = element("div", {}, PARTS[part](run));
    if (two && part !== "score") made.prepend(element("h3", { class: "soft" }, run.name));
    columns.append(made);
  }
  section.append(columns);
}
