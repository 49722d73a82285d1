// Image, kernel, output and the matrix between image and output, linked: a row of the matrix is an output pixel and its
// window, a column is an image pixel and every output that sees it, a colour is a weight. All of that runs here.

const WINDOW = "#e6007e", SEEN = "#009e73";
const GRID_CELL = 34, MATRIX_CELL = 30, NUMBER_CELL = 20, MATRIX_HEIGHT = 760, GAP = 8, TERMS = 9;

function figureText(value) {
  if (value === null) return "no data";
  const digits = Math.abs(value) >= 1000 ? value.toFixed(0) : Number(value.toPrecision(4)).toString();
  return digits.replace(/\B(?=(\d{3})+(?!\d)(?<!\.\d*))/g, "\u202f").replace("-", "−");
}

const count = (many, what) => `${many} ${what}${many === 1 ? "" : "s"}`;

// A picture that is drawn once per setting, and marks above it that are drawn at every move of the pointer.
class Panel {
  constructor(board, parent, label) {
    this.board = board;
    this.figure = element("figure", {}, parent);
    this.frame = element("div", { class: "frame" }, this.figure);
    this.base = element("canvas", { tabindex: "0", role: "application", "aria-label": label }, this.frame);
    this.marks = element("canvas", { class: "marks", "aria-hidden": "true" }, this.frame);
    this.caption = element("figcaption", {}, this.figure);
    this.base.addEventListener("pointermove", (event) => this.board.point(this.found(event)));
    this.base.addEventListener("pointerleave", () => this.board.point(null));
    this.base.addEventListener("blur", () => this.board.point(null));
    this.base.addEventListener("click", (event) => this.board.hold(this.found(event)));
    this.base.addEventListener("keydown", (event) => this.key(event));
  }

  size(width, height) {
    const ratio = window.devicePixelRatio || 1;
    for (const canvas of [this.base, this.marks]) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
      canvas.getContext("2d").setTransform(ratio, 0, 0, ratio, 0, 0);
    }
    [this.width, this.height] = [width, height];
  }

  clear() {
    const context = this.marks.getContext("2d");
    context.clearRect(0, 0, this.width, this.height);
    return context;
  }

  found(event) {
    const area = this.base.getBoundingClientRect();
    return this.at(Math.floor((event.clientY - area.top - this.top) / this.cell),
      Math.floor((event.clientX - area.left - this.left) / this.cell));
  }

  key(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key === "Escape") this.board.hold(null);
    else if (event.key === "Enter" || event.key === " ") this.board.hold(this.at(...(this.cursor || [0, 0])));
    else if (event.key in steps) {
      const many = event.shiftKey ? 10 : 1;
      const [down, right] = steps[event.key], [row, col] = this.cursor || [-down, -right];
      this.board.point(this.at(row + many * down, col + many * right));
    } else return;
    event.preventDefault();
  }

  outline(context, row, col, colour, rows = 1, cols = 1) {
    context.strokeStyle = colour;
    context.lineWidth = 2;
    context.strokeRect(this.left + col * this.cell + 0.5, this.top + row * this.cell + 0.5,
      cols * this.cell - 1, rows * this.cell - 1);
  }

  // The weight that a cell is multiplied by: a bar in its colour at the foot of the cell.
  weigh(context, row, col, tap) {
    const height = Math.max(Math.floor(this.cell * 0.2), 2), width = this.cell - 4;
    const x = this.left + col * this.cell + 2, y = this.top + (row + 1) * this.cell - height - 2;
    context.fillStyle = "#444";
    context.fillRect(x, y - 1, width, 1);
    context.fillStyle = this.board.data.kernel.colours[tap - 1];
    context.fillRect(x, y, width, height);
  }
}

function cells(context, spec, place, cell) {
  const font = fontSize(spec.texts, cell);
  spec.colours.forEach((colour, i) => {
    const [x, y] = place(Math.floor(i / spec.cols), i % spec.cols);
    context.fillStyle = colour || "rgba(128,128,128,.35)";
    context.fillRect(x, y, cell, cell);
    if (cell >= 8) {
      context.strokeStyle = "rgba(128,128,128,.55)";
      context.lineWidth = 1;
      context.strokeRect(x + 0.5, y + 0.5, cell - 1, cell - 1);
    }
    write(context, spec.texts[i], x + cell / 2, y + cell / 2, font, colour);
  });
}

// Size of the numbers of a grid: the longest decides for all, and 0 stands for no room.
function fontSize(texts, cell) {
  const fits = Math.min(12, (1.75 * cell) / Math.max(3.5, ...texts.map((text) => text.length)));
  return cell >= NUMBER_CELL && fits >= 7.5 ? fits : 0;
}

