/* Elements and texts. Everything of the plan goes through `make`, which writes text nodes: nothing is read as markup. */
"use strict";

// Characters that nobody sees or that turn the direction of what follows are shown by their numbers.
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]/g;

function visible(text) {
  return String(text).replace(HIDDEN, (found) => "\\u" + found.charCodeAt(0).toString(16).padStart(4, "0"));
}

/* An element with attributes and children; a child is a node, a text, a list of these, or nothing. */
function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat(3).filter((child) => child !== undefined && child !== null && child !== false && child !== "")
    .map((child) => (child instanceof Node ? child : visible(child))));
  return node;
}

/* A name of the plan, in the type of code; `bdi` keeps a right-to-left name from turning its neighbours around. */
function name_(text) {
  return make("code", {}, make("bdi", {}, text));
}

/* A sentence of the plan. */
function prose(text, attributes) {
  return text ? make("p", { dir: "auto", ...attributes }, text) : undefined;
}

/* A sentence of ours about the plan, with names in backticks. */
function told(sentence) {
  return sentence.split(/`([^`]+)`/).map((part, index) => (index % 2 ? name_(part) : part));
}

function address(...parts) {
  return "#" + parts.map(encodeURIComponent).join("/");
}

function link(parts, ...children) {
  return make("a", { href: address(...parts) }, ...children);
}

/* Nodes with a comma between each two. */
function listed(nodes) {
  return nodes.flatMap((node, index) => (index ? [", ", node] : [node]));
}

function counted(number, one, many) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many || one + "s"}`;
}
