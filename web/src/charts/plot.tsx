// uPlot, held by Preact: made anew when what is drawn changes its shape, else told the new data.
// Arrow keys move the cursor, a drag picks a range, and a resize is followed.
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { clock, day, DAY, HOUR, knownZone, local } from "../time";
import { color, isDark, themeTopic } from "../theme";
import { useTopics } from "../topic";

export interface Trace {
  label: string;
  values: (number | null)[];
  paint: string;
  width?: number;
  dash?: number[];
  fill?: string;
  points?: boolean;
  bars?: boolean;
}

export interface Mark {
  at: number; // ms
  label: string;
}

export interface PlotProps {
  label: string; // for who cannot see it
  starts: number[]; // ms
  traces: Trace[];
  bands?: { from: number; to: number; fill: string }[]; // trace indexes: upper, lower
  marks?: Mark[];
  from: number;
  to: number;
  height: number;
  zone?: string | undefined; // in which days begin; UTC
  format: (value: number | null) => string;
  atMost?: number; // what the values cannot exceed: where the axis ends, once they come near
  onCursor?: (index: number | null) => void;
  onPick?: (from: number, to: number) => void;
}

function tick(seconds: number, spacing: number, zone: string | undefined): string {
  const ms = local(seconds * 1000, zone);
  if (spacing >= 20 * HOUR) {
    return day(ms);
  }
  return ms % DAY === 0 ? day(ms) : clock(ms, spacing < 60_000);
}

function drawMarks(plot: uPlot, marks: Mark[]): void {
  const { ctx } = plot;
  const ratio = devicePixelRatio || 1;
  const { left, top, width, height } = plot.bbox;
  ctx.save();
  ctx.strokeStyle = color("mark");
  ctx.fillStyle = color("text-soft");
  ctx.font = `${11 * ratio}px ${getComputedStyle(document.body).fontFamily}`;
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  let row = 0;
  for (const mark of marks) {
    const x = Math.round(plot.valToPos(mark.at / 1000, "x", true));
    if (x < left || x > left + width) {
      continue;
    }
    ctx.beginPath();
    ctx.moveTo(x, top);
    ctx.lineTo(x, top + height);
    ctx.stroke();
    const isLate = x > left + width * 0.8;
    ctx.textAlign = isLate ? "right" : "left";
    ctx.fillText(mark.label, x + (isLate ? -4 : 4) * ratio, top + (11 + 13 * (row++ % 3)) * ratio);
  }
  ctx.restore();
}

/** Of values that have no line: both neighbours are missing. */
function isolated(values: ArrayLike<unknown>): number[] {
  const there = (at: number) => (values[at] ?? null) !== null;
  return Array.from(values, (_, at) => at).filter(
    (at) => there(at) && !there(at - 1) && !there(at + 1),
  );
}

function pointsOf(trace: Trace): uPlot.Series.Points {
  const alone = (plot: uPlot, index: number) => isolated(plot.data[index]!);
  const look = { size: 5, fill: trace.paint, stroke: trace.paint };
  return trace.points || trace.bars
    ? { ...look, show: trace.points ?? false }
    : { ...look, show: false, filter: alone };
}

function seriesOptions(trace: Trace, count: number): uPlot.Series {
  return {
    label: trace.label,
    stroke: trace.paint,
    width: trace.width ?? 1.75,
    spanGaps: false,
    points: pointsOf(trace),
    ...(trace.dash ? { dash: trace.dash } : {}),
    ...(trace.fill ? { fill: trace.fill } : {}),
    ...(trace.bars && uPlot.paths.bars
      ? {
          paths: uPlot.paths.bars({
            size: [count > 60 ? 0.9 : 0.7, 36],
            radius: 0.15,
            align: 0,
          }),
        }
      : {}),
  };
}

function axes(latest: { current: PlotProps }): uPlot.Axis[] {
  const shared = {
    stroke: color("text-soft"),
    font: `11px ${getComputedStyle(document.body).fontFamily}`,
    ticks: { show: false },
  };
  return [
    {
      ...shared,
      size: 24,
      gap: 5,
      space: 64,
      grid: { show: false },
      values: (_: uPlot, splits: number[]) => {
        const spacing = splits.length > 1 ? (splits[1]! - splits[0]!) * 1000 : DAY;
        return splits.map((split) => tick(split, spacing, latest.current.zone));
      },
    },
    {
      ...shared,
      size: (_, values) => 12 + 6.6 * Math.max(2, ...(values ?? []).map((text) => text.length)),
      gap: 6,
      space: 34,
      grid: { stroke: color("grid"), width: 1 },
      values: (_: uPlot, splits: number[]) =>
        splits.map((split) => latest.current.format(split).replace(".0 %", " %")),
    },
  ];
}