function write(context, text, x, y, font, colour) {
  if (!font) return;
  context.font = `${font}px ${getComputedStyle(context.canvas).fontFamily}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = colour ? ink(colour) : "#111";
  context.fillText(text, x, y + 0.5);
}

// A small grid: the image, the kernel or the output. ``kind`` says what pointing at a cell means.
class Grid extends Panel {
  constructor(board, parent, kind, label) {
    super(board, parent, label);
    this.kind = kind;
    this.left = this.top = 1;
    this.legend = element("div", { class: "legend" }, this.figure);
  }

  show(spec, room) {
    this.spec = spec;
    this.cell = Math.max(Math.min(GRID_CELL, Math.floor(room / spec.cols)), 4);
    this.size(spec.cols * this.cell + 2, spec.rows * this.cell + 2);
    const context = this.base.getContext("2d");
    cells(context, spec, (row, col) => [1 + col * this.cell, 1 + row * this.cell], this.cell);
    this.caption.replaceChildren(element("b"));
    this.caption.firstChild.textContent = spec.name;
    this.caption.append(` · ${spec.caption}`);
    this.legend.replaceChildren();
    element("div", { class: "bar" }, this.legend).style.background = `linear-gradient(to right, ${spec.legend.join(",")})`;
    const ticks = element("div", { class: "ticks" }, this.legend);
    for (const tick of spec.ticks) element("span", {}, ticks).textContent = tick;
  }

  at(row, col) {
    [row, col] = this.cursor = [clamp(row, this.spec.rows), clamp(col, this.spec.cols)];
    return { kind: this.kind, index: row * this.spec.cols + col };
  }

  place = (index) => [Math.floor(index / this.spec.cols), index % this.spec.cols];
}

class Matrix extends Panel {
  show(data, room) {
    [this.rows, this.cols] = [data.target.rows * data.target.cols, data.source.rows * data.source.cols];
    this.data = data;
    const most = Math.min(Math.floor((room - 40) / this.cols), Math.floor(MATRIX_HEIGHT / this.rows));
    this.cell = Math.max(Math.min(MATRIX_CELL, most), 2);
    this.band = Math.max(Math.min(this.cell, MATRIX_CELL), 10);
    this.left = 1;
    this.top = this.band + GAP;
    this.right = this.left + this.cols * this.cell;
    this.size(this.right + GAP + this.band + 2, this.top + this.rows * this.cell + 2);
    const context = this.base.getContext("2d");
    this.vectors(context);
    this.weights(context);
    this.lines(context);
    this.caption.replaceChildren(element("b"));
    this.caption.firstChild.textContent = data.name;
    this.caption.append(` · ${data.caption}`);
  }

  // The image, row after row, across the top; the output, row after row, down the right.
  vectors(context) {
    const { source, target } = this.data;
    const draw = (spec, font, x, y, width, height, i) => {
      context.fillStyle = spec.colours[i] || "rgba(128,128,128,.35)";
      context.fillRect(x, y, width, height);
      context.strokeStyle = "rgba(128,128,128,.55)";
      if (this.cell >= 8) context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
      write(context, spec.texts[i], x + width / 2, y + height / 2, font, spec.colours[i]);
    };
    const [across, down] = [source, target].map((spec) => fontSize(spec.texts, this.cell));
    source.colours.forEach((_, i) => draw(source, across, this.left + i * this.cell, 0, this.cell, this.band, i));
    target.colours.forEach((_, i) => draw(target, down, this.right + GAP, this.top + i * this.cell, this.band, this.cell, i));
  }

  weights(context) {
    const { taps } = this.board, { colours, texts } = this.data.kernel;
    const paint = new ImageData(this.cols, this.rows);
    const palette = colours.map(rgb);
    taps.forEach((tap, i) => paint.data.set(tap ? [...palette[tap - 1], 255] : [128, 128, 128, 46], 4 * i));
    const small = element("canvas", { width: this.cols, height: this.rows });
    small.getContext("2d").putImageData(paint, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, this.left, this.top, this.cols * this.cell, this.rows * this.cell);
    const font = fontSize(texts, this.cell);
    taps.forEach((tap, i) => {
      if (!tap || !font) return;
      const x = this.left + ((i % this.cols) + 0.5) * this.cell, y = this.top + (Math.floor(i / this.cols) + 0.5) * this.cell;
      write(context, texts[tap - 1], x, y, font, colours[tap - 1]);
    });
  }

  // Thin lines between cells where there is room, strong ones between blocks: one block per pair of image rows.
  lines(context) {
    const { source, target } = this.data;
    const draw = (step, colour) => {
      context.strokeStyle = colour;
      context.lineWidth = 1;
      context.beginPath();
      for (let col = 0; col <= this.cols; col += step[1]) {
        const x = this.left + Math.min(col * this.cell, this.cols * this.cell) - 0.5;
        context.moveTo(x, this.top);
        context.lineTo(x, this.top + this.rows * this.cell);
      }
      for (let row = 0; row <= this.rows; row += step[0]) {
        const y = this.top + row * this.cell - 0.5;
        context.moveTo(this.left, y);
        context.lineTo(this.right, y);
      }
      context.stroke();
    };
    if (this.cell >= 8) draw([1, 1], "rgba(128,128,128,.25)");
    draw([target.cols, source.cols], "rgba(96,96,96,.95)");
  }

  at(row, col) {
    this.cursor = [clamp(row, this.rows), clamp(col, this.cols)];
    return { kind: "cell", row: this.cursor[0], col: this.cursor[1] };
  }

  mark(row, col, tap) {
    const context = this.clear();
    if (row !== null) {
      this.outline(context, row, 0, WINDOW, 1, this.cols);
      context.strokeRect(this.right + GAP, this.top + row * this.cell, this.band, this.cell);
    }
    if (col !== null) {
      this.outline(context, 0, col, SEEN, this.rows, 1);
      context.strokeRect(this.left + col * this.cell, 0.5, this.cell, this.band);
    }
    if (tap !== null) this.spread(context, tap);
  }

  spread(context, tap) {
    const side = Math.max(this.cell - 2, 2);
    context.strokeStyle = WINDOW;
    context.lineWidth = Math.min(2, this.cell / 3);
    this.board.taps.forEach((each, i) => {
      if (each === tap) context.strokeRect(this.left + (i % this.cols) * this.cell + 1, this.top + Math.floor(i / this.cols) * this.cell + 1, side, side);
    });
  }
}

class Board {
  constructor(root) {
    this.root = root;
    const grids = element("div", { class: "grids" }, root);
    this.source = new Grid(this, grids, "column", "");
    this.kernel = new Grid(this, grids, "tap", "");
    this.target = new Grid(this, grids, "row", "");
    const side = element("div", { class: "side" }, root);
    this.readout = element("div", { class: "readout", "aria-live": "polite" }, side);
    this.matrix = new Matrix(this, side, "");
    this.matrix.frame.classList.add("scrolls");
    new ResizeObserver(() => { if (this.data && root.clientWidth !== this.drawn) this.draw(); }).observe(root);
  }

  update({ data }) {
    if (data.version !== this.data?.version) this.held = null;
    this.data = data;
    this.taps = Uint8Array.from(atob(data.taps), (letter) => letter.charCodeAt(0));
    for (const name of ["source", "kernel", "target"]) this[name].base.setAttribute("aria-label", data[name].label);
    this.matrix.base.setAttribute("aria-label", data.label);
    for (const panel of [this.matrix, this.target]) panel.figure.classList.toggle("covered", data.covered);
    this.draw();
    requestAnimationFrame(() => { this.root.dataset.version = data.version; });
  }

  draw() {
    const { data } = this;
    const width = this.drawn = this.root.clientWidth;
    // A large matrix stands beside the grids where there is room, so that both stay in view.
    const beside = width >= 860 && Math.max(data.source.cols, data.target.cols) > 6;
    this.root.classList.toggle("beside", beside);
    const room = beside ? (width < 1200 ? 300 : 380) : Math.max(Math.min(width, 420), 120);
    this.root.style.setProperty("--room", `${room}px`);
    this.source.show(data.source, room);
    this.kernel.show(data.kernel, Math.min(room, 220));
    this.target.show(data.target, room);
    this.matrix.show(data, beside ? width - room - 32 : width);
    this.render(this.held);
  }

  point(at) {
    if (!this.held) this.render(at);
  }

  // A click, or Enter, holds what is marked, so that it can be looked at; once more lets go.
  hold(at) {
    const same = at && this.held && JSON.stringify(at) === JSON.stringify(this.held);
    this.held = same ? null : at;
    this.render(at);
  }

  render(at) {
    const here = this.data.covered ? null : at;
    const { row, col, tap } = this.resolve(here);
    this.matrix.mark(row, col, here?.kind === "tap" ? tap : null);
    this.markGrids(row, col, tap);
    const kept = this.held ? " Held: click again, or press Escape, to let go." : "";
    this.readout.textContent = here ? this.words(here, tap) + kept : this.data.hint;
    Object.assign(this.root.dataset, { row: row ?? "", col: col ?? "" });
  }

  resolve(at) {
    const tap = at?.kind === "cell" ? this.taps[at.row * this.matrix.cols + at.col] || null : null;
    const index = (kind) => (at?.kind === kind ? at.index : null);
    return { row: at?.row ?? index("row"), col: at?.col ?? index("column"), tap: tap ?? (at?.kind === "tap" ? at.index + 1 : null) };
  }

  markGrids(row, col, tap) {
    const { asked, covered } = this.data;
    const source = this.source.clear(), target = this.target.clear(), kernel = this.kernel.clear();
    if (covered && asked !== null) this.source.outline(source, ...this.source.place(asked), SEEN);
    for (const [pixel, weight] of row === null ? [] : this.rowOf(row)) {
      this.source.outline(source, ...this.source.place(pixel), WINDOW);
      this.source.weigh(source, ...this.source.place(pixel), weight);
    }
    for (const [output, weight] of col === null ? [] : this.columnOf(col)) {
      this.target.outline(target, ...this.target.place(output), SEEN);
      this.target.weigh(target, ...this.target.place(output), weight);
    }
    if (row !== null) this.target.outline(target, ...this.target.place(row), WINDOW);
    if (col !== null) this.source.outline(source, ...this.source.place(col), SEEN);
    if (tap !== null) this.kernel.outline(kernel, ...this.kernel.place(tap - 1), WINDOW);
  }

  // Every [pixel, weight] that a row holds, and every [output, weight] of a column.
  rowOf(row) {
    const { cols } = this.matrix, line = this.taps.subarray(row * cols, (row + 1) * cols);
    return [...line.entries()].filter(([, tap]) => tap);
  }

  columnOf(col) {
    const { rows, cols } = this.matrix;
    return Array.from({ length: rows }, (_, row) => [row, this.taps[row * cols + col]]).filter(([, tap]) => tap);
  }

  words(at, tap) {
    if (at.kind === "row") return this.rowWords(at.index);
    if (at.kind === "column") return this.columnWords(at.index);
    if (at.kind === "tap") return this.tapWords(tap);
    const pixel = this.name("source", at.col), output = this.name("target", at.row), place = `Row ${at.row}, column ${at.col}`;
    const cell = tap === null ? `empty, as ${output} does not use ${pixel}`
      : `weight ${this.data.kernel.texts[tap - 1]}, by which ${output} multiplies ${pixel}`;
    return `${place}: ${cell}. ${this.rowWords(at.row)}`;
  }

  name(grid, index) {
    return `${this.data[grid].one} (${this[grid].place(index).join(", ")})`;
  }

  rowWords(row) {
    const { source, kernel, target } = this.data;
    const seen = this.rowOf(row), result = figureText(target.values[row]);
    const begin = `Row ${row} is ${this.name("target", row)} and its window`;
    if (!seen.length) return `${begin}: no weight stands in it, so it is ${result}.`;
    if (seen.length > TERMS) return `${begin}: the sum of ${seen.length} products, ${result}.`;
    const whole = seen.every(([pixel, weight]) => Number.isInteger(source.values[pixel]) && Number.isInteger(kernel.values[weight - 1]));
    const terms = seen.map(([pixel, weight]) => `${kernel.texts[weight - 1].replace(/^−.*/, "($&)")} · ${figureText(source.values[pixel])}`);
    return `${begin}: ${terms.join(" + ")} ${whole ? "=" : "≈"} ${result}.`;
  }

  columnWords(col) {
    const seen = this.columnOf(col), begin = `Column ${col} is ${this.name("source", col)}`;
    if (!seen.length) return `${begin}: no ${this.data.target.one} uses it.`;
    const weights = seen.map(([, weight]) => this.data.kernel.texts[weight - 1]);
    const list = weights.length > TERMS ? "" : `, with the weight${weights.length > 1 ? "s" : ""} ${weights.join(", ")}`;
    return `${begin}: ${count(seen.length, this.data.target.one)} use${seen.length === 1 ? "s" : ""} it${list}.`;
  }

  tapWords(tap) {
    const times = this.taps.reduce((sum, each) => sum + (each === tap), 0);
    const [row, col] = this.kernel.place(tap - 1);
    return `Weight ${this.data.kernel.texts[tap - 1]}, cell (${row}, ${col}) of the kernel, stands ${count(times, "time")} in the matrix.`;
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".toeplitz");
  root.board ??= new Board(root);
  root.board.update(component);
}
