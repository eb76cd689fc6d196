// A metric over time: one line, or one for each of the largest groups; counts as bars, and those of
// groups one upon the other. What is still open is dashed or lighter; what is estimated has its
// error around it.
import { useMemo, useState } from "preact/hooks";
import { caveats, type Format } from "../format";
import { go, route } from "../route";
import { colorIndex, lastValue, type Line, type Series } from "../series";
import { seriesColor, seriesPaint, themeTopic } from "../theme";
import { clock, day, DAY, windowName } from "../time";
import { useTopics } from "../topic";
import { Plot, type Mark, type Trace } from "./plot";
import { Alternative, type TableData } from "./table";

interface Props {
  name: string;
  series: Series;
  step: number;
  from: number;
  to: number;
  format: Format;
  height?: number;
  bars?: boolean;
  marks?: Mark[];
  atMost?: number;
  isPlain?: boolean; // no legend: there is one line
  isStacked?: boolean; // counts of groups, one upon the other: the upper edge is their sum
  isExact?: boolean; // what is drawn is, whatever else of the cells is estimated
}

const transparent = "rgba(0, 0, 0, 0)";

/** "#rrggbb" with an opacity. */
function faint(paint: string, alpha: number): string {
  const channel = (at: number) => parseInt(paint.slice(at, at + 2), 16);
  return `rgba(${channel(1)}, ${channel(3)}, ${channel(5)}, ${alpha})`;
}

function lineTraces(line: Line, index: number, series: Series, isAlone: boolean): Trace[] {
  const paint = seriesPaint(colorIndex(line, index));
  const { isComplete } = series;
  const points = series.starts.length <= 14;
  const solid = line.values.map((value, i) => (isComplete[i] ? value : null));
  const open = line.values.map((value, i) => (!isComplete[i] || !isComplete[i + 1] ? value : null));
  const isBroken = isComplete.includes(false);
  const fill = isAlone ? { fill: faint(paint, 0.1) } : {};
  const traces: Trace[] = [{ label: line.label, values: solid, paint, points, ...fill }];
  if (isBroken) {
    traces.push({ label: `${line.label}, open`, values: open, paint, dash: [4, 4], points });
  }
  return traces;
}

function barTraces(line: Line, series: Series): Trace[] {
  const paint = seriesPaint(0);
  const part = (wanted: boolean) =>
    line.values.map((value, i) => (series.isComplete[i] === wanted ? value : null));
  return [
    {
      label: line.label,
      values: part(true),
      paint: transparent,
      fill: faint(paint, 0.85),
      bars: true,
    },
    {
      label: `${line.label}, open`,
      values: part(false),
      paint,
      fill: faint(paint, 0.25),
      dash: [3, 3],
      width: 1,
      bars: true,
    },
  ];
}

/** The error of estimates, as a band around the first line. */
function errorTraces(line: Line | undefined): Trace[] {
  if (!line || !line.cells.some((cell) => cell && !cell.exact && cell.error)) {
    return [];
  }
  return [1, -1].map((sign) => ({
    label: sign > 0 ? "at most" : "at least",
    values: line.values.map((value, i) => {
      const error = line.cells[i]?.exact === false ? (line.cells[i]?.error ?? 0) : 0;
      return value === null ? null : value * (1 + sign * error);
    }),
    paint: transparent,
  }));
}

/** Each line upon those before it; the bands between are filled. */
function stackTraces(series: Series): { traces: Trace[]; bands: Band[] } {
  const traces: Trace[] = [];
  const bands: Band[] = [];
  let below = series.starts.map(() => 0);
  let last = -1;
  series.lines.forEach((line, index) => {
    const values = line.values.map((value, at) => (value ?? 0) + below[at]!);
    const paint = seriesPaint(colorIndex(line, index));
    const [solid, open] = lineTraces({ ...line, values }, index, series, false);
    const whole = { label: line.label, values, paint: transparent };
    traces.push({ ...whole, ...(index === 0 ? { fill: faint(paint, 0.42) } : {}) });
    if (last >= 0) {
      bands.push({ from: traces.length - 1, to: last, fill: faint(paint, 0.42) });
    }
    last = traces.length - 1;
    traces.push({ ...solid!, width: 1.25 }, ...(open ? [{ ...open, width: 1.25 }] : []));
    below = values;
  });
  return { traces, bands };
}

function tracesOf(
  series: Series,
  bars: boolean,
  isExact: boolean,
): { traces: Trace[]; bands: Band[] } {
  const isAlone = series.lines.length === 1;
  const traces =
    bars && isAlone
      ? barTraces(series.lines[0]!, series)
      : series.lines.flatMap((line, index) => lineTraces(line, index, series, isAlone));
  const errors = isAlone && !bars && !isExact ? errorTraces(series.lines[0]) : [];
  const bands =
    errors.length > 0
      ? [{ from: traces.length, to: traces.length + 1, fill: faint(seriesPaint(0), 0.22) }]
      : [];
  return { traces: [...traces, ...errors], bands };
}

interface Band {
  from: number;
  to: number;
  fill: string;
}

