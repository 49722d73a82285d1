// A window that walks over a small padded grid: at each stop its products and their sum, or the cell that it keeps.
// All numbers come at once with the setting; playing, stepping and pointing run here.

const CELLS = [[9, 34], [16, 28], [36, 24], [Infinity, 14]]; // up to so many cells a side, so many pixels each
const NARROW = 26, LEAST_FOR_NUMBERS = 20, FAST = 6, MAX_PLACES = 9;
const INSET = Object.entries({ x: 3, y: 3, width: -6, height: -6 });
const SPEEDS = [1, 2, 5, 10, 30];


// One grid of cells; ``show`` builds it, ``paint`` changes a cell.
class Panel {
  constructor(parent, name) {
    this.figure = element("figure", { class: `panel ${name}` }, parent);
    this.operation = element("div", { class: "operation" }, this.figure);
    this.frame = element("div", { class: "frame" }, this.figure);
    this.canvas = svg("svg", { role: "img" }, this.frame);
    this.ground = svg("g", {}, this.canvas);
    this.marks = svg("g", {}, this.canvas);
    this.links = svg("g", {}, this.canvas);
    const caption = element("figcaption", {}, this.figure);
    this.name = element("b", {}, caption);
    this.caption = element("span", {}, caption);
  }

  show(spec, cell) {
    [this.spec, this.cell, this.rows, this.cols] = [spec, cell, spec.texts.length, spec.texts[0].length];
    this.operation.textContent = spec.operation;
    [this.name.textContent, this.caption.textContent] = [spec.name, spec.caption ? ` · ${spec.caption}` : ""];
    this.canvas.setAttribute("aria-label", spec.alt);
    const [width, height] = [this.cols * cell + 2, this.rows * cell + 2];
    for (const [name, value] of Object.entries({ width, height, viewBox: `-1 -1 ${width} ${height}` })) this.canvas.setAttribute(name, value);
    this.marks.replaceChildren();
    this.links.replaceChildren();
    this.cells = spec.texts.map((line, row) => line.map((_, col) => this.build(row, col)));
    this.ground.replaceChildren(...this.cells.flat().map((found) => found.group));
    spec.texts.forEach((line, row) => line.forEach((text, col) => this.paint(row, col, text, spec.colours[row][col])));
  }

  build(row, col) {
    const { cell } = this;
    const group = svg("g");
    const box = svg("rect", { class: "cell", x: col * cell, y: row * cell, width: cell, height: cell }, group);
    const text = cell < LEAST_FOR_NUMBERS ? null
      : svg("text", { class: "number", x: (col + 0.5) * cell, y: (row + 0.5) * cell }, group);
    return { group, box, text };
  }

  paint(row, col, text, colour) {
    const found = this.cells[row][col];
    found.group.classList.toggle("empty", !colour);
    if (colour) found.box.setAttribute("fill", colour);
    if (!found.text) return;
    found.text.textContent = text;
    found.text.setAttribute("font-size", Math.min(0.4 * this.cell, (0.92 * this.cell) / (0.58 * text.length)));
    if (colour) found.text.setAttribute("fill", ink(colour));
  }

  at(event) {
    const area = this.canvas.getBoundingClientRect();
    const row = Math.floor((event.clientY - area.top - 1) / this.cell), col = Math.floor((event.clientX - area.left - 1) / this.cell);
    return row >= 0 && col >= 0 && row < this.rows && col < this.cols ? [row, col] : null;
  }

  frameOf(row, col, rows, cols, name, parent) {
    const { cell } = this;
    return svg("rect", { class: name, x: col * cell, y: row * cell, width: cols * cell, height: rows * cell }, parent);
  }
}

class Walk {
  constructor(root) {
    this.root = root;
    this.step = 0;
    const panels = element("div", { class: "panels" }, root);
    this.input = new Panel(panels, "input");
    const middle = element("div", { class: "middle" }, panels);
    this.kernel = new Panel(middle, "kernel");
    this.products = new Panel(middle, "products");
    this.outputs = new Panel(panels, "outputs");
    this.visits = new Panel(panels, "visits");
    this.readout = element("div", { class: "readout" }, root);
    this.sum = element("div", { class: "sum" }, root);
    this.buildPlayer(element("div", { class: "player" }, root));
    this.listen();
    new ResizeObserver(() => this.data && this.cellSize() !== this.cell && this.build()).observe(root);
  }

