// The kernels of one filter, side by side: chosen from the catalogue, turned round, given to all bands, or typed cell
// by cell. Every change is told to the server, which writes it into the link.

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?(\/(\d+\.?\d*|\.\d+)(e[-+]?\d+)?)?$/i;
const SIZES = [[3, "2.6rem", "0.8rem"], [5, "2.1rem", "0.7rem"], [7, "1.8rem", "0.62rem"], [Infinity, "1.5rem", "0.55rem"]];
const DENSE = 7, MANY = 4; // sides above which numbers show in the cell with the focus only; bands above which all is smaller
const HELP = "Type into a cell; arrow keys up and down walk. ± turns a kernel round, “to all” gives it to every band.";

const typed = (input) => input.value.trim().replace("−", "-");

class Kernel {
  constructor(bank, index) {
    this.bank = bank;
    this.index = index;
    this.root = element("fieldset", {}, bank.kernels);
    this.legend = element("legend", {}, this.root);
    const row = element("div", { class: "row" }, this.root);
    this.names = element("select", {}, row);
    this.names.addEventListener("change", () => this.names.value && this.send({ text: this.names.value }));
    this.turn = element("button", { type: "button", title: "Turn the kernel round: every weight with the other sign" }, row, "±");
    this.turn.addEventListener("click", () => this.send({ turn: true }));
    this.all = element("button", { type: "button", title: "Give this kernel to every band" }, row, "to all");
    this.all.addEventListener("click", () => this.send({ all: true }));
    this.table = element("tbody", {}, element("table", {}, element("div", { class: "scrolls" }, this.root)));
    this.table.addEventListener("change", () => this.tell());
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.table.addEventListener("focusin", (event) => event.target.select());
  }

  send(change) { this.bank.send("edit", { band: this.index, ...change }); }

  show(spec, titles, alone) {
    this.spec = spec;
    this.legend.textContent = spec.band;
    this.all.hidden = alone;
    if (this.names.options.length < titles.length) {
      element("option", { value: "" }, this.names, "own");
      for (const [name, title] of titles) element("option", { value: name }, this.names, title);
    }
    this.names.setAttribute("aria-label", `kernel of ${spec.band}`);
    this.names.value = spec.name;
    this.names.options[0].textContent = "own";
    const chosen = this.names.selectedOptions[0];
    for (const [i, [, title]] of titles.entries()) this.names.options[i + 1].textContent = title;
    if (spec.turned) chosen.textContent = `− ${chosen.textContent}`;
    this.build(spec);
  }

  build({ band, cells, colours }) {
    const [rows, cols] = [cells.length, cells[0].length];
    const side = Math.max(rows, cols);
    const [, cell, size] = SIZES.find(([most]) => side + (this.bank.many ? 2 : 0) <= most);
    this.root.classList.toggle("dense", side > DENSE);
    if (this.inputs?.length !== rows || this.inputs[0].length !== cols || this.cell !== cell) {
      this.cell = cell;
      this.root.style.setProperty("--cell", cell);
      this.root.style.setProperty("--size", size);
      this.table.replaceChildren();
      this.inputs = cells.map((line, row) => {
        const tr = this.table.insertRow();
        return line.map((_, col) => element("input", { inputmode: "decimal", "data-place": `${row} ${col}` }, tr.insertCell()));
      });
    }
    this.told = cells.map((line) => line.join(",")).join(";");
    this.inputs.forEach((line, row) => line.forEach((input, col) => {
      input.value = cells[row][col];
      input.classList.remove("wrong");
      input.setAttribute("aria-label", `${band}, weight in row ${row + 1}, column ${col + 1}`);
      input.parentElement.style.background = colours[row][col];
      input.style.color = ink(colours[row][col]);
    }));
  }

  key(event) {
    const steps = { ArrowUp: -1, ArrowDown: 1, Enter: 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    if (event.key === "Enter") this.tell();
    const [row, col] = event.target.dataset.place.split(" ").map(Number);
    this.inputs[row + steps[event.key]]?.[col].focus();
  }

  tell() {
    const wrong = this.inputs.flat().filter((input) => input.classList.toggle("wrong", !NUMBER.test(typed(input))));
    this.bank.note.textContent = wrong.length ? "A weight is a number such as 2, -0.5 or 1/9." : HELP;
    const text = this.inputs.map((line) => line.map(typed).join(",")).join(";");
    if (!wrong.length && text !== this.told) this.send({ text });
    this.told = text;
  }
}

class Bank {
  constructor(root) {
    this.root = root;
    this.head = element("div", { class: "head" }, root);
    this.kernels = element("div", { class: "kernels" }, root);
    this.cards = [];
    const bias = element("fieldset", { class: "bias" }, this.kernels);
    element("legend", {}, bias, "bias");
    this.bias = element("input", { "aria-label": "bias", inputmode: "decimal" }, bias);
    this.bias.addEventListener("change", () => this.tellBias());
    this.note = element("div", { class: "note", "aria-live": "polite" }, root);
    this.biasBox = bias;
  }

  update({ data, setTriggerValue }) {
    this.send = setTriggerValue;
    this.head.textContent = data.filter;
    this.note.textContent = HELP;
    while (this.cards.length > data.kernels.length) this.cards.pop().root.remove();
    while (this.cards.length < data.kernels.length) this.cards.push(new Kernel(this, this.cards.length));
    this.kernels.append(this.biasBox);
    this.many = data.kernels.length > MANY;
    this.root.classList.toggle("many", this.many);
    this.cards.forEach((card, i) => card.show(data.kernels[i], data.titles, data.kernels.length === 1));
    this.bias.value = this.toldBias = data.bias;
    this.bias.classList.remove("wrong");
  }

  tellBias() {
    const text = typed(this.bias);
    const right = NUMBER.test(text);
    this.bias.classList.toggle("wrong", !right);
    if (!right) this.note.textContent = "A bias is a number such as 2, -0.5 or 1/9.";
    else if (text !== this.toldBias) this.send("edit", { bias: text });
    this.toldBias = text;
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".bank");
  root.bank ??= new Bank(root);
  root.bank.update(component);
}
