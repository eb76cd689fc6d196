// What was refused and why, what came twice, how late events come, and whose clocks are off.
import { useEffect, useState } from "preact/hooks";
import { askQuality } from "../api";
import { Histogram } from "../charts/histogram";
import { integer, percent } from "../format";
import { statusTopic, store } from "../store";
import { instant } from "../time";
import { useTopics } from "../topic";
import { Empty } from "../ui/empty";
import type { Quality as Data, Sample } from "../types";

const AGAIN_MS = 3000;

function useQuality(): { data: Data | null; failure: string } {
  const [state, setState] = useState<{ data: Data | null; failure: string }>({
    data: null,
    failure: "",
  });
  useEffect(() => {
    let isGone = false;
    let timer: number | undefined;
    const ask = async () => {
      try {
        const data = await askQuality();
        if (!isGone) {
          setState({ data, failure: "" });
        }
      } catch (error) {
        const failure = error instanceof Error ? error.message : String(error);
        if (!isGone) {
          setState((before) => ({ data: before.data, failure }));
        }
      }
      if (!isGone) {
        timer = window.setTimeout(() => void ask(), AGAIN_MS); // never two at once
      }
    };
    void ask();
    return () => {
      isGone = true;
      window.clearTimeout(timer);
    };
  }, []);
  return state;
}

function Samples({ samples }: { samples: Sample[] }) {
  return (
    <ul class="samples">
      {samples.map((sample, index) => (
        <li key={`${sample.at} ${index}`}>
          <p>
            <b>{sample.detail || "no detail"}</b>
            {sample.pointer && <code>{sample.pointer}</code>}
            <span class="small">{instant(Date.parse(sample.at))}</span>
          </p>
          <pre tabIndex={0}>{sample.bytes}</pre>
        </li>
      ))}
    </ul>
  );
}

function Rejected({ data }: { data: Data }) {
  const total = data.rejected.reduce((sum, one) => sum + one.count, 0);
  const sorted = [...data.rejected].sort((a, b) => b.count - a.count);
  return (
    <article class="card wide" aria-labelledby="rejected">
      <header>
        <div class="names">
          <h2 id="rejected" class="title">
            Rejected, by reason
          </h2>
          <p class="about">kept with their bytes in the lake's table rejected</p>
        </div>
        <p class="value" data-value="rejected">
          {integer(total)}
        </p>
      </header>
      {sorted.length === 0 && <p class="empty">Nothing was rejected.</p>}
      {sorted.map((one) => (
        <details key={one.reason} class="reason" data-reason={one.reason}>
          <summary>
            <span class="label">
              <code>{one.reason}</code>
            </span>
            <span class="track" aria-hidden="true">
              <span class="full" style={{ width: `${(one.count / (total || 1)) * 100}%` }} />
            </span>
            <span class="number">{percent(total > 0 ? one.count / total : null)}</span>
            <span class="number strong">{integer(one.count)}</span>
          </summary>
          {one.samples.length > 0 ? (
            <Samples samples={one.samples} />
          ) : (
            <p class="small">No sample in memory: it was before the last start.</p>
          )}
        </details>
      ))}
    </article>
  );
}

function Count({
  name,
  about,
  count,
  total,
}: {
  name: string;
  about: string;
  count: number;
  total: number;
}) {
  return (
    <section class="tile" aria-label={name}>
      <h2>{name}</h2>
      <p class="big" data-value={name.toLowerCase()}>
        {integer(count)}
      </p>
      <p class="small">{`${percent(total > 0 ? count / total : null)} ${about}`}</p>
    </section>
  );
}

export function Quality() {
  useTopics(statusTopic);
  const { data, failure } = useQuality();
  if (!data) {
    return <Empty>{failure ? `It could not be asked: ${failure}` : "Asking…"}</Empty>;
  }
  const ledger = store.status?.ledger;
  const rejected = data.rejected.reduce((sum, one) => sum + one.count, 0);
  const processed = ledger?.processed ?? 0;
  const total = processed + data.duplicates.count + rejected;
  return (
    <>
      <div class="tiles even">
        <Count name="Processed" about="of all verdicts" count={processed} total={total} />
        <Count
          name="Duplicates"
          about="of all verdicts; counted once"
          count={data.duplicates.count}
          total={total}
        />
        <Count name="Rejected" about="of all verdicts" count={rejected} total={total} />
        <Count
          name="Late"
          about="of processed; counted all the same"
          count={data.late.count}
          total={processed}
        />
      </div>
      <div class="cards two">
        <Rejected data={data} />
        <article class="card" aria-labelledby="lateness">
          <header>
            <div class="names">
              <h2 id="lateness" class="title">
                Lateness
              </h2>
              <p class="about">{data.lateness.of}</p>
            </div>
          </header>
          <Histogram name="Lateness" data={data.lateness} />
        </article>
        <article class="card" aria-labelledby="skew">
          <header>
            <div class="names">
              <h2 id="skew" class="title">
                Clock skew
              </h2>
              <p class="about">{data.skew.of}</p>
            </div>
          </header>
          <Histogram name="Clock skew" data={data.skew} />
        </article>
      </div>
      {failure && <p class="notes">{failure}</p>}
    </>
  );
}
