// Pictures in the order in which data flows. Pointing at a pixel of one marks the same place in all of them, with the
// window that it saw on the first; all of that runs here, and only a click reaches the server.

const LENS = 96, LENS_PIXELS = 12; // px a side, and pixels of the picture in it
const RING = 10; // px from the middle of a tiny box to the ring around it
const CELL = 26, WIDE_CELL = 44, WIDEST_CELL = 58; // px a side: at least, with room, and for long numbers
const LETTER = 6.5; // px, in a cell whose number can still be read
const SHORT = 24; // letters of a caption's part that stays in one line
const KEYS = "The arrow keys move the pointer", PICKS = ", Enter chooses the pixel";

function figureText(value) {
  if (Math.abs(value) >= 1000) return value.toLocaleString("en", { maximumFractionDigits: 0 }).replaceAll(",", "\u202f").replace("-", "−");
  return Number(value.toPrecision(3)).toString().replace("-", "−");
}

function drawLegend(parent, legend) {
  const bar = element("div", { class: "bar" }, parent);
  bar.style.background = `linear-gradient(to right, ${legend.colours.join(",")})`;
  const ticks = element("div", { class: "ticks" }, parent);
  for (const tick of legend.ticks) element("span", {}, ticks, tick);
  element("div", { class: "rule" }, parent, legend.rule);
}

// The words of a message, and the pixels of each of its pictures; see `packed` in pictures.py.
function unpacked(bytes) {
  const start = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const data = JSON.parse(new TextDecoder().decode(bytes.subarray(4, start)));
  let end = start;
  const pixels = data.stages.map((spec) => bytes.subarray(end, (end += spec.bytes)));
  return { data, pixels };
}

// Red, green, blue and opacity of each pixel. One byte a pixel is a place in the legend, where the place after the last
// is nodata; three are a colour, four a colour with its opacity.
function coloured(pixels, { rows, cols, legend }) {
  const image = new ImageData(cols, rows);
  const channels = pixels.length / (rows * cols);
  if (channels === 4) image.data.set(pixels);
  else if (channels === 3) {
    for (let from = 0, to = 0; from < pixels.length; from += 3, to += 4) {
      image.data[to] = pixels[from];
      image.data[to + 1] = pixels[from + 1];
      image.data[to + 2] = pixels[from + 2];
      image.data[to + 3] = 255;
    }
  } else if (legend) {
    const shades = new Uint8ClampedArray(4 * 256);
    legend.colours.forEach((colour, i) => {
      shades.set([...rgb(colour), 255], 4 * i);
    });
    const words = new Uint32Array(shades.buffer), target = new Uint32Array(image.data.buffer);
    for (let i = 0; i < pixels.length; i++) target[i] = words[pixels[i]];
  }
  return image;
}

function enlarged(picture, times) {
  const large = new OffscreenCanvas(picture.width * times, picture.height * times);
  const context = large.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, 0, 0, large.width, large.height);
  return large;
}

// The number that stands at a place, 0 to last, of a scale; at its ends all beyond it stand too.
function roughly(place, last, { low, high }) {
  if (low === high) return "≈ " + figureText(low);
  if (place === 0) return "≤ " + figureText(low);
  if (place === last) return "≥ " + figureText(high);
  return "≈ " + figureText(low + (place / last) * (high - low));
}

class Stage {
  constructor(strip, index) {
    this.strip = strip;
    this.index = index;
    this.step = element("div", { class: "step" });
    this.operation = element("div", { class: "operation" }, this.step);
    this.figure = element("figure", { class: "stage" }, this.step);
    this.frame = element("div", { class: "frame" }, this.figure);
    this.canvas = element("div", { class: "canvas", tabindex: "0", role: "application", "aria-roledescription": "picture" }, this.frame);
    this.image = element("canvas", {}, this.canvas);
    this.overlay = svg("svg", { preserveAspectRatio: "none", "aria-hidden": "true" }, this.canvas);
    this.marks = svg("g", {}, this.overlay);
    this.pointer = svg("g", {}, this.overlay);
    this.lens = element("canvas", { class: "lens", width: LENS, height: LENS }, this.frame);
    this.caption = element("figcaption", {}, this.figure);
    this.legend = element("div", { class: "legend" }, this.figure);
    this.canvas.addEventListener("pointermove", (event) => this.strip.point(this, ...this.pixelAt(event)));
    this.canvas.addEventListener("pointerleave", () => this.strip.point(null));
    this.canvas.addEventListener("blur", () => this.strip.point(null));
    this.canvas.addEventListener("click", (event) => this.strip.pick(this, ...this.pixelAt(event)));
    this.canvas.addEventListener("keydown", (event) => this.key(event));
  }

