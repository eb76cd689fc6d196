/* Draws openapi.json: contents, operations by tag with parameters, outcomes and a form for GET, and
 * the schemas. Text is set as text, never as HTML. */
"use strict";

const SHOWN_BYTES_MAX = 100000;

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== false) {
      made.setAttribute(key, value === true ? "" : value);
    }
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

/* Of Markdown, only `code` is used in the descriptions. */
function prose(text) {
  return (text || "").split("`").map((part, i) => (i % 2 ? element("code", {}, part) : part));
}

/* ---- schemas */

function schemaName(reference) {
  return reference.split("/").pop();
}

function schemaText(schema) {
  if (schema.$ref) {
    return schemaName(schema.$ref);
  }
  if (schema.const !== undefined) {
    return JSON.stringify(schema.const);
  }
  if (schema.enum) {
    return schema.enum.join(" | ");
  }
  if (schema.oneOf) {
    return schema.oneOf.map(schemaText).join(" | ");
  }
  if (schema.type === "array") {
    return (schema.items ? schemaText(schema.items) : "any") + "[]";
  }
  const formats = schema.anyOf ? schema.anyOf.map((one) => one.format).filter(Boolean) : [];
  let text = [].concat(schema.type || "any").join(" | ");
  if (schema.format || formats.length) {
    text = schema.format || formats.join(" | ");
  }
  if (schema.minimum !== undefined && schema.maximum !== undefined) {
    text += ` ${schema.minimum}..${schema.maximum}`;
  }
  return text;
}

function schemaLink(schema) {
  const target = schema.$ref || (schema.items && schema.items.$ref);
  const text = schemaText(schema);
  return target
    ? element("a", { href: `#schema-${schemaName(target)}` }, text)
    : element("code", {}, text);
}

function schemaRows(schema) {
  return Object.entries(schema.properties || {}).map(([name, member]) =>
    element("tr", {},
      element("td", {}, element("code", {}, name),
        (schema.required || []).includes(name) ? "" : element("span", { class: "soft" }, " optional")),
      element("td", {}, schemaLink(member)),
      element("td", { class: "soft" }, ...prose(member.description))));
}

function drawSchema(name, schema) {
  const rows = schemaRows(schema);
  const plain = rows.length === 0;
  return element("details", { id: `schema-${name}`, "data-words": name.toLowerCase() },
    element("summary", {}, element("code", {}, name), " ",
      element("span", { class: "soft" }, ...prose(schema.description))),
    element("div", {},
      plain ? element("pre", {}, JSON.stringify(schema, null, 2))
            : element("table", {}, element("tbody", {}, ...rows))));
}

/* ---- an operation */

function drawParameters(parameters) {
  if (!parameters || parameters.length === 0) {
    return null;
  }
  const rows = parameters.map((parameter) =>
    element("tr", {},
      element("td", {}, element("code", {}, parameter.name), " ",
        element("span", { class: "soft" },
          parameter.in + (parameter.required ? ", required" : ""))),
      element("td", {}, element("code", {}, schemaText(parameter.schema)),
        parameter.schema.default === undefined ? "" : ` (${parameter.schema.default})`),
      element("td", { class: "soft" }, ...prose(parameter.description))));
  return element("div", {}, element("h4", {}, "Parameters"),
    element("table", {}, element("tbody", {}, ...rows)));
}

function contentCells(content) {
  return Object.entries(content || {}).map(([type, media]) => {
    const line = media["x-line-schema"];
    return element("div", {}, element("code", {}, type), " ",
      line ? element("span", {}, "each line: ", schemaLink(line)) : schemaLink(media.schema || {}));
  });
}

function drawBody(body) {
  return body
    ? element("div", {}, element("h4", {}, "Body"), element("p", { class: "soft" }, ...prose(body.description)),
        ...contentCells(body.content))
    : null;
}

function drawOutcomes(responses, shared) {
  const rows = Object.entries(responses).map(([status, given]) => {
    const response = given.$ref ? shared[schemaName(given.$ref)] : given;
    return element("tr", {},
      element("td", { class: status < "300" ? "good" : "bad" }, status),
      element("td", {}, ...prose(response.description)),
      element("td", { class: given.$ref ? "narrow-off" : "" }, ...contentCells(response.content)));
  });
  return element("div", {}, element("h4", {}, "Outcomes"),
    element("table", {}, element("tbody", {}, ...rows)));
}

/* ---- trying it */

function inputOf(parameter) {
  const schema = parameter.schema;
  if (schema.enum) {
    return element("select", { name: parameter.name },
      element("option", { value: "" }, ""),
      ...schema.enum.map((value) => element("option", { value }, value)));
  }
  return element("input", {
    name: parameter.name,
    type: schema.type === "integer" ? "number" : "text",
    min: schema.minimum, max: schema.maximum,
    required: Boolean(parameter.required),
    placeholder: parameter.example ?? schema.default,
  });
}

