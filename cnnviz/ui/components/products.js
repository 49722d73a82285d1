// All products of one output pixel: for every band the pixels, the weights and what they make. Pointing at a cell marks
// it in all three grids and says the three numbers. Full precision shows every digit instead of four.

const KINDS = ["pixels", "weights", "products"];
const SIGNS = ["", "×", "="];
const HINT = "Point at a cell: its pixel, weight and product are named. Arrow keys walk.";

const joined = (terms) => terms.map((text, i) => (i === 0 ? text : text.startsWith("−") ? ` − ${text.slice(1)}` : ` + ${text}`)).join("");

class Products {
  constructor(root) {
    this.root = root;
    const head = element("div", { class: "head" }, root);
    this.title = element("b", {}, head);
    const label = element("label", {}, head);
    this.full = element("input", { type: "checkbox" }, label);
    label.append("Full precision");
    this.full.addEventListener("change", () => this.write());
    this.bands = element("div", { class: "bands", tabindex: "0", role: "group", "aria-label": "products, arrow keys walk" }, root);
    this.readout = element("div", { class: "readout", "aria-live": "polite" }, root);
    this.total = element("div", { class: "total" }, root);
    this.check = element("div", { class: "check" }, root);
    this.bands.addEventListener("pointermove", (event) => this.point(event.target.closest("td")?.dataset.place?.split(" ").map(Number)));
    this.bands.addEventListener("pointerleave", () => this.point());
    this.bands.addEventListener("keydown", (event) => this.key(event));
  }

  update({ data }) {
    if (this.data?.version === data.version) return;
    this.data = data;
    this.title.textContent = data.title;
    this.check.textContent = data.check;
    this.grids = data.bands.map(() => ({}));
    this.bands.replaceChildren(...data.bands.map((band, index) => this.build(band, index)));
    this.point();
    this.write();
    requestAnimationFrame(() => { this.root.dataset.version = data.version; });
  }

  build(spec, index) {
    const band = element("div", { class: "band" });
    element("div", { class: "name" }, band, spec.band);
    const line = element("div", { class: "line" }, band);
    KINDS.forEach((kind, i) => {
      if (SIGNS[i]) element("span", {}, line, SIGNS[i]);
      const body = element("tbody", {}, element("table", { "aria-label": `${kind} of ${spec.band}` }, line));
      this.grids[index][kind] = spec[kind].texts.map((texts, row) => {
        const tr = body.insertRow();
        return texts.map((_, col) => {
          const cell = element("td", { "data-place": `${index} ${row} ${col}` }, tr);
          const colour = spec[kind].colours[row][col];
          if (colour) Object.assign(cell.style, { background: colour, color: ink(colour) });
          return cell;
        });
      });
    });
    element("div", { class: "term" }, band, `term ${spec.band} = ${spec.term}`);
    return band;
  }

  // Sums always stand with all their digits, so that they add up as shown; the cells have four unless asked.
  write() {
    const which = this.full.checked ? "full" : "texts";
    this.data.bands.forEach((spec, index) => KINDS.forEach((kind) =>
      this.grids[index][kind].forEach((line, row) => line.forEach((cell, col) => { cell.textContent = spec[kind][which][row][col]; }))));
    const { bands, total, bias, biased, activation } = this.data;
    const sum = bands.length > 1 ? `${joined(bands.map(({ term }) => term))} = ${total}` : total;
    const lines = [`Sum of the terms: ${sum}`];
    if (bias) lines.push(`+ bias: ${total} ${bias.startsWith("−") ? `− ${bias.slice(1)}` : `+ ${bias}`} = ${biased}`);
    lines.push(activation);
    this.total.replaceChildren(...lines.flatMap((text, i) => (i ? [element("br"), text] : [text])));
  }

  point(place) {
    for (const cell of this.bands.querySelectorAll(".on")) cell.classList.remove("on");
    this.place = place ?? this.place;
    if (!place) return void (this.readout.textContent = HINT);
    const [index, row, col] = place;
    for (const kind of KINDS) this.grids[index][kind][row][col].classList.add("on");
    const spec = this.data.bands[index];
    const [pixel, weight, product] = KINDS.map((kind) => spec[kind].full[row][col]);
    this.readout.textContent = `${spec.band}, row ${row + 1}, column ${col + 1} of the window: ${bracketed(pixel)} · ${bracketed(weight)} = ${product}`;
  }

  key(event) {
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const rows = this.grids[0].pixels.length, cols = this.grids[0].pixels[0].length;
    const [index, row, col] = this.place && this.place[0] < this.grids.length ? this.place : [0, -steps[event.key][0], -steps[event.key][1]];
    const wide = index * cols + col + steps[event.key][1];
    const at = Math.min(Math.max(wide, 0), this.grids.length * cols - 1);
    this.point([Math.floor(at / cols), Math.min(Math.max(row + steps[event.key][0], 0), rows - 1), at % cols]);
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".products");
  root.products ??= new Products(root);
  root.products.update(component);
}