  show(spec, pixels) {
    if (this.spec?.digest !== spec.digest) {
      this.pixels = pixels;
      this.picture = new OffscreenCanvas(spec.cols, spec.rows);
      this.picture.getContext("2d").putImageData(coloured(pixels, spec), 0, 0);
    }
    this.spec = spec;
    this.words(spec);
  }

  words(spec) {
    this.operation.textContent = spec.operation || "";
    this.canvas.setAttribute("aria-label", `${spec.alt} ${KEYS}${this.strip.data.pick ? PICKS : ""}.`);
    this.canvas.classList.toggle("covered", Boolean(spec.covered));
    this.step.classList.toggle("cells", Boolean(spec.cells));
    const [first, ...parts] = spec.covered ? [""] : spec.caption.split(" · ");
    this.caption.replaceChildren(element("b", {}, null, spec.name), first);
    for (const part of parts) this.caption.append(" · ", element("span", { class: part.length < SHORT ? "figure" : "" }, null, part));
    this.legend.replaceChildren();
    const common = this.strip.data.shared && this.strip.data.stages[1]?.legend;
    const told = common && (this.index > 0 || JSON.stringify(common) === JSON.stringify(spec.legend));
    if (!spec.legend || spec.covered || told) return;
    drawLegend(this.legend, spec.legend);
  }

  // How far the picture may be enlarged to fill its room.
  ratio(room) {
    const { rows, cols } = this.spec;
    return Math.min(room / cols, Math.max(this.strip.height / rows, 0.02));
  }

  // Whether it shows the same ground as the first picture, a border more or less.
  covers(first) {
    const ground = ({ rows, cols, jump }) => [rows * jump[0], cols * jump[1]];
    const whole = ground(first.spec);
    return ground(this.spec).every((side, axis) => side > 0.3 * whole[axis] && side < 3 * whole[axis]);
  }

  fit(zoom) {
    const { rows, cols, cells } = this.spec;
    this.zoom = cells ? this.strip.cellSide() : zoom;
    this.image.style.width = `${cols * this.zoom}px`;
    this.image.style.height = `${rows * this.zoom}px`;
    this.figure.style.setProperty("--drawn", `${cols * this.zoom}px`);
    this.paint();
  }

  // Reduced here, where every pixel counts: left to its style, a canvas is reduced from a few pixels out of many. What is
  // enlarged by no whole number is drawn by the next one first, and then reduced: its pixels stay equal.
  paint() {
    const scale = Number.isInteger(this.zoom) ? 1 : this.zoom * devicePixelRatio;
    const [width, height] = [this.spec.cols, this.spec.rows].map((side) => Math.max(Math.round(side * scale), 1));
    if (this.painted === this.picture && this.image.width === width && this.image.height === height) return;
    this.painted = this.picture;
    [this.image.width, this.image.height] = [width, height];
    const context = this.image.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(scale > 1 ? enlarged(this.picture, Math.ceil(scale)) : this.picture, 0, 0, width, height);
    this.image.classList.toggle("whole", scale === 1);
  }

