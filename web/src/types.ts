// What the API answers, as far as the page reads it (docs/api.md, /openapi.json).

export type Kind =
  | "count"
  | "distinct"
  | "sum"
  | "mean"
  | "min"
  | "max"
  | "quantiles"
  | "approx_distinct"
  | "sessions"
  | "funnel"
  | "retention"
  | "ratio";

export interface Metric {
  name: string;
  kind: Kind;
  column: string | null;
  by: string[];
  every?: string;
  over?: string;
  timezone?: string;
  top?: number;
  unit?: string;
  description?: string;
  where_sql?: string;
  having_sql?: string;
  definition: string;
  parts?: [string, string];
}

export type GroupValue = string | number | boolean | null;
export type Group = Record<string, GroupValue>;

export interface Step {
  name: string;
  reached: number;
  entities: number;
  abandoned: number;
}

export interface Cell {
  metric: string;
  start?: string;
  end?: string;
  group?: Group;
  value?: number | null;
  count?: number;
  sum?: number | null;
  numerator?: number | null;
  denominator?: number | null;
  quantiles?: Record<string, number | null>;
  sessions?: number;
  events?: number;
  bounced?: number;
  mean_duration?: number | null;
  median_duration?: number | null;
  entered?: number;
  completed?: number;
  open?: number;
  unmatched?: number;
  steps?: Step[];
  mean_time?: number | null;
  median_time?: number | null;
  cohort?: string;
  size?: number;
  retained?: number[];
  generation: "speed" | "batch";
  revision: number;
  exact: boolean;
  error?: number;
  complete: boolean | null;
  open_periods?: number;
  stale?: true;
  folded?: true;
  pending_batch?: true;
  startMs: number; // put in by the store, as the next two
  endMs: number;
  heard: number; // with which message of the stream; of what was asked for, the last before
}

export interface Status {
  time: string;
  pipeline: string;
  preset: string | null;
  version: string;
  instance: string;
  started: string;
  events_per_second: number | null; // null: nobody asked a moment ago
  received_per_second: number | null;
  active: { metric: string; start: string; end: string; value: number; summed?: boolean } | null;
  ledger: {
    received: number;
    processed: number;
    duplicate: number;
    rejected: number;
    late: number;
  };
  freshness: {
    watermark: string | null;
    closing: string | null;
    newest_event_age_s: number | null;
    records_behind: number;
    caught_up: boolean;
    lake_age_s: number | null;
  };
}

export interface Hello {
  instance: string;
  pipeline: string;
  preset: string | null;
  version: string;
  resumed: boolean;
}

export interface Bucket {
  le: number | null;
  count: number;
}

export interface Histogram {
  unit: string;
  of: string; // what is measured
  buckets: Bucket[];
}

export interface Sample {
  at: string;
  pointer: string;
  detail: string;
  bytes: string;
}

export interface Quality {
  rejected: { reason: string; count: number; samples: Sample[] }[];
  duplicates: { count: number };
  late: { count: number };
  lateness: Histogram;
  skew: Histogram;
}

export interface AlertInstance {
  group: Group;
  state: "ok" | "pending" | "firing" | "resolved";
  since: string | null;
  value?: number | null;
  baseline?: number | null;
}

export interface Alert {
  name: string;
  metric: string;
  when?: string;
  absent_seconds?: number;
  instances: AlertInstance[];
}
