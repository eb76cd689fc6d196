// The numbers behind a chart, for who does not see it or wants to read them. Built when opened.
import { useState } from "preact/hooks";
import { WINDOWS_MAX } from "../history";

export interface TableData {
  caption: string;
  head: string[];
  rows: string[][];
}

export function Grid({ caption, head, rows }: TableData) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table class="grid">
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {head.map((text, index) => (
              <th key={index} scope="col" class={index > 0 ? "number" : ""}>
                {text}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, WINDOWS_MAX).map((row, place) => (
            <tr key={place}>
              {row.map((text, index) =>
                index === 0 ? (
                  <th key={index} scope="row">
                    {text}
                  </th>
                ) : (
                  <td key={index} class="number">
                    {text}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Alternative({ name, data }: { name: string; data: () => TableData }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class="alternative" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        Table<span class="hidden"> of {name}</span>
      </summary>
      {isOpen && <Grid {...data()} />}
    </details>
  );
}