  mark() {
    const { rows, cols, boxes, pins, cells } = this.spec;
    this.overlay.setAttribute("viewBox", `0 0 ${cols} ${rows}`);
    this.marks.replaceChildren();
    if (cells) this.numbers(cells);
    const unit = 1 / Math.max(this.zoom, 1e-6);
    for (const box of boxes) {
      svg("rect", { class: "box", x: box.col, y: box.row, width: box.cols, height: box.rows }, this.marks);
      if (this.isTiny(box)) svg("circle", { class: "ring", cx: box.col + box.cols / 2, cy: box.row + box.rows / 2, r: RING * unit }, this.marks);
    }
    // On cells a pin is a ring, so that the number stays readable; a disc at the edge is drawn whole.
    const reach = cells ? 0 : Math.min(7 * unit, rows / 2, cols / 2);
    const middle = (at, size) => Math.min(Math.max(at + 0.5, reach), size - reach);
    for (const pin of pins) {
      const group = svg("g", { class: "pin" }, this.marks);
      const place = { cx: middle(pin.col, cols), cy: middle(pin.row, rows) };
      if (cells) for (const style of ["stroke-width: 5px", `stroke-width: 3px; stroke: ${pin.colour}`])
        svg("circle", { ...place, r: 0.43, style: `fill: none; ${style}` }, group);
      else svg("circle", { ...place, r: 6 * unit, fill: pin.colour }, group);
    }
  }

  // A box that is hard to find has a ring around it.
  isTiny(box) {
    return Math.max(box.rows, box.cols) * this.zoom < RING;
  }

  numbers(cells) {
    const { rows, cols } = this.spec;
    const lines = [...range(rows + 1).map((row) => `M0 ${row}H${cols}`), ...range(cols + 1).map((col) => `M${col} 0V${rows}`)];
    svg("path", { class: "lines", d: lines.join("") }, this.marks);
    const size = Math.min(0.36, 1.58 / longest(cells)); // of a cell, for all of them
    cells.forEach((line, row) => line.forEach((text, col) => {
      const colour = this.colourAt(row, col);
      const label = svg("text", { x: col + 0.5, y: row + 0.5, "font-size": size, fill: colour[3] ? inkOn(colour) : "#111" }, this.marks);
      label.textContent = text;
    }));
  }

  // Red, green, blue and opacity of a pixel, 0 to 255.
  colourAt(row, col) {
    const channels = this.pixels.length / (this.spec.rows * this.spec.cols);
    const at = (row * this.spec.cols + col) * channels;
    if (channels > 1) return [...this.pixels.subarray(at, at + channels), 255].slice(0, 4);
    const colour = this.spec.legend?.colours[this.pixels[at]];
    return colour ? [...rgb(colour), 255] : [0, 0, 0, 0];
  }

  // Where a pixel lies on the legend, from 0; none for a colour that is not on it, as between the maps of a montage.
  placeAt(row, col) {
    const { legend, rows, cols } = this.spec;
    if (this.pixels.length === rows * cols) return this.pixels[row * cols + col];
    const colour = "#" + this.colourAt(row, col).slice(0, 3).map((part) => part.toString(16).padStart(2, "0")).join("");
    return legend.colours.indexOf(colour);
  }

  // The legend read backwards: good to half a step of its range, and said so by "≈".
  valueAt(row, col) {
    const { legend, channels, cells } = this.spec;
    if (cells) return cells[row][col];
    const colour = this.colourAt(row, col);
    if (colour[3] === 0) return "no data";
    if (channels.length) return channels.map((each, i) => `${each.name} ${roughly(colour[i], 255, each)}`).join(", ");
    const place = legend ? this.placeAt(row, col) : -1;
    return place < 0 ? "" : roughly(place, legend.colours.length - 1, legend);
  }

  pixelAt(event) {
    const area = this.image.getBoundingClientRect();
    const { rows, cols } = this.spec;
    const row = Math.floor(((event.clientY - area.top) / area.height) * rows);
    const col = Math.floor(((event.clientX - area.left) / area.width) * cols);
    return [Math.min(Math.max(row, 0), rows - 1), Math.min(Math.max(col, 0), cols - 1)];
  }

  key(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const { rows, cols } = this.spec;
    const [row, col] = this.cursor || [Math.floor(rows / 2), Math.floor(cols / 2)];
    if (event.key === "Enter" || event.key === " ") this.strip.pick(this, row, col);
    else if (event.key in steps) {
      const many = event.shiftKey ? 10 : 1;
      const [down, right] = steps[event.key];
      this.strip.point(this, clamp(row + many * down, rows), clamp(col + many * right, cols));
    } else return;
    event.preventDefault();
  }