function addressOf(path, parameters, form) {
  const query = new URLSearchParams();
  let target = path;
  for (const parameter of parameters) {
    const value = form.elements[parameter.name].value;
    if (parameter.in === "path") {
      target = target.replace(`{${parameter.name}}`, encodeURIComponent(value));
    } else if (value !== "") {
      query.set(parameter.name, value);
    }
  }
  const text = query.toString();
  return target.slice(1) + (text ? `?${text}` : "");
}

function pretty(type, text) {
  if (!type.includes("json") || type.includes("ndjson")) {
    return text;
  }
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

async function ask(address, output) {
  output.replaceChildren(element("p", { class: "soft" }, `GET /${address} …`));
  try {
    const started = performance.now();
    const reply = await fetch(address, { cache: "no-store" });
    const text = await reply.text();
    const type = reply.headers.get("Content-Type") || "";
    const took = Math.round(performance.now() - started);
    let shown = pretty(type, text);
    if (shown.length > SHOWN_BYTES_MAX) {
      shown = shown.slice(0, SHOWN_BYTES_MAX) + "\n… (cut here)";
    }
    output.replaceChildren(
      element("p", {}, element("code", {}, `GET /${address}`)),
      element("p", { class: reply.ok ? "good" : "bad" },
        `${reply.status} ${type}, ${text.length} characters, ${took} ms`),
      element("pre", { tabindex: "0" }, shown));
  } catch (error) {
    output.replaceChildren(element("p", { class: "bad" }, `No answer: ${error.message}`));
  }
}

function drawTry(path, operation) {
  const parameters = (operation.parameters || []).filter((one) => one.in !== "header");
  const output = element("div", { "aria-live": "polite" });
  const form = element("form", {},
    ...parameters.map((one) => element("label", {}, element("code", {}, one.name), inputOf(one))),
    element("button", { type: "submit" }, "Ask"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(addressOf(path, parameters, form), output);
  });
  return element("div", {}, element("h4", {}, "Try it"), form, output);
}

function drawOperation(path, method, operation, shared) {
  const words = `${path} ${operation.operationId} ${operation.summary} ${operation.description || ""}`;
  return element("details", { id: operation.operationId, "data-words": words.toLowerCase() },
    element("summary", {},
      element("span", { class: `method ${method}` }, method.toUpperCase()), " ",
      element("span", { class: "path" }, path), " ",
      element("span", { class: "soft" }, operation.summary)),
    element("div", {},
      operation.description ? element("p", {}, ...prose(operation.description)) : null,
      drawParameters(operation.parameters),
      drawBody(operation.requestBody),
      method === "get" ? drawTry(path, operation) : null,
      drawOutcomes(operation.responses, shared)));
}

/* ---- the page */

function operationsOf(description, tag) {
  const found = [];
  for (const [path, methods] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (operation.tags.includes(tag)) {
        found.push({ path, method, operation });
      }
    }
  }
  return found;
}

function drawTag(description, tag, main, contents) {
  const operations = operationsOf(description, tag.name);
  if (operations.length === 0) {
    return;
  }
  main.append(element("h2", {}, tag.name), element("p", { class: "soft" }, tag.description),
    ...operations.map((one) =>
      drawOperation(one.path, one.method, one.operation, description.components.responses)));
  contents.append(element("strong", {}, tag.name), element("ul", {},
    ...operations.map((one) => element("li", {},
      element("a", { href: `#${one.operation.operationId}`, class: "path" }, one.path)))));
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target instanceof HTMLDetailsElement) {
    target.open = true;
    target.scrollIntoView();
  }
}

function find(word) {
  for (const details of document.querySelectorAll("[data-words]")) {
    details.hidden = !details.dataset.words.includes(word.trim().toLowerCase());
  }
}

function draw(description) {
  const main = document.getElementById("operations");
  const contents = document.getElementById("contents");
  document.getElementById("title").textContent =
    `${description.info.title} API ${description.info.version}`;
  document.getElementById("about").textContent = description.info.description;
  main.replaceChildren();
  for (const tag of description.tags) {
    drawTag(description, tag, main, contents);
  }
  main.append(element("h2", {}, "schemas"),
    ...Object.entries(description.components.schemas).map(([name, schema]) => drawSchema(name, schema)));
  document.getElementById("find").addEventListener("input", (event) => find(event.target.value));
  window.addEventListener("hashchange", openTarget);
  openTarget();
}

fetch("openapi.json")
  .then((reply) => reply.json())
  .then(draw)
  .catch((error) => {
    document.getElementById("state").textContent = `The description cannot be read: ${error.message}`;
  });