  buildPlayer(player) {
    const button = (label, hint, act) => {
      const found = element("button", { type: "button", title: hint }, player);
      found.textContent = label;
      found.addEventListener("click", act);
      return found;
    };
    this.start = button("Start", "Back to the first step", () => this.go(0));
    this.back = button("‹ Back", "One step back", () => this.go(this.step - 1));
    this.play = button("Play", "Walk on by itself", () => this.toggle());
    this.play.classList.add("play");
    this.next = button("Step ›", "One step on", () => this.go(this.step + 1));
    this.scrub = element("input", { type: "range", min: 0, value: 0, "aria-label": "step of the walk" }, player);
    this.scrub.addEventListener("input", () => this.go(Number(this.scrub.value)));
    const label = element("label", {}, player);
    label.textContent = "Speed";
    this.speed = element("select", { "aria-label": "speed in steps per second" }, label);
    for (const speed of SPEEDS) element("option", { value: speed }, this.speed).textContent = `${speed} / s`;
    this.speed.value = 2;
    this.speed.addEventListener("change", () => this.timer && this.run());
  }

  listen() {
    const { input, visits, outputs } = this;
    for (const [name, value] of [["tabindex", 0], ["role", "slider"], ["aria-valuemin", 1]]) outputs.canvas.setAttribute(name, value);
    outputs.canvas.addEventListener("keydown", (event) => this.key(event));
    outputs.canvas.addEventListener("click", (event) => outputs.at(event) && this.go(this.indexOf(...outputs.at(event))));
    outputs.canvas.addEventListener("pointermove", (event) => this.preview(outputs.at(event)));
    outputs.canvas.addEventListener("pointerleave", () => this.preview(null));
    const cellOf = { input: ([row, col]) => [row - this.data.before[0], col - this.data.before[1]], visits: (place) => place };
    for (const [name, panel] of Object.entries({ input, visits })) {
      panel.canvas.addEventListener("pointermove", (event) => this.seenBy(panel.at(event) && cellOf[name](panel.at(event))));
      panel.canvas.addEventListener("pointerleave", () => this.seenBy(null));
    }
  }

  update(component) {
    const { data } = component;
    if (this.data?.version === data.version) return; // other controls were used; the walk goes on
    const place = this.data && this.place(this.step);
    this.pause();
    this.data = data;
    [this.rows, this.cols] = [data.outputs.texts.length, data.outputs.texts[0].length];
    this.step = place ? this.indexOf(Math.min(place[0], this.rows - 1), Math.min(place[1], this.cols - 1)) : 0;
    if (data.covered) this.step = 0;
    this.build();
    requestAnimationFrame(() => { this.root.dataset.version = data.version; });
  }

  cellSize() {
    const { input, outputs } = this.data;
    const most = Math.max(input.texts.length, input.texts[0].length, outputs.texts.length, outputs.texts[0].length);
    const wanted = CELLS.find(([sides]) => most <= sides)[1];
    return this.root.clientWidth < 520 ? Math.min(wanted, NARROW) : wanted;
  }

  build() {
    const { data } = this;
    this.cell = this.cellSize();
    this.input.show(data.input, this.cell);
    this.kernel.figure.hidden = !data.kernel;
    if (data.kernel) this.kernel.show(data.kernel, this.cell);
    const blank = (fill) => range(data.taps[0]).map(() => Array(data.taps[1]).fill(fill));
    this.products.show({ ...data.products, texts: blank(""), colours: blank("#ffffff") }, this.cell);
    for (const name of ["outputs", "visits"]) {
      this[name].show(data[name], this.cell);
      this[name].figure.classList.toggle("covered", data.covered);
    }
    this.markInput();
    this.cursor = this.outputs.frameOf(0, 0, 1, 1, "window", this.outputs.marks);
    this.shown = -1;
    for (const control of [this.start, this.back, this.play, this.next, this.scrub]) control.disabled = data.covered || this.last === 0;
    this.scrub.max = this.last;
    this.go(this.step);
  }

  get last() { return this.rows * this.cols - 1; }

  // Smaller cells are padding, grey ones are never reached; the window is one frame, or one per tap where it is dilated.
  markInput() {
    const { before, taps, dilation, visits, span } = this.data;
    const { input } = this;
    const [rows, cols] = [visits.texts.length, visits.texts[0].length];
    input.cells.forEach((line, y) => line.forEach(({ group, box }, x) => {
      const count = visits.counts[y - before[0]]?.[x - before[1]];
      group.classList.toggle("around", count === undefined);
      if (count === undefined) for (const [name, inset] of INSET) box.setAttribute(name, Number(box.getAttribute(name)) + inset);
      group.classList.toggle("never", count === 0 && !this.data.covered);
    }));
    input.frameOf(before[0], before[1], rows, cols, "rim", input.marks);
    this.window = svg("g", { class: "window" }, input.marks);
    const dilated = span[0] * span[1] > taps[0] * taps[1];
    input.frameOf(0, 0, span[0], span[1], dilated ? "span" : "", this.window);
    if (!dilated) return;
    for (const t of range(taps[0])) for (const u of range(taps[1])) input.frameOf(t * dilation[0], u * dilation[1], 1, 1, "", this.window);
  }

