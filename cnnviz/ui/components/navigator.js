// The whole raster, small, with the viewing window as a box that can be dragged. The server hears of the end of a drag.

class Navigator {
  constructor(root) {
    this.map = root.querySelector(".map");
    this.image = root.querySelector("img");
    this.box = root.querySelector(".view");
    this.note = root.querySelector(".note");
    this.map.addEventListener("pointerdown", (event) => this.start(event));
    this.map.addEventListener("pointermove", (event) => this.held && this.centre(event));
    this.map.addEventListener("pointerup", () => this.finish());
    this.map.addEventListener("pointercancel", () => this.finish());
    this.map.addEventListener("keydown", (event) => this.key(event));
  }

  update(component) {
    const { data } = component;
    this.send = component.setTriggerValue;
    this.data = data;
    const source = "data:image/png;base64," + data.png;
    if (this.image.src !== source) this.image.src = source;
    this.image.alt = data.alt;
    this.map.setAttribute("aria-label", data.alt + " " + data.help);
    this.note.textContent = data.help;
    [this.row, this.col] = [data.row, data.col];
    this.draw();
  }

  draw() {
    const { rows, cols, view } = this.data;
    this.box.style.left = `${(100 * this.col) / cols}%`;
    this.box.style.top = `${(100 * this.row) / rows}%`;
    this.box.style.width = `${(100 * Math.min(view[1], cols)) / cols}%`;
    this.box.style.height = `${(100 * Math.min(view[0], rows)) / rows}%`;
  }

  move(row, col) {
    const { rows, cols, view } = this.data;
    this.row = Math.round(Math.min(Math.max(row, 0), Math.max(rows - view[0], 0)));
    this.col = Math.round(Math.min(Math.max(col, 0), Math.max(cols - view[1], 0)));
    this.draw();
  }

  start(event) {
    this.map.setPointerCapture(event.pointerId);
    this.held = true;
    this.centre(event);
  }

  centre(event) {
    const area = this.map.getBoundingClientRect();
    const { rows, cols, view } = this.data;
    this.move(((event.clientY - area.top) / area.height) * rows - view[0] / 2, ((event.clientX - area.left) / area.width) * cols - view[1] / 2);
  }

  finish() {
    if (this.held) this.tell();
    this.held = false;
  }

  key(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in steps)) return;
    const [down, right] = steps[event.key];
    this.move(this.row + (down * this.data.view[0]) / 4, this.col + (right * this.data.view[1]) / 4);
    this.tell();
    event.preventDefault();
  }

  tell() {
    if (this.row !== this.data.row || this.col !== this.data.col) this.send("move", { row: this.row, col: this.col });
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".navigator");
  root.navigator ??= new Navigator(root);
  root.navigator.update(component);
}
