// Light, dark, or as the system is; the choice is remembered. Colours are the style sheet's: charts
// ask for them and are drawn anew when they change.
import { Topic } from "./topic";

export type Theme = "auto" | "light" | "dark";
const KEY = "tidemark.theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");

export const themeTopic = new Topic();
export let theme: Theme = read();
let isDarkNow = false; // as it is drawn

function read(): Theme {
  try {
    const text = localStorage.getItem(KEY);
    return text === "light" || text === "dark" ? text : "auto";
  } catch {
    return "auto"; // storage may be forbidden
  }
}

export function isDark(): boolean {
  return isDarkNow;
}

/** Nothing else asks the system: who asks between its change and the event of it is answered, and
 *  then Chromium sees no change to tell of, and the page would keep its colours. */
function apply(): void {
  isDarkNow = theme === "dark" || (theme === "auto" && system.matches);
  document.documentElement.dataset.theme = isDarkNow ? "dark" : "light";
  themeTopic.publish();
}

export function setTheme(next: Theme): void {
  theme = next;
  try {
    if (next === "auto") {
      localStorage.removeItem(KEY);
    } else {
      localStorage.setItem(KEY, next);
    }
  } catch {
    // remembered until the page is left
  }
  apply();
}

export function startTheme(): void {
  apply();
  system.addEventListener("change", apply);
}

export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export const SERIES_COLORS = 8;

export function seriesColor(index: number): string {
  return `var(--series-${(index % SERIES_COLORS) + 1})`;
}

/** The same for a canvas, which knows no variables. */
export function seriesPaint(index: number): string {
  return color(`series-${(index % SERIES_COLORS) + 1}`);
}

/** A colour of the heat map: share 0 to 1; with the text colour that can be read on it. */
export function heat(share: number): { background: string; color: string } {
  const dark = isDark();
  const stops: [number, number, number][] = dark
    ? [
        [24, 38, 46],
        [18, 86, 104],
        [47, 158, 160],
        [190, 236, 200],
      ]
    : [
        [240, 247, 246],
        [158, 211, 205],
        [52, 142, 156],
        [12, 66, 88],
      ];
  const place = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(place), stops.length - 2);
  const [r, g, b] = [0, 1, 2].map((i) =>
    Math.round(stops[low]![i]! + (stops[low + 1]![i]! - stops[low]![i]!) * (place - low)),
  ) as [number, number, number];
  const linear = [r, g, b].map((v) =>
    v / 255 <= 0.04045 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4,
  );
  const luminance = 0.2126 * linear[0]! + 0.7152 * linear[1]! + 0.0722 * linear[2]!;
  const isBright = (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05);
  return { background: `rgb(${r}, ${g}, ${b})`, color: isBright ? "#000" : "#fff" };
}