function make(element: HTMLElement, latest: { current: PlotProps }): uPlot {
  const props = latest.current;
  const options: uPlot.Options = {
    width: Math.max(element.clientWidth, 120),
    height: props.height,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), knownZone(latest.current.zone)),
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: {
      y: false,
      points: { size: 7, width: 2, fill: color("surface") },
      drag: { x: props.onPick !== undefined, y: false, setScale: false },
    },
    scales: {
      x: { time: true, range: () => [latest.current.from / 1000, latest.current.to / 1000] },
      y: { range: (_, min, max) => yRange(min, max, latest.current.atMost) },
    },
    axes: axes(latest),
    series: [{}, ...props.traces.map((trace) => seriesOptions(trace, props.starts.length))],
    bands: (props.bands ?? []).map((band) => ({
      series: [band.from + 1, band.to + 1] as [number, number],
      fill: band.fill,
    })),
    hooks: {
      draw: [(plot) => drawMarks(plot, latest.current.marks ?? [])],
      setCursor: [(plot) => latest.current.onCursor?.(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          if (plot.select.width > 8) {
            const from = plot.posToVal(plot.select.left, "x") * 1000;
            const to = plot.posToVal(plot.select.left + plot.select.width, "x") * 1000;
            plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
            latest.current.onPick?.(Math.floor(from / 1000) * 1000, Math.ceil(to / 1000) * 1000);
          }
        },
      ],
    },
  };
  return new uPlot(options, data(props), element);
}

function yRange(min: number | null, max: number | null, atMost = 0): [number, number] {
  const low = Math.min(min ?? 0, 0);
  const high = Math.max(max ?? 0, 0);
  if (high === low) {
    return [low, low + (atMost || 1)];
  }
  const top = high + (high - low) * 0.08;
  return [
    low < 0 ? low - (high - low) * 0.08 : 0,
    atMost > 0 && high <= atMost && top > atMost * 0.6 ? atMost : top,
  ];
}

function data(props: PlotProps): uPlot.AlignedData {
  return [props.starts.map((start) => start / 1000), ...props.traces.map((trace) => trace.values)];
}

function shapeOf(props: PlotProps): string {
  const traces = props.traces.map((t) => [t.label, t.paint, t.dash, t.fill, t.points, t.bars]);
  const isMany = props.starts.length > 60;
  return JSON.stringify([traces, props.bands, props.height, isMany, props.onPick !== undefined]);
}

function onKey(event: KeyboardEvent, plot: uPlot | null, count: number): void {
  const steps: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    Home: -count,
    End: count,
  };
  const step = steps[event.key];
  if (!plot || event.ctrlKey || event.metaKey || event.altKey || count === 0) {
    return;
  }
  if (event.key === "Escape") {
    plot.setCursor({ left: -10, top: -10 });
    return;
  }
  if (step === undefined) {
    return;
  }
  event.preventDefault();
  const at = plot.cursor.idx ?? (step > 0 ? -1 : count);
  const next = Math.min(Math.max(at + step, 0), count - 1);
  plot.setCursor({ left: plot.valToPos(plot.data[0]![next]!, "x"), top: 10 });
}

/** A chart that is made anew while somebody reads it is read on from there. */
function take(plot: uPlot | null, read: { current: number | null }): void {
  if (plot && read.current !== null) {
    plot.setCursor({ left: plot.valToPos(read.current, "x"), top: 10 });
  }
  read.current = null;
}

export function Plot(props: PlotProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const read = useRef<number | null>(null); // s: where the cursor of the chart before this one was
  const latest = useRef(props);
  latest.current = props;
  useTopics(themeTopic);
  const shape = `${shapeOf(props)} ${isDark()}`;

  useEffect(() => {
    const element = holder.current!;
    plot.current = make(element, latest);
    queueMicrotask(() => take(plot.current, read)); // its scales are known then
    const observer = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && plot.current && width !== plot.current.width) {
        plot.current.setSize({ width, height: latest.current.height });
      }
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      read.current = plot.current?.data[0]![plot.current.cursor.idx ?? -1] ?? null;
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);

  useEffect(() => {
    plot.current?.setData(data(props));
  }, [props.starts, props.traces, props.from, props.to, props.marks]);

  return (
    <div
      ref={holder}
      class="plot"
      role="img"
      tabIndex={0}
      aria-label={props.label}
      style={{ minHeight: `${props.height}px` }}
      onKeyDown={(event) => onKey(event, plot.current, props.starts.length)}
      onBlur={() => plot.current?.setCursor({ left: -10, top: -10 })}
    />
  );
}
