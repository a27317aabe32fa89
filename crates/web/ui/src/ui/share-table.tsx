import { useState } from 'preact/hooks';
import * as format from '../lib/format';
import { Text } from './parts';

export interface ShareRow {
  key: string;
  label: string;
  /** In a weaker colour behind the label. */
  note?: string | undefined;
  value: number;
  /** Where a click leads: mostly the same screen with one more filter. */
  href?: string | undefined;
  /** What a click does. */
  action?: string | undefined;
}

const SHOWN = 8;

/** Rows with bars for their share of the greatest, and percentages of `total`. */
export function ShareTable({
  caption,
  head,
  unit,
  rows,
  total,
  print = format.count,
}: {
  caption: string;
  head: string;
  unit: string;
  rows: ShareRow[];
  total: number;
  print?: (n: number) => string;
}) {
  const [all, setAll] = useState(false);
  const greatest = Math.max(1, ...rows.map(row => row.value));
  const shown = all ? rows : rows.slice(0, SHOWN);
  return (
    <>
      <table class="shares">
        <caption class="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{head}</th>
            <th scope="col" class="number">
              {unit}
            </th>
            <th scope="col" class="number share">
              Share
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map(row => (
            <tr key={row.key}>
              <th scope="row">
                <i class="share-bar" style={{ width: `${(row.value / greatest) * 100}%` }} />
                {row.href ? (
                  <a href={row.href} aria-label={`${row.label}: ${row.action ?? 'filter by it'}`}>
                    <Text>{row.label}</Text>
                    {row.note && <Text class="muted">{row.note}</Text>}
                  </a>
                ) : (
                  <span>
                    <Text>{row.label}</Text>
                    {row.note && <Text class="muted">{row.note}</Text>}
                  </span>
                )}
              </th>
              <td class="number">{print(row.value)}</td>
              <td class="number share muted">{total > 0 ? format.percent((row.value / total) * 100) : '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > SHOWN && (
        <button type="button" class="button quiet more" onClick={() => setAll(!all)}>
          {all ? 'Show fewer' : `Show all ${rows.length}`}
        </button>
      )}
    </>
  );
}
