import { useState } from 'preact/hooks';
import { here, navigate } from '../lib/route';
import { RANGES, type Interval } from '../lib/time';
import * as format from '../lib/format';
import type { ShownWindow } from './use-window';
import { useZone } from './context';

const INTERVALS: Record<Interval, string> = { hour: 'Hours', day: 'Days', week: 'Weeks', month: 'Months' };

export function RangePicker({ shown }: { shown: ShownWindow }) {
  const [custom, setCustom] = useState(shown.range === 'custom');
  const [from, setFrom] = useState(shown.window.start);
  const [to, setTo] = useState(shown.window.end);
  const choose = (value: string) => {
    setCustom(value === 'custom');
    if (value === 'custom') {
      setFrom(shown.window.start);
      setTo(shown.window.end);
    } else navigate(here({ range: value, from: null, to: null, interval: null }));
  };
  return (
    <div class="range">
      <select aria-label="Range of time" value={custom ? 'custom' : shown.range} onChange={event => choose(event.currentTarget.value)}>
        {RANGES.map(([name, text]) => (
          <option key={name} value={name}>
            {text}
          </option>
        ))}
        <option value="custom">Custom range…</option>
      </select>
      {custom && (
        <form
          class="dates"
          onSubmit={event => {
            event.preventDefault();
            if (from && to && from <= to) navigate(here({ range: null, from, to, interval: null }));
          }}
        >
          <input type="date" aria-label="First day" required value={from} max={to} onInput={event => setFrom(event.currentTarget.value)} />
          <span aria-hidden="true">–</span>
          <input type="date" aria-label="Last day" required value={to} min={from} onInput={event => setTo(event.currentTarget.value)} />
          <button type="submit" class="button">
            Apply
          </button>
        </form>
      )}
    </div>
  );
}

export function IntervalPicker({ shown }: { shown: ShownWindow }) {
  if (shown.intervals.length < 2) return null;
  return (
    <select aria-label="Interval" value={shown.interval} onChange={event => navigate(here({ interval: event.currentTarget.value }))}>
      {shown.intervals.map(name => (
        <option key={name} value={name}>
          {INTERVALS[name]}
        </option>
      ))}
    </select>
  );
}

/** Which days are shown, in which zone. */
export function WindowNote({ shown }: { shown: ShownWindow }) {
  const zone = useZone();
  return (
    <p class="window-note">
      {format.days(shown.window.start, shown.window.end)} <span aria-hidden="true">·</span> {zone.replaceAll('_', ' ')}
    </p>
  );
}
