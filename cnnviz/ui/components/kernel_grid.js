// A kernel whose cells can be typed into. Arrow keys walk, Enter and leaving a cell tell the server.

const NUMBER = /^[-−+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?(\/\d+\.?\d*)?$/i;

const MOST_NUMBERS = 7;
const FEW_LETTERS = 3;
const DIGIT = 0.58; // width of a digit as a part of its height

class Grid {
  constructor(root) {
    this.root = root;
    this.table = root.querySelector("tbody");
    this.note = root.querySelector(".note");
    this.table.addEventListener("keydown", (event) => this.key(event));
    this.table.addEventListener("change", () => this.tell());
    this.table.addEventListener("focusin", (event) => this.enter(event.target));
    this.table.addEventListener("focusout", (event) => this.leave(event.target));
  }

  update(component) {
    this.send = component.setTriggerValue;
    const { cells, shown, colours, inks, side, name, help, fixed } = component.data;
    this.root.style.setProperty("--cell", `${side}px`);
    this.note.textContent = help;
    this.told = cells.map((line) => line.join(",")).join(";");
    const long = shown.flat().some((text) => text.length > FEW_LETTERS);
    const many = long && Math.max(cells.length, cells[0].length) > MOST_NUMBERS; // too many to be read, until one is edited
    this.root.classList.toggle("many", many);
    if (this.rows !== cells.length || this.cols !== cells[0].length) this.build(cells.length, cells[0].length);
    this.inputs.forEach((line, row) => line.forEach((input, col) => {
      // What is being typed while the answer to an earlier cell arrives stays.
      const typing = input === this.root.getRootNode().activeElement && ![input.exact, input.brief].includes(input.value);
      input.exact = cells[row][col];
      input.brief = shown[row][col];
      if (!typing) input.value = input.brief;
      input.title = input.exact;
      input.setAttribute("aria-label", `${name} in row ${row + 1}, column ${col + 1}`);
      input.style.fontSize = `${Math.min(Math.max(side / 3.2, 9), (side - 2) / (DIGIT * input.brief.length))}px`;
      input.classList.toggle("long", many || input.exact.length > input.brief.length);
      input.readOnly = fixed;
      input.classList.remove("wrong");
      input.parentElement.style.background = colours[row][col];
      input.style.color = inks[row][col];
    }));
  }

  build(rows, cols) {
    [this.rows, this.cols] = [rows, cols];
    this.inputs = [];
    this.table.replaceChildren();
    for (let row = 0; row < rows; row++) {
      const line = this.table.insertRow();
      this.inputs.push(Array.from({ length: cols }, (_, col) => {
        const input = document.createElement("input");
        input.inputMode = "decimal";
        input.dataset.place = `${row} ${col}`;
        input.classList.toggle("right", col > 0 && col >= cols / 2);
        line.insertCell().append(input);
        return input;
      }));
    }
  }

  // A cell shows the digits that fit and holds all of them: the exact weight is there to be edited.
  enter(input) {
    if (input.value === input.brief) input.value = input.exact;
    input.select();
  }

  leave(input) {
    if (input.value === input.exact) input.value = input.brief;
  }

  weight(input) {
    return input.value === input.brief ? input.exact : input.value.trim().replace("−", "-");
  }

  key(event) {
    const [row, col] = event.target.dataset.place.split(" ").map(Number);
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], Enter: [1, 0] };
    if (event.target.selectionStart === 0 && event.target.selectionEnd === event.target.value.length)
      Object.assign(steps, { ArrowLeft: [0, -1], ArrowRight: [0, 1] });
    if (!(event.key in steps)) return;
    event.preventDefault();
    if (event.key === "Enter") this.tell();
    const next = this.inputs[row + steps[event.key][0]]?.[col + steps[event.key][1]];
    next?.focus();
  }

  tell() {
    let good = true;
    const lines = this.inputs.map((line) => line.map((input) => {
      const text = this.weight(input);
      const right = NUMBER.test(text);
      input.classList.toggle("wrong", !right);
      good &&= right;
      return text;
    }).join(","));
    const text = lines.join(";");
    if (good && text !== this.told) this.send("edit", text);
    if (!good) this.note.textContent = "A weight is a number such as 2, -0.5 or 1/9.";
    this.told = text;
  }
}

export default function (component) {
  const root = component.parentElement.querySelector(".kernel");
  root.grid ??= new Grid(root);
  root.grid.update(component);
}
