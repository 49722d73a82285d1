// A few windows of a pooling, close up. Pointing at a result frames the window that it saw and rings the cell that won;
// pointing at a cell of the input rings every result that sees it. All numbers come with the setting.

const WIDE = 36, NARROW = 24, GAP = 22, ONE_ROW = 700, MAX_SHOWN = 16, DIGITS = 6;

class Panel {
  constructor(parent, label) {
    this.figure = element("figure", {}, parent);
    this.name = element("figcaption", {}, this.figure);
    this.frame = element("div", { class: "frame" }, this.figure);
    this.canvas = svg("svg", { role: "img", tabindex: "0", "aria-label": label }, this.frame);
    this.ground = svg("g", {}, this.canvas);
    this.dots = svg("g", {}, this.canvas);
    this.marks = svg("g", {}, this.canvas);
  }

  show(spec, cell, title, inside = null) {
    [this.spec, this.cell, this.rows, this.cols] = [spec, cell, spec.texts.length, spec.texts[0].length];
    this.name.textContent = title;
    const [width, height] = [this.cols * cell + 2, this.rows * cell + 2];
    for (const [name, value] of Object.entries({ width, height, viewBox: `-1 -1 ${width} ${height}` })) this.canvas.setAttribute(name, value);
    this.ground.replaceChildren(...spec.texts.flatMap((line, row) => line.map((text, col) => this.build(row, col, text, inside))));
    this.dots.replaceChildren();
    this.marks.replaceChildren();
  }

  build(row, col, text, inside) {
    const { cell } = this;
    const colour = this.spec.colours[row][col];
    const padding = inside && (row < inside[0] || col < inside[1] || row >= inside[0] + inside[2] || col >= inside[1] + inside[3]);
    const group = svg("g", { class: padding ? "around" : colour ? "" : "missing" });
    const box = svg("rect", { class: "cell", x: col * cell, y: row * cell, width: cell, height: cell }, group);
    if (!colour) return group;
    box.setAttribute("fill", colour);
    const size = Math.min(0.36 * cell, (0.9 * cell) / (0.58 * text.length));
    svg("text", { x: (col + 0.5) * cell, y: (row + 0.5) * cell, "font-size": size, fill: ink(colour) }, group).textContent = text;
    return group;
  }

  box(row, col, rows, cols, name, parent = this.marks) {
    const { cell } = this;
    svg("rect", { class: name, x: col * cell, y: row * cell, width: cols * cell, height: rows * cell }, parent);
  }

  dot(row, col) {
    svg("circle", { class: "won", cx: (col + 0.86) * this.cell, cy: (row + 0.14) * this.cell, r: Math.max(this.cell * 0.09, 2) }, this.dots);
  }

  at(event) {
    const area = this.canvas.getBoundingClientRect();
    const row = Math.floor((event.clientY - area.top - 1) / this.cell), col = Math.floor((event.clientX - area.left - 1) / this.cell);
    return row >= 0 && col >= 0 && row < this.rows && col < this.cols ? [row, col] : null;
  }
}