  // Where this stage's pixel lies among the pixels of the strip's first picture: centre and size of what it saw.
  seen(row, col) {
    const { jump, offset, size } = this.spec;
    return { y: (row + 0.5) * jump[0] + offset[0], x: (col + 0.5) * jump[1] + offset[1], rows: size[0], cols: size[1] };
  }

  pointed(place) {
    this.pointer.replaceChildren();
    this.lens.classList.remove("on");
    if (!this.spec || this.spec.covered) return;
    if (!place) return this.rest();
    const { jump, offset, rows, cols } = this.spec;
    const row = Math.floor((place.y - offset[0]) / jump[0]), col = Math.floor((place.x - offset[1]) / jump[1]);
    this.cursor = [row, col];
    if (row < 0 || col < 0 || row >= rows || col >= cols) return;
    svg("rect", { class: "cross", x: col, y: row, width: 1, height: 1 }, this.pointer);
    if (this.spec.size[0] * this.spec.size[1] === 1 && place.rows * place.cols > 1)
      svg("rect", { class: "window", x: place.x - place.cols / 2, y: place.y - place.rows / 2, width: place.cols, height: place.rows }, this.pointer);
    const room = !this.strip.data.gallery && cols * this.zoom > 1.5 * LENS;
    if (room && this.zoom < 4 && rows * cols > 400) this.magnify(row, col, this.spec.size[0] * this.spec.size[1] === 1 ? place : null);
  }

  // After new marks: what the pointer holds stays.
  settle() {
    if (!this.pointer.firstChild) this.pointed(null);
  }

  // A box that is asked about stands in the lens while nobody points elsewhere.
  rest() {
    const box = this.spec.enlarged && this.spec.boxes.find((each) => this.isTiny(each));
    if (!box) return;
    const place = { y: box.row + box.rows / 2, x: box.col + box.cols / 2, rows: box.rows, cols: box.cols };
    this.magnify(Math.floor(place.y), Math.floor(place.x), place);
  }

  magnify(row, col, place) {
    const context = this.lens.getContext("2d");
    const scale = LENS / LENS_PIXELS;
    const top = row - LENS_PIXELS / 2 + 0.5, left = col - LENS_PIXELS / 2 + 0.5;
    context.imageSmoothingEnabled = false;
    context.clearRect(0, 0, LENS, LENS);
    context.drawImage(this.picture, -left * scale, -top * scale, this.picture.width * scale, this.picture.height * scale);
    context.strokeStyle = "#e6007e";
    context.lineWidth = 1.5;
    const box = place ? [place.x - place.cols / 2, place.y - place.rows / 2, place.cols, place.rows] : [col, row, 1, 1];
    context.strokeRect((box[0] - left) * scale, (box[1] - top) * scale, box[2] * scale, box[3] * scale);
    const { cols } = this.spec;
    this.lens.style.top = "4px";
    this.lens.style.left = col < cols / 2 ? `${Math.max(cols * this.zoom - 100, 4)}px` : "4px";
    this.lens.classList.add("on");
  }
}

class Strip {
  constructor(root) {
    this.root = root;
    this.stages = [];
    this.readout = element("div", { class: "readout", "aria-live": "polite" });
    this.legend = element("div", { class: "legend shared" });
    new ResizeObserver(() => this.arrange()).observe(root);
  }

  update(component) {
    const { data, pixels } = unpacked(component.data);
    this.send = component.setTriggerValue;
    this.data = data;
    this.height = data.height;
    this.root.style.setProperty("--least", data.least);
    this.root.classList.toggle("gallery", Boolean(data.gallery));
    this.root.classList.toggle("plain", !data.stages.some((stage) => stage.operation));
    while (this.stages.length > data.stages.length) this.stages.pop();
    while (this.stages.length < data.stages.length) this.stages.push(new Stage(this, this.stages.length));
    this.legend.replaceChildren();
    const common = data.shared && data.stages[1]; // one legend for every picture but the first
    if (common && common.legend && !common.covered) drawLegend(this.legend, common.legend);
    const parts = [...this.stages.map((stage) => stage.step), this.legend, this.readout];
    if (parts.length !== this.root.children.length) this.root.replaceChildren(...parts);
    this.stages.forEach((stage, i) => stage.show(data.stages[i], pixels[i]));
    this.arrange();
    if (!this.readout.textContent) this.readout.textContent = data.hint;
  }

