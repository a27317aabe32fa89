import { currentRoute } from '../lib/route';
import { useZone } from './context';
import {
  defaultInterval,
  elapsedBefore,
  intervalsOf,
  isDay,
  RANGES,
  wallClock,
  windowBefore,
  windowOf,
  type Interval,
  type RangeName,
  type Window,
} from '../lib/time';

/** The window of a screen, as the address says it, in the organization's time zone. */
export interface ShownWindow {
  range: RangeName | 'custom';
  window: Window;
  before: Window;
  elapsed: { start: string; end: string } | null;
  interval: Interval;
  intervals: Interval[];
  wallNow: string;
}

export function useWindow(fallback: RangeName = '30d'): ShownWindow {
  const zone = useZone();
  const { query } = currentRoute();
  const wallNow = wallClock(new Date(), zone);
  const from = query.get('from');
  const to = query.get('to');
  const custom = isDay(from) && isDay(to) && from <= to;
  const named = RANGES.find(([name]) => name === query.get('range'))?.[0] ?? fallback;
  const range = custom ? 'custom' : named;
  const window = custom ? { start: from, end: to } : windowOf(named, wallNow.slice(0, 10));
  const before = windowBefore(range, window);
  const intervals = intervalsOf(window);
  const asked = query.get('interval') as Interval | null;
  const interval = asked && intervals.includes(asked) ? asked : defaultInterval(window);
  return { range, window, before, elapsed: elapsedBefore(window, before, wallNow), interval, intervals, wallNow };
}

/** The window as the API takes it. */
export const dates = (window: Window): { startDate: string; endDate: string } => ({ startDate: window.start, endDate: window.end });