class Pooling {
  constructor(root) {
    this.root = root;
    this.panels = element("div", { class: "panels" }, root);
    this.input = new Panel(this.panels, "cells of the map that is pooled");
    this.maps = [];
    this.legend = element("div", { class: "legend" }, root);
    this.readout = element("div", { class: "readout", "aria-live": "polite" }, root);
    this.input.canvas.addEventListener("pointermove", (event) => this.seenBy(this.input.at(event)));
    this.input.canvas.addEventListener("pointerleave", () => this.choose(...this.place));
    this.input.canvas.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.data && this.cellSize() !== this.cell && this.build()).observe(root);
  }

  update({ data }) {
    if (this.data?.version === data.version) return;
    this.data = data;
    while (this.maps.length > data.maps.length) this.maps.pop().figure.remove();
    while (this.maps.length < data.maps.length) this.maps.push(this.addMap());
    [this.rows, this.cols] = [data.maps[0].texts.length, data.maps[0].texts[0].length];
    this.place = [Math.floor(this.rows / 2), Math.floor(this.cols / 2), 0];
    this.build();
    requestAnimationFrame(() => { this.root.dataset.version = data.version; });
  }

  addMap() {
    const panel = new Panel(this.panels, "pooled map");
    const index = this.maps.length;
    panel.canvas.addEventListener("pointermove", (event) => panel.at(event) && this.choose(...panel.at(event), index));
    panel.canvas.addEventListener("focus", () => this.choose(this.place[0], this.place[1], index));
    panel.canvas.addEventListener("keydown", (event) => this.key(event));
    return panel;
  }

  // All grids in one row where there is room, else the widest one across.
  cellSize() {
    const { input, maps } = this.data;
    const room = this.root.clientWidth;
    const widths = [input, ...maps].map(({ texts }) => texts[0].length);
    const across = room < ONE_ROW ? (room - 4) / widths[0] : (room - GAP * maps.length) / widths.reduce((sum, width) => sum + width, 0);
    return Math.max(NARROW, Math.min(WIDE, Math.floor(across)));
  }

  build() {
    const { data } = this;
    this.cell = this.cellSize();
    this.input.show(data.input, this.cell, data.name, data.inside);
    this.maps.forEach((panel, i) => {
      panel.show(data.maps[i], this.cell, data.maps[i].name);
      panel.canvas.setAttribute("aria-label", `${data.maps[i].name} of the windows, arrow keys walk`);
    });
    this.legend.textContent = data.inside[2] * data.inside[3] < data.input.texts.length * data.input.texts[0].length
      ? "A dot marks a cell that a window took. Dashed cells are padding, which holds no value." : "A dot marks a cell that a window took.";
    this.choose(...this.place);
  }

  key(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const [row, col, index] = this.place;
    this.choose(clamp(row + steps[event.key][0], this.rows), clamp(col + steps[event.key][1], this.cols), index);
  }

  choose(row, col, index) {
    this.place = [row, col, index];
    const { size, stride, maps } = this.data;
    this.wipe();
    const { winners } = maps[index];
    if (winners) for (const [y, x] of winners.flat()) if (y >= 0) this.input.dot(y, x);
    this.input.box(row * stride, col * stride, size, size, "window");
    this.maps.forEach((panel, i) => panel.box(row, col, 1, 1, i === index ? "window" : "linked"));
    const [y, x] = winners ? winners[row][col] : [-1, -1];
    if (y >= 0) this.input.box(y, x, 1, 1, "winner");
    this.readout.textContent = this.describe(row, col, index, y, x);
    this.root.dataset.chosen = `${maps[index].name} ${row} ${col} ${y} ${x}`;
  }

  wipe() {
    for (const panel of [this.input, ...this.maps]) {
      panel.marks.replaceChildren();
      panel.dots.replaceChildren();
    }
  }

  window(row, col) {
    const { input, size, stride } = this.data;
    return range(size).flatMap((t) => range(size).map((u) => [row * stride + t, col * stride + u]))
      .filter(([y, x]) => this.isInside(y, x)).map(([y, x]) => input.values[y][x]);
  }

  isInside(y, x) {
    const [top, left, rows, cols] = this.data.inside;
    return y >= top && x >= left && y < top + rows && x < left + cols;
  }

  describe(row, col, index, y, x) {
    const { maps, first, input } = this.data;
    const { name, texts } = maps[index];
    const cells = this.window(row, col);
    if (cells.includes(null)) return `${name}: no data in the window, so none comes out.`;
    if (y >= 0) return `${name} of ${cells.length} cells = ${input.texts[y][x]}, from row ${first[0] + y}, column ${first[1] + x} of the scene.`;
    return `${name} = ${this.sum(cells)} ÷ ${cells.length} = ${texts[row][col]}: every cell has its part.`;
  }

  // Every term in whole units of the last place that is shown, so that the terms add up as they stand.
  sum(cells) {
    const largest = Math.max(...cells.map(Math.abs), 1e-9);
    const places = Math.min(Math.max(DIGITS - 1 - Math.floor(Math.log10(largest)), 0), 9);
    const units = cells.map((value) => Math.round(value * 10 ** places));
    const total = decimalText(units.reduce((sum, unit) => sum + unit, 0) / 10 ** places, places);
    if (cells.length > MAX_SHOWN) return total;
    const terms = units.map((unit) => decimalText(unit / 10 ** places, places));
    return `(${terms.map((text, i) => (i === 0 ? text : text.startsWith("−") ? ` − ${text.slice(1)}` : ` + ${text}`)).join("")}) ÷ ${cells.length} = ${total}`;
  }

  seenBy(place) {
    if (!place) return;
    const { size, stride, input, first } = this.data;
    this.wipe();
    this.input.box(...place, 1, 1, "winner");
    const stops = place.map((at, axis) => range([this.rows, this.cols][axis]).filter((stop) => at - stop * stride >= 0 && at - stop * stride < size));
    for (const panel of this.maps) for (const row of stops[0]) for (const col of stops[1]) panel.box(row, col, 1, 1, "linked");
    const count = stops[0].length * stops[1].length;
    const won = this.data.maps.filter(({ winners }) => winners && winners.flat().some(([y, x]) => y === place[0] && x === place[1]));
    const seen = count ? `seen by ${count} of these windows` : "seen by none of these windows";
    this.readout.textContent = !this.isInside(...place) ? "Padding: no value, so it never wins and is not counted in a mean."
      : `Row ${first[0] + place[0]}, column ${first[1] + place[1]}: ${input.texts[place[0]][place[1]] || "no data"}, ${seen}` +
        (won.length ? `; taken by ${won.map(({ name }) => name).join(" and ")}.` : ".");
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".pooling");
  root.pooling ??= new Pooling(root);
  root.pooling.update(component);
}