  // How far each picture is enlarged: by whole numbers only, so that pixels stay square, or reduced to fit. Pictures of
  // the same ground get one scale on it, so that a pooled map is as large as what it was made from.
  zooms(stages) {
    const whole = (ratio) => (ratio >= 1 ? Math.floor(ratio) : ratio);
    const ratios = stages.map((stage) => stage.ratio(Math.max(stage.figure.clientWidth, 1)));
    const alike = stages.map((stage) => !this.data.gallery && stage.covers(stages[0]));
    const finest = Math.min(...stages.map((stage, i) => (alike[i] ? stage.spec.jump[1] : Infinity)));
    const steps = stages.map((stage) => stage.spec.jump[1] / finest);
    const scale = whole(Math.min(...ratios.map((ratio, i) => (alike[i] ? ratio / steps[i] : Infinity))));
    return stages.map((_, i) => (alike[i] ? scale * steps[i] : whole(ratios[i])));
  }

  // Cells share the room evenly; they hold their numbers, and never grow beyond what reads well.
  cellSide() {
    const share = this.root.clientWidth / this.stages.length - 12;
    const grids = this.data.stages.filter((spec) => spec.cells);
    const letters = Math.max(...grids.map((spec) => longest(spec.cells)));
    const least = Math.min(Math.max(CELL, letters * LETTER + 4), WIDEST_CELL);
    const most = Math.max(...grids.map((spec) => spec.cols));
    return Math.floor(Math.min(Math.max(share / most, least), Math.max(WIDE_CELL, least)));
  }

  // Once before the next frame, for all pictures that came since: widths are read first, then written, or the browser
  // would lay out the page anew for every picture. Browser tests wait for the version: it changes with the newest one.
  arrange() {
    this.arranging ??= requestAnimationFrame(() => {
      this.arranging = null;
      const known = this.stages.filter((stage) => stage.spec);
      const zooms = this.zooms(known);
      const tops = known.map((stage) => stage.step.offsetTop);
      known.forEach((stage, i) => {
        stage.step.classList.toggle("wrapped", i > 0 && tops[i] > tops[i - 1]);
        stage.fit(zooms[i]);
        stage.mark();
        stage.settle();
      });
      this.root.dataset.version = this.data.version;
    });
  }

  point(stage, row, col) {
    const place = stage ? stage.seen(row, col) : null;
    this.stages.forEach((other) => other.pointed(place));
    this.readout.textContent = stage ? this.describe(stage, row, col) : this.data.hint;
  }

  describe(stage, row, col) {
    if (stage.spec.covered) return this.data.hint;
    const [top, left] = stage.spec.origin;
    const parts = [`${stage.spec.name}: row ${row + top}, column ${col + left}`];
    const value = stage.valueAt(row, col);
    if (value) parts.push(value);
    if (stage.spec.affine) {
      const [a, b, c, d, e, f] = stage.spec.affine;
      const x = a * (col + 0.5) + b * (row + 0.5) + c, y = d * (col + 0.5) + e * (row + 0.5) + f;
      const digits = Math.abs(a) + Math.abs(b) < 0.01 ? 5 : 1;
      parts.push(`x ${decimalText(x, digits)}, y ${decimalText(y, digits)} ${this.data.crs}`);
    }
    const seen = stage.seen(row, col);
    if (seen.rows * seen.cols > 1) parts.push(`sees ${seen.rows} × ${seen.cols} pixels of the input`);
    return parts.join(" · ").replaceAll(" -", " −");
  }

  pick(stage, row, col) {
    if (stage.spec.covered || !this.data.pick) return;
    this.send("pick", { stage: stage.index, row, col });
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".strip");
  root.strip ??= new Strip(root);
  root.strip.update(component);
}
