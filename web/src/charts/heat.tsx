// Retention: a row for each cohort, a column for each period after its first. Periods that are not
// over are marked: they can only rise.
import { integer } from "../format";
import { heat, themeTopic } from "../theme";
import { DAY, windowName } from "../time";
import { useTopics } from "../topic";
import type { Cell } from "../types";

function Place({ cell, period }: { cell: Cell; period: number }) {
  const count = cell.retained?.[period] ?? 0;
  const length = cell.retained?.length ?? 0;
  const firstOpen = length - (cell.open_periods ?? 0);
  const isFuture = period > firstOpen;
  if (isFuture) {
    return (
      <td class="future">
        <span class="hidden">not yet</span>
      </td>
    );
  }
  const isOpen = period === firstOpen;
  const share = cell.size ? count / cell.size : 0;
  const words = `${integer(count)} of ${integer(cell.size)}${isOpen ? ", still open" : ""}`;
  return (
    <td class={isOpen ? "open" : ""} style={heat(share)} title={words}>
      {Math.round(share * 100)}
      {isOpen && <span class="hidden"> still open</span>}
    </td>
  );
}

interface Props {
  name: string;
  cohorts: Cell[];
  unit: string;
  zone: string | undefined;
}

export function Heat({ name, cohorts, unit, zone }: Props) {
  useTopics(themeTopic);
  const periods = Math.max(0, ...cohorts.map((cell) => cell.retained?.length ?? 0));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`${name}, by cohort`}>
      <table class="heat">
        <caption class="hidden">
          {name}: percent of each cohort that came back, by {unit} after the first
        </caption>
        <thead>
          <tr>
            <th scope="col">cohort</th>
            <th scope="col" class="number">
              size
            </th>
            {Array.from({ length: periods }, (_, period) => (
              <th key={period} scope="col" class="number">
                {period}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cohorts.map((cell) => (
            <tr key={cell.cohort}>
              <th scope="row">{windowName(cell.startMs, DAY, zone)}</th>
              <td class="number">{integer(cell.size)}</td>
              {Array.from({ length: periods }, (_, period) => (
                <Place key={period} cell={cell} period={period} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
