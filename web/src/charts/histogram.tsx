// Buckets as bars: each with its own name and number, so that the table is the chart.
import { integer, percent, seconds } from "../format";
import type { Histogram as Data } from "../types";

function nameOf(data: Data, index: number): string {
  const upper = data.buckets[index]!.le;
  const lower = index === 0 ? null : data.buckets[index - 1]!.le;
  const tell = (value: number) => (data.unit === "s" ? seconds(value) : `${value} ${data.unit}`);
  if (upper === null) {
    return lower === null ? "any" : `over ${tell(lower)}`;
  }
  return lower === null ? `up to ${tell(upper)}` : `${tell(lower)} to ${tell(upper)}`;
}

export function Histogram({ name, data }: { name: string; data: Data }) {
  const total = data.buckets.reduce((sum, bucket) => sum + bucket.count, 0);
  const most = Math.max(...data.buckets.map((bucket) => bucket.count), 1);
  return (
    <table class="rank histogram">
      <caption class="hidden">{name}</caption>
      <thead class="hidden">
        <tr>
          <th scope="col">{name}</th>
          <th scope="col">bar</th>
          <th scope="col">share</th>
          <th scope="col">events</th>
        </tr>
      </thead>
      <tbody>
        {data.buckets.map((bucket, index) => (
          <tr key={String(bucket.le)}>
            <th scope="row">{nameOf(data, index)}</th>
            <td class="bar">
              <span style={{ width: `${(bucket.count / most) * 100}%` }} />
            </td>
            <td class="trend number">{total > 0 ? percent(bucket.count / total) : ""}</td>
            <td class="number">{integer(bucket.count)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
