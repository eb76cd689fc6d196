// The top row: who is active, how fast events come, what became of them, how fresh all of it is.
import { Spark } from "../charts/spark";
import { integer, NOTHING, number, percent, seconds, title } from "../format";
import { metric, statusTopic, store } from "../store";
import { clock, DAY, day, HOUR, windowName } from "../time";
import { zoneOf } from "../series";
import { useTopics } from "../topic";
import type { Status } from "../types";
import type { ComponentChildren } from "preact";

function Tile({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <section class="tile" aria-label={name}>
      <h2>{name}</h2>
      {children}
    </section>
  );
}

const at = (text: string) => clock(Date.parse(text));

function windowOf(active: NonNullable<Status["active"]>): string {
  const length = Date.parse(active.end) - Date.parse(active.start);
  const of = metric(active.metric);
  return length >= DAY - 2 * HOUR
    ? windowName(Date.parse(active.start), DAY, of && zoneOf(of))
    : `${at(active.start)}–${at(active.end)}`;
}

function Active({ status }: { status: Status }) {
  const active = status.active;
  return (
    <Tile name="Active now">
      <p class="big" data-value="active">
        {active ? integer(active.value) : "–"}
      </p>
      <p class="small">
        {active
          ? `${title(active.metric)}, ${windowOf(active)}` +
            (active.summed ? ", groups added up" : "")
          : "no metric counts who is active"}
      </p>
    </Tile>
  );
}

function rate(value: number | null): string {
  return value === null
    ? NOTHING
    : number(value >= 100 ? Math.round(value) : Math.round(value * 10) / 10);
}

function Rate({ status }: { status: Status }) {
  const received = status.received_per_second;
  return (
    <Tile name="Events a second">
      <div class="beside">
        <p class="big" data-value="events_per_second">
          {rate(status.events_per_second)}
        </p>
        <Spark values={store.rates} width={110} height={30} />
      </div>
      <p class="small">
        processed, over 5 s{received === null ? "" : `; ${rate(received)} received`}
      </p>
    </Tile>
  );
}

const PARTS = ["processed", "duplicate", "rejected"] as const;

function Ledger({ status }: { status: Status }) {
  const { ledger } = status;
  const total = PARTS.reduce((sum, part) => sum + ledger[part], 0);
  return (
    <Tile name="Ledger">
      <div class="parts" aria-hidden="true">
        {PARTS.map((part) => (
          <span
            key={part}
            class={part}
            style={{
              flexGrow: String(total > 0 ? ledger[part] / total : part === "processed" ? 1 : 0),
            }}
          />
        ))}
      </div>
      <dl class="figures">
        {[...PARTS, "late" as const].map((part) => (
          <div key={part}>
            <dt>
              <i class={`dot ${part}`} />
              {part}
            </dt>
            <dd data-value={part} title={total > 0 ? percent(ledger[part] / total) : ""}>
              {integer(ledger[part])}
            </dd>
          </div>
        ))}
      </dl>
    </Tile>
  );
}

function Freshness({ status }: { status: Status }) {
  const { freshness } = status;
  const behind = freshness.records_behind;
  const age = freshness.newest_event_age_s;
  const lake = freshness.lake_age_s;
  return (
    <Tile name="Freshness">
      <p class="big" data-value="caught_up">
        {freshness.caught_up ? "Caught up" : `${integer(behind)} behind`}
      </p>
      <p class="small">
        {age === null
          ? "no event yet"
          : `newest event ${seconds(Math.max(0, Math.round(age)))} old`}
        {lake === null ? "" : `; lake ${seconds(Math.round(lake))} ago`}
        {freshness.closing
          ? `; complete up to ${day(Date.parse(freshness.closing))}, ${at(freshness.closing)}`
          : ""}
      </p>
    </Tile>
  );
}

export function Tiles() {
  useTopics(statusTopic);
  const status = store.status;
  if (!status) {
    return <div class="tiles waiting" aria-hidden="true" />;
  }
  return (
    <div class="tiles">
      <Active status={status} />
      <Rate status={status} />
      <Ledger status={status} />
      <Freshness status={status} />
    </div>
  );
}
