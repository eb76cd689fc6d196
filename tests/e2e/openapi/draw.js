/* Runs the reader's script on a document that remembers what is put into it, fills one form, and
 * prints what stands there: usage: node draw.js SCRIPT OPENAPI. */
"use strict";

const fs = require("fs");
const vm = require("vm");

class Element {
  constructor(name) {
    this.name = name;
    this.attributes = {};
    this.children = [];
    this.listeners = {};
    this.dataset = {};
    this.value = "";
  }
  setAttribute(key, value) { this.attributes[key] = String(value); }
  append(...children) { this.children.push(...children); }
  replaceChildren(...children) { this.children = children; }
  addEventListener(kind, listener) { this.listeners[kind] = listener; }
  set textContent(text) { this.children = [text]; }
  scrollIntoView() {}
  get elements() {
    return Object.fromEntries(all(this).filter((one) => one.attributes.name)
      .map((one) => [one.attributes.name, one]));
  }
}

function all(element) {
  return [element, ...element.children.filter((one) => one instanceof Element).flatMap(all)];
}

function textOf(element) {
  return element.children.map((one) => (one instanceof Element ? textOf(one) : String(one))).join(" ");
}

const [script, openapi] = process.argv.slice(2);
const page = new Element("body");
for (const id of ["title", "about", "find", "contents", "operations", "state"]) {
  const made = new Element("div");
  made.setAttribute("id", id);
  page.append(made);
}
const byId = (id) => all(page).find((one) => one.attributes.id === id) || null;
const asked = [];
const text = fs.readFileSync(openapi, "utf8");
const context = {
  document: {
    createElement: (name) => new Element(name),
    getElementById: byId,
    querySelectorAll: () => [],
  },
  window: { addEventListener() {} },
  location: { hash: "" },
  performance,
  URLSearchParams,
  HTMLDetailsElement: Element,
  fetch: async (address) => {
    asked.push(address);
    return {
      ok: true,
      status: 200,
      headers: { get: () => "application/json" },
      json: async () => JSON.parse(text),
      text: async () => "{}",
    };
  },
};
vm.runInNewContext(fs.readFileSync(script, "utf8"), context);

setTimeout(() => {
  const form = all(byId("getMetric")).find((one) => one.name === "form");
  form.elements.name.value = "a b";
  form.elements.from.value = "2026-03-02";
  form.elements.filter.value = 'region == "x"';
  form.listeners.submit({ preventDefault() {} });
  setTimeout(() => {
    process.stdout.write(JSON.stringify({
      text: textOf(page),
      ids: all(page).map((one) => one.attributes.id).filter(Boolean),
      forms: all(page).filter((one) => one.name === "form").length,
      asked,
    }));
  }, 0);
}, 0);
