// Keys of the whole page. They can be switched off: a speech program types letters.
import { go, PAGES, route, shift, type Page } from "./route";
import { eventNow } from "./store";
import { isDark, setTheme } from "./theme";
import { RANGES } from "./time";
import { Topic } from "./topic";

const KEY = "tidemark.keys";
let on = read();

export const keysTopic = new Topic();

export const KEYS: { keys: string[]; about: string }[] = [
  { keys: ["1", "…", "7"], about: "a page" },
  { keys: ["-", "+"], about: "a shorter or longer range" },
  { keys: ["<", ">"], about: "earlier, later" },
  { keys: ["f"], about: "follow the events, or stop here" },
  { keys: ["g"], about: "choose groups" },
  { keys: ["t"], about: "light or dark" },
  { keys: ["?"], about: "this list" },
  { keys: ["←", "→"], about: "in a chart: read its values" },
  { keys: ["Esc"], about: "close; leave the chart's values" },
];

function read(): boolean {
  try {
    return localStorage.getItem(KEY) !== "off";
  } catch {
    return true;
  }
}

export function keysAreOn(): boolean {
  return on;
}

export function setKeys(next: boolean): void {
  on = next;
  try {
    localStorage.setItem(KEY, next ? "on" : "off");
  } catch {
    // until the page is left
  }
  keysTopic.publish();
}

function stepRange(step: -1 | 1): void {
  const next = RANGES[RANGES.indexOf(route.range) + step];
  if (next) {
    go({ range: next, fixed: null });
  }
}

function openGroups(): void {
  const chooser = document.getElementById("groups") as HTMLDetailsElement | null;
  if (chooser) {
    chooser.open = !chooser.open;
    chooser.querySelector("summary")?.focus();
  }
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.matches("input:not([type=checkbox]), textarea, select") ||
      target.closest("dialog[open]") !== null)
  );
}

export function startKeys(actions: { help: () => void; follow: () => void }): void {
  const table: Record<string, () => void> = {
    "-": () => stepRange(-1),
    "+": () => stepRange(1),
    "=": () => stepRange(1),
    "<": () => shift(-1, eventNow()),
    ">": () => shift(1, eventNow()),
    f: actions.follow,
    g: openGroups,
    t: () => setTheme(isDark() ? "light" : "dark"),
    "?": actions.help,
  };
  PAGES.forEach((page: Page, index) => {
    table[String(index + 1)] = () => go({ page, metric: "" });
  });
  document.addEventListener("keydown", (event) => {
    const action = table[event.key];
    if (
      !on ||
      !action ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey ||
      isTyping(event.target)
    ) {
      return;
    }
    event.preventDefault();
    action();
  });
}