export function summary(name: string, series: Series, format: Format): string {
  const { starts, lines } = series;
  if (starts.length === 0 || lines.length === 0) {
    return `${name}: nothing in this span`;
  }
  const at = (ms: number) => `${day(ms)} ${clock(ms)}`;
  const told = lines.slice(0, 8).map((line) => {
    const known = line.values.filter((value): value is number => value !== null);
    const ends = `least ${format(Math.min(...known))}, greatest ${format(Math.max(...known))}`;
    return known.length > 0
      ? `${line.label}: newest ${format(lastValue(line).value)}, ${ends}`
      : `${line.label}: nothing`;
  });
  return (
    `${name}, chart over ${starts.length} windows from ${at(starts[0]!)} to ` +
    `${at(series.ends[series.ends.length - 1]!)} UTC. ${told.join(". ")}. ` +
    "Arrow keys read the values."
  );
}

export function tableOf(name: string, series: Series, step: number, format: Format): TableData {
  return {
    caption: name,
    head: ["window", ...series.lines.map((line) => line.label), "state"],
    rows: series.starts
      .map((start, index) => [
        windowName(start, step, series.zone),
        ...series.lines.map((line) => format(line.values[index])),
        series.isComplete[index] ? "complete" : "open",
      ])
      .reverse(),
  };
}

function choose(line: Line): void {
  const chosen = Object.entries(line.group).map(([column, value]) => [column, [String(value)]]);
  go({ groups: { ...route.groups, ...Object.fromEntries(chosen) } });
}

function Legend({ series, at, format }: { series: Series; at: number | null; format: Format }) {
  return (
    <ul class="legend">
      {series.lines.map((line, index) => {
        const value = at === null ? lastValue(line).value : (line.values[at] ?? null);
        const canChoose = Object.values(line.group).every((one) => one !== null);
        return (
          <li key={line.key}>
            <span class="swatch" style={{ background: seriesColor(colorIndex(line, index)) }} />
            {canChoose && Object.keys(line.group).length > 0 ? (
              <button
                type="button"
                class="label"
                title={`Show only ${line.label}`}
                onClick={() => choose(line)}
              >
                {line.label}
              </button>
            ) : (
              <span class="label">{line.label}</span>
            )}
            <span class="number">{format(value)}</span>
          </li>
        );
      })}
      {series.hidden > 0 && <li class="more">and {series.hidden} smaller</li>}
    </ul>
  );
}

function Readout({ series, at, step, format, isExact }: Props & { at: number | null }) {
  const index = at ?? series.starts.length - 1;
  const start = series.starts[index];
  if (start === undefined) {
    return null;
  }
  const end = series.ends[index]!;
  const line = series.lines[0];
  const cell = line?.cells[index];
  const told = cell && isExact ? { ...cell, exact: true } : cell;
  const words = series.lines.length === 1 ? caveats(told) : [];
  const state = series.isComplete[index] ? [] : ["still open"];
  const notes = [...new Set([...words, ...state])];
  const span =
    step >= DAY ? windowName(start, step, series.zone) : `${day(start)}, ${clock(start)}–${clock(end)}`;
  const alone = series.lines.length === 1 && at !== null ? format(line?.values[index]) : "";
  return (
    <p class="readout" aria-live={at === null ? "off" : "polite"}>
      <span>{span}</span>
      {alone && <b>{alone}</b>}
      {notes.length > 0 && <em>{notes.join(", ")}</em>}
    </p>
  );
}

/** A window is drawn at its start, and so is what happened in it. */
function placed(marks: Mark[], series: Series): Mark[] {
  return marks.map((mark) => {
    const of = series.starts.findLast((start, i) => start <= mark.at && mark.at < series.ends[i]!);
    return { ...mark, at: of ?? mark.at };
  });
}

export function Lines(props: Props) {
  const { name, series, step, from, to, format, bars = false, height = 150 } = props;
  const isExact = props.isExact ?? false;
  const [at, setAt] = useState<number | null>(null);
  const themes = useTopics(themeTopic);
  const isStacked = (props.isStacked ?? false) && series.lines.length > 1;
  const { traces, bands } = useMemo(
    () => (isStacked ? stackTraces(series) : tracesOf(series, bars, isExact)),
    [series, bars, isExact, isStacked, themes],
  );
  const isFixed = series.starts.length > 0;
  const pad = series.starts.length <= 60 ? step / 2 : 0;
  const first = Number.isFinite(from) ? from : (series.starts[0] ?? to - step);
  const last = Math.floor((to - 1) / step) * step;
  return (
    <>
      <Readout {...props} at={at} />
      <Plot
        label={summary(name, series, format)}
        starts={series.starts}
        traces={traces}
        bands={bands}
        {...(props.marks ? { marks: placed(props.marks, series) } : {})}
        {...(props.atMost ? { atMost: props.atMost } : {})}
        from={Math.min(first, series.starts[0] ?? first) - pad}
        to={Math.max(last, series.starts[series.starts.length - 1] ?? last) + pad}
        height={height}
        zone={series.zone}
        format={format}
        onCursor={setAt}
        {...(isFixed
          ? { onPick: (a: number, b: number) => go({ fixed: { from: a, to: b } }) }
          : {})}
      />
      {!props.isPlain && <Legend series={series} at={at} format={format} />}
      <Alternative name={name} data={() => tableOf(name, series, step, format)} />
    </>
  );
}

export { faint };
