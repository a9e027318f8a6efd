// The steps of torchbasics/data/prepare.md, so that a page and prepare.py make the same of
// a grey picture: every number is a float32, as PyTorch's are.
//
// An image is {height, width, values}, its values row by row.
"use strict";

const SIDE = 28, BOX = 20;
const LONGEST = 640, SMALL = 128;
const BLANK = 0.2, GRAIN = 7, SPECK = 8;
const STROKE = 0.4, FAINT = 0.15;
const THIN = 1.5, PEN = 2.0;

const round32 = Math.fround;

function imageOf(height, width, values = new Float32Array(height * width)) {
  return { height, width, values };
}

// Loops are plain throughout: a function called for each pixel takes ten times as long.
function negated({ height, width, values }) {
  const made = imageOf(height, width);
  for (let i = 0; i < values.length; i++) made.values[i] = -values[i];
  return made;
}

function inverted({ height, width, values }, white) {
  const made = imageOf(height, width);
  for (let i = 0; i < values.length; i++) made.values[i] = white - values[i];
  return made;
}

// The one digit that a picture shows, 28 x 28 from 0 to 255; zeros if it is blank.
function prepare(grey) {
  const ink = inkOf(grey);
  return asMnist(ink, strokesOf(ink));
}

// Steps 1 to 5: from 0 for paper, however it is lit, to 1 for ink.
function inkOf(picture) {
  let grey = atMost(LONGEST, picture), small = atMost(SMALL, grey);
  if (isInkLight(small)) [grey, small] = [inverted(grey, 255), inverted(small, 255)];
  const paper = enlarged(closed(small), grey.height, grey.width).values;
  const ink = imageOf(grey.height, grey.width), { values } = ink, count = values.length;
  for (let i = 0; i < count; i++) {
    values[i] = round32(paper[i] - grey.values[i]) / Math.max(1, paper[i]);
  }
  const last = count - Math.max(1, Math.floor(count / 5000));
  const [quarter, median, level] = orderedAt(values, [(count - 1) >> 2, (count - 1) >> 1, last]);
  const grain = median + GRAIN * (median - quarter);
  const blank = level < round32(Math.max(BLANK, 3 * median, grain));
  for (let i = 0; i < count; i++) {
    values[i] = blank ? 0 : Math.min(1, Math.max(0, values[i] / level));
  }
  return ink;
}

// Whether what is rare is lighter than what is around it: the mean of a square, whose sum
// is that of four corners in a table of all sums from the first pixel on.
function isInkLight({ height, width, values }) {
  const radius = Math.max(1, Math.floor(Math.min(height, width) / 4)), size = 2 * radius + 1;
  const around = padded({ height, width, values }, radius, null), columns = around.width + 1;
  const sums = new Float64Array(columns * (around.height + 1));
  for (let row = 0, i = 0; row < around.height; row++) {
    for (let column = 0, line = 0; column < around.width; column++, i++) {
      line += around.values[i];
      const above = row * columns + column + 1;
      sums[above + columns] = sums[above] + line;
    }
  }
  let sum = 0;
  for (let row = 0, i = 0; row < height; row++) {
    for (let column = 0; column < width; column++, i++) {
      const first = row * columns + column, last = first + size * columns;
      const square = sums[last + size] - sums[last] - sums[first + size] + sums[first];
      sum += (values[i] - square / size ** 2) ** 3;
    }
  }
  return sum > 0;
}

// Paper without what is written on it: the largest of each square, the smallest of these.
function closed(image) {
  const radius = Math.max(1, Math.floor(Math.min(image.height, image.width) / 6));
  const most = largestInside(padded(image, 2 * radius, null), radius);
  if (isEven(most.values)) return cut(most, [radius, radius, radius + image.height, radius + image.width]);
  return negated(largestInside(negated(most), radius));
}

// Whether all are the same, as those of white paper are: then there is less to do.
function isEven(values) {
  for (let i = 1; i < values.length; i++) if (values[i] !== values[0]) return false;
  return true;
}

// The values that stand at these places once all are sorted, from 0. Most are the least,
// that of white paper: only the others are sorted, which is what takes time.
function orderedAt(values, places) {
  const others = new Float32Array(values.length), least = values.reduce((a, b) => (b < a ? b : a));
  let count = 0;
  for (let i = 0; i < values.length; i++) if (values[i] > least) others[count++] = values[i];
  const sorted = others.subarray(0, count).sort(), first = values.length - count;
  return places.map((place) => (place < first ? least : sorted[place - first]));
}

