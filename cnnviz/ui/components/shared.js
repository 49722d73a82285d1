// What several components draw with: this text stands before that of each.

function filled(node, attributes, parent, text = null) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== null) node.textContent = text;
  if (parent) parent.append(node);
  return node;
}

function element(tag, attributes = {}, parent = null, text = null) {
  return filled(document.createElement(tag), attributes, parent, text);
}

function svg(tag, attributes = {}, parent = null) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, parent);
}

const range = (count) => Array.from({ length: count }, (_, i) => i);
const clamp = (value, size) => Math.min(Math.max(value, 0), size - 1); // the nearest place in a row of `size`
const longest = (lines) => Math.max(...lines.flat().map((text) => text.length)); // of the texts of a grid
const bracketed = (text) => (text.startsWith("−") ? `(${text})` : text);

// Red, green and blue, 0 to 255, of a colour such as #ffcc00.
function rgb(colour) {
  const code = parseInt(colour.slice(1), 16);
  return [code >> 16, (code >> 8) & 255, code & 255];
}

// What can be read on a colour.
const inkOn = ([red, green, blue]) => (0.299 * red + 0.587 * green + 0.114 * blue < 140 ? "#fff" : "#111");
const ink = (colour) => inkOn(rgb(colour));

function decimalText(value, places) {
  const [whole, decimals] = Math.abs(value).toFixed(places).split(".");
  const part = (decimals || "").replace(/0+$/, "");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, "\u202f") + (part ? "." + part : "");
  return value < 0 && text !== "0" ? "−" + text : text;
}