  place(step) { return [Math.floor(step / this.cols), step % this.cols]; }
  indexOf(row, col) { return row * this.cols + col; }

  go(step) {
    this.step = Math.min(Math.max(step, 0), this.last);
    this.scrub.value = this.step;
    this.draw(this.step);
    this.progress();
    this.start.disabled = this.back.disabled = this.data.covered || this.step === 0;
    this.next.disabled = this.data.covered || this.step === this.last;
    this.root.dataset.step = this.step;
  }

  // Steps to come are pale; only what changed since the last call is touched.
  progress() {
    const from = Math.max(Math.min(this.shown, this.step), 0), to = this.shown < 0 ? this.last : Math.max(this.shown, this.step);
    for (let i = from; i <= to; i++) {
      const [row, col] = this.place(i);
      this.outputs.cells[row][col].group.classList.toggle("to-come", i > this.step);
    }
    this.shown = this.step;
  }

  draw(step) {
    const [row, col] = this.place(step);
    const { stride } = this.data;
    const move = (node, y, x) => { node.style.transform = `translate(${x * this.cell}px, ${y * this.cell}px)`; };
    move(this.window, row * stride[0], col * stride[1]);
    move(this.cursor, row, col);
    this.follow(this.input, col * stride[1], this.data.span[1]);
    this.follow(this.outputs, col, 1);
    const terms = this.terms(row, col);
    const padding = terms.filter((term) => term.padding).length;
    this.readout.textContent = `Step ${step + 1}${this.data.covered ? "" : ` of ${this.last + 1}`} · output row ${row + 1}, column ${col + 1}` +
      (padding ? ` · ${padding} of ${terms.length} cells are padding` : "");
    const total = this.data.mode ? this.keep(terms, row, col) : this.add(terms, row, col);
    const said = { "aria-valuemax": this.last + 1, "aria-valuenow": step + 1, "aria-valuetext": `${this.readout.textContent}, ${total}` };
    for (const [name, value] of Object.entries(said)) this.outputs.canvas.setAttribute(name, value);
  }

  follow({ frame, cell }, col, cols) {
    if (frame.scrollWidth <= frame.clientWidth) return;
    const left = col * cell, right = (col + cols) * cell;
    if (left < frame.scrollLeft) frame.scrollLeft = left;
    else if (right > frame.scrollLeft + frame.clientWidth) frame.scrollLeft = right - frame.clientWidth + 4;
  }

  // Every term in whole units of the last decimal place that is shown, so that the terms add up as they stand.
  terms(row, col) {
    const { input, kernel, taps, stride, dilation, before, visits, places } = this.data;
    return range(taps[0]).flatMap((t) => range(taps[1]).map((u) => {
      const y = row * stride[0] + t * dilation[0], x = col * stride[1] + u * dilation[1];
      const value = input.values[y][x], weight = kernel ? kernel.values[t][u] : 1;
      return {
        t, u, text: value === null ? "" : decimalText(value, MAX_PLACES), weight: decimalText(weight, MAX_PLACES),
        units: value === null ? null : Math.round(value * weight * 10 ** places),
        padding: visits.counts[y - before[0]]?.[x - before[1]] === undefined,
      };
    }));
  }

  figure(units) { return decimalText(units / 10 ** this.data.places, this.data.places); }
  add(terms, row, col) {
    const { colours, reach } = this.data.products;
    const { divisor, places } = this.data;
    for (const { t, u, units } of terms) {
      const share = Math.min(Math.max(units / 10 ** places / reach, -1), 1);
      this.products.paint(t, u, this.figure(units), colours[Math.round(((share + 1) / 2) * (colours.length - 1))]);
    }
    const [open, close] = divisor === 1 ? ["", ""] : ["(", `) ÷ ${divisor}`];
    const products = this.line(open, terms.map((term) => [`${term.text}·${bracketed(term.weight)}`, term]), " + ", close);
    const total = this.figure(terms.reduce((sum, term) => sum + term.units, 0));
    const figures = this.line(`= ${open}`, terms.map((term, i) => {
      const text = this.figure(term.units);
      return [i === 0 ? text : text.startsWith("−") ? ` − ${text.slice(1)}` : ` + ${text}`, term];
    }), "", close);
    const result = this.data.outputs.texts[row][col];
    this.result([products, element("br"), figures], divisor === 1 ? ` = ${total}` : ` = ${total} ÷ ${divisor} = ${result}`);
    return divisor === 1 ? total : result;
  }

