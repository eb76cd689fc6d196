// What is looked at: the range, whether it follows the events, and the chosen groups.
import { useState } from "preact/hooks";
import { title, valueName } from "../format";
import { go, href, route, routeTopic, shift } from "../route";
import { groupValues } from "../series";
import { eventNow, definitionsTopic, statusTopic, store } from "../store";
import { instant, RANGES, rangeMs } from "../time";
import { useTopics } from "../topic";
import { present, useSpan } from "../span";

export function fix(): void {
  const to = present();
  const length = rangeMs(route.range);
  go({ fixed: { from: Number.isFinite(length) ? to - length : Date.UTC(2020, 0, 1), to } });
}

function Ranges() {
  return (
    <nav class="ranges" aria-label="Range">
      {RANGES.map((range) => (
        <a
          key={range}
          href={href({ range, fixed: null })}
          aria-current={!route.fixed && route.range === range ? "true" : undefined}
        >
          {range === "all" ? "All" : range}
        </a>
      ))}
    </nav>
  );
}

function Follow() {
  useTopics(statusTopic);
  const isFollowing = route.fixed === null;
  return (
    <div class="follow">
      <button type="button" class="icon" aria-label="Earlier" onClick={() => shift(-1, eventNow())}>
        ‹
      </button>
      <button
        type="button"
        class="state"
        aria-pressed={isFollowing}
        title={isFollowing ? "Stop here" : "Follow the newest events"}
        onClick={() => (isFollowing ? fix() : go({ fixed: null }))}
      >
        <i class={isFollowing ? "dot live" : "dot"} />
        {isFollowing ? "Following" : "Follow"}
      </button>
      <button
        type="button"
        class="icon"
        aria-label="Later"
        disabled={isFollowing}
        onClick={() => shift(1, eventNow())}
      >
        ›
      </button>
    </div>
  );
}

function local(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19);
}

function Between() {
  const span = useSpan();
  if (!route.fixed) {
    return (
      <p class="until">
        <span class="hidden">up to </span>
        {instant(span.to)}
      </p>
    );
  }
  const { from, to } = route.fixed;
  const change = (edge: "from" | "to", text: string) => {
    const ms = Date.parse(`${text}Z`);
    const next = { from, to, [edge]: ms };
    if (next.from < next.to) {
      go({ fixed: next }, "replace"); // a date is typed digit by digit
    }
  };
  return (
    <p class="between">
      {(["from", "to"] as const).map((edge) => (
        <label key={edge}>
          {edge}{" "}
          <input
            type="datetime-local"
            step="1"
            value={local(edge === "from" ? from : to)}
            onChange={(event) => change(edge, event.currentTarget.value)}
          />
        </label>
      ))}
      <span>UTC</span>
    </p>
  );
}

function toggle(column: string, value: string): void {
  const values = route.groups[column] ?? [];
  const next = values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
  const groups = { ...route.groups, [column]: next };
  if (next.length === 0) {
    delete groups[column];
  }
  go({ groups });
}

function Chosen() {
  const pairs = Object.entries(route.groups).flatMap(([column, values]) =>
    values.map((value) => [column, value] as const),
  );
  return (
    <>
      {pairs.map(([column, value]) => (
        <button
          key={`${column} ${value}`}
          type="button"
          class="chip"
          aria-label={`${column} ${value}: show all again`}
          onClick={() => toggle(column, value)}
        >
          <span>{column}</span> {valueName(value)} <b aria-hidden="true">×</b>
        </button>
      ))}
    </>
  );
}

function Chooser() {
  const [isOpen, setOpen] = useState(false);
  useTopics(statusTopic);
  const columns = isOpen ? [...groupValues(store.metrics ?? [])] : [];
  const filled = columns.filter(([, values]) => values.size > 0);
  return (
    <details
      class="chooser"
      id="groups"
      open={isOpen}
      onToggle={(event) => setOpen(event.currentTarget.open)}
      onKeyDown={(event) => {
        if (event.key === "Escape") {
          event.currentTarget.open = false;
          event.currentTarget.querySelector("summary")?.focus();
        }
      }}
    >
      <summary>Groups</summary>
      <div class="popup">
        {filled.length === 0 && <p class="small">No metric has groups yet.</p>}
        {filled.map(([column, values]) => (
          <fieldset key={column}>
            <legend>{title(column)}</legend>
            {[...values].sort().map((value) => (
              <label key={value}>
                <input
                  type="checkbox"
                  checked={route.groups[column]?.includes(value) ?? false}
                  onChange={() => toggle(column, value)}
                />
                {valueName(value)}
              </label>
            ))}
          </fieldset>
        ))}
      </div>
    </details>
  );
}

export function Bar() {
  useTopics(routeTopic, definitionsTopic);
  const isTimeless = route.page === "quality" || route.page === "retention";
  return (
    <div class="controls">
      {!isTimeless && (
        <>
          <Ranges />
          <Follow />
          <Between />
        </>
      )}
      {route.page !== "quality" && route.page !== "retention" && (
        <div class="groups">
          <Chosen />
          <Chooser />
        </div>
      )}
    </div>
  );
}