// Step 6: 1 where a pixel is of a stroke that counts.
function strokesOf(ink) {
  const { numbers, boxes } = connected(ink);
  const sizes = boxes.map(([top, left, bottom, right]) => Math.max(bottom - top, right - left));
  const most = sizes.reduce((a, b) => Math.max(a, b), 0);
  const large = boxes.map((_, piece) => 5 * sizes[piece] >= most);
  const within = boxes.map((box, piece) => {
    const edges = [0, 0, ink.height, ink.width].filter((edge, side) => box[side] === edge);
    return large[piece] && edges.length < 2;
  });
  const kept = within.some(Boolean) ? within : large;
  const strokes = imageOf(ink.height, ink.width);
  const areas = new Float64Array(boxes.length + 1);
  for (const number of numbers) areas[number]++;
  areas[0] = 0;
  const largestArea = areas.reduce((a, b) => Math.max(a, b), 0);
  const all = areas.reduce((a, b) => a + b, 0);
  if (most < SPECK || 100 * largestArea < all) return strokes; // specks
  for (let i = 0; i < numbers.length; i++) strokes.values[i] = numbers[i] && kept[numbers[i] - 1];
  return strokes;
}

// The strokes' pieces, which hold together over sides and corners: of each pixel the
// number of its piece, from 1; of each piece its box, top, left, bottom, right.
function connected({ height, width, values }) {
  const threshold = round32(STROKE), boxes = [], waiting = [];
  const numbers = new Int32Array(values.length);
  for (let start = 0; start < values.length; start++) {
    if (numbers[start] || !(values[start] > threshold)) continue;
    const box = [height, width, 0, 0];
    boxes.push(box);
    numbers[start] = boxes.length;
    waiting.push(start);
    while (waiting.length) {
      const at = waiting.pop(), row = Math.floor(at / width), column = at % width;
      box[0] = Math.min(box[0], row);
      box[1] = Math.min(box[1], column);
      box[2] = Math.max(box[2], row + 1);
      box[3] = Math.max(box[3], column + 1);
      for (let r = Math.max(0, row - 1); r <= Math.min(height - 1, row + 1); r++) {
        for (let c = Math.max(0, column - 1); c <= Math.min(width - 1, column + 1); c++) {
          const beside = r * width + c;
          if (numbers[beside] || !(values[beside] > threshold)) continue;
          numbers[beside] = boxes.length;
          waiting.push(beside);
        }
      }
    }
  }
  return { numbers, boxes };
}

// Steps 8 to 11: these strokes in the middle of 28 x 28, 20 high or wide.
function asMnist(ink, strokes) {
  const image = new Uint8Array(SIDE * SIDE), pen = penOf(cut(strokes, boxOf(strokes, 0, 1)));
  if (!pen) return image;
  const reach = Math.ceil(pen / 2), near = boxOf(strokes, 0, reach);
  let found = multiplied(cut(ink, near), largest(cut(strokes, near), reach));
  found = cut(found, boxOf(found, round32(FAINT), 0));
  const longer = Math.max(found.height, found.width);
  if (BOX * pen / longer < THIN) {
    const radius = roundEven((longer * PEN / BOX - pen) / 2);
    found = largest(padded(found, radius, 0), radius);
  }
  found = resample(found, BOX);
  const { values } = found, most = Math.max(...values);
  for (let i = 0; i < values.length; i++) {
    values[i] = roundEven(round32(round32(255 * values[i]) / most));
  }
  const [top, left] = startsOf(found);
  for (let row = 0; row < found.height; row++) {
    const line = values.subarray(row * found.width, (row + 1) * found.width);
    image.set(line, (top + row) * SIDE + left);
  }
  return image;
}

// How wide the pen is: twice the strokes' area by their border.
function penOf(strokes) {
  const beside = largest(inverted(strokes, 1), 1).values;
  let area = 0, border = 0;
  for (let i = 0; i < beside.length; i++) {
    area += strokes.values[i];
    border += strokes.values[i] * beside[i];
  }
  return 2 * area / Math.max(1, border);
}

// The smallest box with all that is above a value, and so much around it: top, left,
// bottom, right. Of none at all, a box without a pixel.
function boxOf({ height, width, values }, above, margin) {
  let [top, left, bottom, right] = [height, width, 0, 0];
  for (let row = 0, i = 0; row < height; row++) {
    for (let column = 0; column < width; column++, i++) {
      if (!(values[i] > above)) continue;
      if (row < top) top = row;
      if (column < left) left = column;
      if (column >= right) right = column + 1;
      bottom = row + 1;
    }
  }
  if (!bottom) return [0, 0, 0, 0];
  return [
    Math.max(0, top - margin), Math.max(0, left - margin),
    Math.min(height, bottom + margin), Math.min(width, right + margin),
  ];
}

function multiplied({ height, width, values }, factors) {
  const made = imageOf(height, width);
  for (let i = 0; i < values.length; i++) made.values[i] = values[i] * factors.values[i];
  return made;
}

// The row and the column in which a digit begins, so that its centre of mass comes to
// the middle.
function startsOf({ height, width, values }) {
  let mass = 0, rows = 0, columns = 0;
  values.forEach((value, i) => {
    mass += value;
    rows += value * Math.floor(i / width);
    columns += value * (i % width);
  });
  return [[rows, height], [columns, width]].map(([moment, size]) => {
    const start = roundEven(SIDE / 2 - round32(moment / mass));
    return Math.min(Math.max(0, start), SIDE - size);
  });
}

