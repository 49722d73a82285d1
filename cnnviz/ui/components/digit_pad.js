// A pad to draw on with mouse, pen, finger or keys. A finished drawing travels once, a moment after its last stroke.

const SIDE = 280;
const WIDTH = 22;
const CLOSEST = 3;
const STEP = 10;
const WAIT_AFTER_STROKE = 250;
const WAIT_AFTER_KEY = 600;
const MOST_STROKES = 60;
const MOST_POINTS = 600;
const STEPS = { ArrowUp: [0, -STEP], ArrowDown: [0, STEP], ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0] };

const written = (strokes) => strokes.map((stroke) => stroke.map((point) => point.join(",")).join(" ")).join(";");
const read = (text) => (text ? text.split(";").map((stroke) => stroke.split(" ").map((p) => p.split(",").map(Number))) : []);
const inside = (value) => Math.min(Math.max(Math.round(value), 0), SIDE - 1);

class Pad {
  constructor(root) {
    this.canvas = root.querySelector("canvas");
    this.note = root.querySelector(".note");
    [this.strokes, this.pen, this.down, this.drawing] = [[], [SIDE / 2, SIDE / 4], false, false];
    const listen = (name, work) => this.canvas.addEventListener(name, (event) => work.call(this, event));
    listen("pointerdown", this.start);
    listen("pointermove", this.move);
    for (const end of ["pointerup", "pointercancel"]) listen(end, this.end);
    listen("keydown", this.key);
    listen("focus", this.paint);
    listen("blur", () => { this.down = false; this.paint(); });
    root.querySelector(".undo").addEventListener("click", () => this.undo());
    root.querySelector(".clear").addEventListener("click", () => this.clear());
  }

  update(component) {
    this.send = (text) => component.setStateValue("strokes", text);
    const { strokes, help } = component.data;
    this.help = help;
    if (!this.note.textContent) this.note.textContent = help;
    if (this.told === undefined) {
      this.strokes = read(strokes);
      this.told = strokes;
    }
    this.paint();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [inside((event.clientX - box.left) / box.width * SIDE), inside((event.clientY - box.top) / box.height * SIDE)];
  }

  start(event) {
    if (event.button !== 0 || this.strokes.length >= MOST_STROKES) return;
    clearTimeout(this.timer);
    this.canvas.setPointerCapture(event.pointerId);
    [this.drawing, this.down] = [true, false];
    this.strokes.push([this.place(event)]);
    this.paint();
  }

  move(event) {
    if (!this.drawing) return;
    for (const each of event.getCoalescedEvents?.() ?? [event]) this.add(this.place(each), CLOSEST);
    this.paint();
  }

  end() {
    if (!this.drawing) return;
    this.drawing = false;
    this.tell(WAIT_AFTER_STROKE);
  }

  add(point, closest) {
    const stroke = this.strokes.at(-1);
    const [x, y] = stroke.at(-1);
    if (Math.hypot(point[0] - x, point[1] - y) >= closest && stroke.length < MOST_POINTS) stroke.push(point);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEPS) {
      const [dx, dy] = STEPS[event.key];
      this.pen = [inside(this.pen[0] + dx), inside(this.pen[1] + dy)];
      if (this.down) {
        this.add(this.pen, 1);
        this.tell(WAIT_AFTER_KEY);
      }
    } else if (event.key === " ") this.lower();
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else return;
    event.preventDefault();
    this.paint();
  }

  lower() {
    this.down = !this.down && this.strokes.length < MOST_STROKES;
    if (this.down) this.strokes.push([this.pen]);
    this.tell(WAIT_AFTER_KEY);
  }

  undo() {
    this.strokes.pop();
    this.down = false;
    this.tell(0);
    this.paint();
  }

  clear() {
    [this.strokes, this.down] = [[], false];
    this.tell(0);
    this.paint();
  }

  tell(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const text = written(this.strokes);
      if (text === this.told || this.drawing) return;
      this.told = text;
      this.send(text);
    }, wait);
    const count = this.strokes.length;
    const said = count ? `${count} stroke${count > 1 ? "s" : ""}${this.down ? ", pen down" : ""}. ` : "";
    this.note.textContent = said + this.help;
  }

  paint() {
    const context = this.canvas.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, SIDE, SIDE);
    Object.assign(context, { strokeStyle: "#fff", lineWidth: WIDTH, lineCap: "round", lineJoin: "round" });
    for (const stroke of this.strokes) {
      context.beginPath();
      context.moveTo(...stroke[0]);
      for (const point of stroke) context.lineTo(...point);
      context.stroke();
    }
    if (this.canvas.matches(":focus-visible")) this.mark(context);
  }

  mark(context) {
    Object.assign(context, { strokeStyle: "#e69f00", lineWidth: 3 });
    context.beginPath();
    context.arc(...this.pen, this.down ? WIDTH / 3 : WIDTH / 2, 0, 7);
    context.stroke();
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".pad");
  root.pad ??= new Pad(root);
  root.pad.update(component);
}