  // Pooling: the window's own cells, of which one wins or all are averaged.
  keep(terms, row, col) {
    const { mode, outputs, input, stride, dilation } = this.data;
    const there = terms.filter((term) => term.units !== null);
    const wanted = (mode === "min" ? Math.min : Math.max)(...there.map((term) => term.units));
    const average = mode === "average";
    const winner = average ? null : there.find((term) => term.units === wanted);
    for (const { t, u, units } of terms) {
      const y = row * stride[0] + t * dilation[0], x = col * stride[1] + u * dilation[1];
      this.products.paint(t, u, units === null ? "" : input.texts[y][x], input.colours[y][x]);
    }
    this.products.links.replaceChildren();
    if (winner) this.products.frameOf(winner.t, winner.u, 1, 1, "linked", this.products.links);
    const result = outputs.texts[row][col];
    const close = `) ÷ ${there.length}`;
    const parts = there.map((term) => [average ? bracketed(term.text) : term.text, term]);
    const cells = average ? this.line("(", parts, " + ", close) : this.line(`${mode} of `, parts, ", ", "");
    const total = this.figure(there.reduce((sum, term) => sum + term.units, 0));
    this.result([cells], average ? ` = ${total} ÷ ${there.length} = ${result}` : ` = ${result}`);
    return result;
  }

  line(start, parts, between, end) {
    const found = element("span");
    found.append(start);
    parts.forEach(([text, term], i) => {
      if (i) found.append(between);
      element("span", term.padding ? { class: "pad" } : {}, found).textContent = text;
    });
    found.append(end);
    return found;
  }

  result(lines, end) {
    const last = element("b");
    last.textContent = end;
    this.sum.replaceChildren(...lines, last);
  }

  preview(place) {
    if (this.timer || this.data.covered) return;
    this.draw(place ? this.indexOf(...place) : this.step);
  }

  // Outlines every output that sees a cell of the input.
  seenBy(place) {
    const { data, outputs, visits } = this;
    outputs.links.replaceChildren();
    visits.links.replaceChildren();
    if (this.timer || data.covered) return;
    const count = data.visits.counts[place?.[0]]?.[place?.[1]];
    if (count === undefined) { this.draw(this.step); return; }
    const [rows, cols] = place.map((at, axis) => this.stops(at + data.before[axis], axis));
    for (const row of rows) for (const col of cols) outputs.frameOf(row, col, 1, 1, "linked", outputs.links);
    visits.frameOf(place[0], place[1], 1, 1, "linked", visits.links);
    this.readout.textContent = `Input row ${place[0] + 1}, column ${place[1] + 1} · ` +
      (count ? `seen by ${count} output${count > 1 ? "s" : ""}` : "never reached");
  }

  stops(at, axis) {
    const { stride, taps, dilation } = this.data;
    return range([this.rows, this.cols][axis]).filter((stop) => {
      const tap = (at - stop * stride[axis]) / dilation[axis];
      return Number.isInteger(tap) && tap >= 0 && tap < taps[axis];
    });
  }

  key(event) {
    const steps = { ArrowUp: -this.cols, ArrowDown: this.cols, ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    if (this.data.covered) return;
    if (event.key === " ") this.toggle();
    else if (event.key in steps) {
      const next = this.step + steps[event.key];
      if (Math.abs(steps[event.key]) !== this.cols || (next >= 0 && next <= this.last)) this.go(next);
    } else return;
    event.preventDefault();
  }

  toggle() {
    if (this.timer) return this.pause();
    if (this.step === this.last) this.go(0);
    return this.run();
  }

  run() {
    const speed = Number(this.speed.value);
    clearInterval(this.timer);
    this.root.classList.toggle("fast", speed > FAST);
    this.play.textContent = "Pause";
    this.sum.removeAttribute("aria-live");
    this.timer = setInterval(() => {
      this.go(this.step + 1);
      if (this.step === this.last) this.pause();
    }, 1000 / speed);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.root.classList.remove("fast");
    this.play.textContent = "Play";
    this.sum.setAttribute("aria-live", "polite");
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".walk");
  root.walk ??= new Walk(root);
  root.walk.update(component);
  return () => root.walk.pause();
}