// A half goes to the even number, as in Python.
function roundEven(x) {
  const below = Math.floor(x), over = x - below;
  if (over !== 0.5) return Math.round(x);
  return below % 2 ? below + 1 : below;
}

// The image with that longer side, each new pixel the mean of what it covers.
function resample(image, longer) {
  const scale = longer / Math.max(image.height, image.width);
  const [height, width] = [image.height, image.width]
    .map((size) => Math.max(1, roundEven(scale * size)));
  const tall = imageOf(height, image.width);
  covered(image.height, height, (after, before, share) => {
    for (let column = 0; column < image.width; column++) {
      tall.values[after * image.width + column] += share * image.values[before * image.width + column];
    }
  });
  const small = imageOf(height, width);
  covered(image.width, width, (after, before, share) => {
    for (let row = 0; row < height; row++) {
      small.values[row * width + after] += share * tall.values[row * image.width + before];
    }
  });
  return small;
}

// Which share of each new pixel each old one covers, along a side.
function covered(before, after, add) {
  const step = before / after;
  for (let i = 0; i < after; i++) {
    const start = step * i, end = start + step;
    for (let old = Math.floor(start); old < Math.min(before, end); old++) {
      const overlap = Math.min(end, old + 1) - Math.max(start, old);
      if (overlap > 0) add(i, old, round32(overlap / step));
    }
  }
}

const atMost = (longer, image) =>
  (Math.max(image.height, image.width) > longer ? resample(image, longer) : image);

// The image in a larger size, bilinear, its pixels' middles in place.
function enlarged(image, height, width) {
  const rows = betweenOf(image.height, height), columns = betweenOf(image.width, width);
  const made = imageOf(height, width), { values } = image;
  for (let row = 0; row < height; row++) {
    const down = rows.share[row];
    const above = rows.first[row] * image.width, below = rows.second[row] * image.width;
    for (let column = 0; column < width; column++) {
      const across = columns.share[column];
      const left = columns.first[column], right = columns.second[column];
      made.values[row * width + column] =
        (1 - down) * ((1 - across) * values[above + left] + across * values[above + right])
        + down * ((1 - across) * values[below + left] + across * values[below + right]);
    }
  }
  return made;
}

// Between which old pixels each new one lies along a side, and how near to the second.
function betweenOf(before, after) {
  const first = new Int32Array(after), second = new Int32Array(after), share = new Float32Array(after);
  for (let i = 0; i < after; i++) {
    const at = Math.max(0, round32(round32(before / after) * (i + 0.5) - 0.5));
    first[i] = Math.floor(at);
    second[i] = Math.min(first[i] + 1, before - 1);
    share[i] = at - first[i];
  }
  return { first, second, share };
}

// The image with a margin of one value, or, for null, with its edges going on.
function padded({ height, width, values }, radius, value) {
  const made = imageOf(height + 2 * radius, width + 2 * radius), goesOn = value === null;
  if (!goesOn) made.values.fill(value);
  for (let row = 0; row < height; row++) {
    const start = (row + radius) * made.width, end = start + made.width;
    const line = values.subarray(row * width, (row + 1) * width);
    made.values.set(line, start + radius);
    if (!goesOn) continue;
    made.values.fill(line[0], start, start + radius);
    made.values.fill(line[width - 1], end - radius, end);
  }
  for (let row = 0; goesOn && row < radius; row++) {
    const first = radius * made.width, last = (radius + height - 1) * made.width;
    made.values.copyWithin(row * made.width, first, first + made.width);
    made.values.copyWithin((radius + height + row) * made.width, last, last + made.width);
  }
  return made;
}

function cut(image, [top, left, bottom, right]) {
  const width = right - left, made = imageOf(bottom - top, width);
  for (let row = 0; row < made.height; row++) {
    const start = (top + row) * image.width + left;
    made.values.set(image.values.subarray(start, start + width), row * width);
  }
  return made;
}

// The largest value in a square around each pixel; beyond the edge there is nothing.
const largest = (image, radius) => largestInside(padded(image, radius, -Infinity), radius);

// The same where whole squares fit: an image smaller by the radius at each side. From the
// largest of two neighbours comes that of four in a line, and so on.
function largestInside(image, radius) {
  const values = image.values.slice(), size = 2 * radius + 1;
  for (const step of [image.width, 1]) {
    for (let covered = 1; covered < size;) {
      const more = Math.min(covered, size - covered), shift = more * step;
      for (let i = 0; i < values.length - shift; i++) {
        if (values[i + shift] > values[i]) values[i] = values[i + shift];
      }
      covered += more;
    }
  }
  const made = { height: image.height, width: image.width, values };
  return cut(made, [0, 0, image.height - 2 * radius, image.width - 2 * radius]);
}
