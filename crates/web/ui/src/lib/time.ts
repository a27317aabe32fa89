/** Days are `YYYY-MM-DD` of the organization's time zone; arithmetic on them is that of the calendar. */
export type Day = string;
export type Interval = 'hour' | 'day' | 'week' | 'month';

/** Whole days, both included. */
export interface Window {
  start: Day;
  end: Day;
}

export const RANGES = [
  ['today', 'Today'],
  ['yesterday', 'Yesterday'],
  ['7d', 'Last 7 days'],
  ['30d', 'Last 30 days'],
  ['90d', 'Last 90 days'],
  ['month', 'This month'],
  ['last-month', 'Last month'],
  ['year', 'This year'],
  ['12m', 'Last 12 months'],
] as const;
export type RangeName = (typeof RANGES)[number][0];

const DAY_MS = 86_400_000;
const DAY = /^\d{4}-\d\d-\d\d$/;
const at = (day: Day): Date => new Date(`${day}T00:00:00Z`);
const print = (date: Date): Day => date.toISOString().slice(0, 10);

export function isDay(text: string | null): text is Day {
  return text !== null && DAY.test(text) && !Number.isNaN(at(text).getTime());
}

/** What the clock of a zone shows, as `YYYY-MM-DDTHH:MM`. */
export function wallClock(now: Date, zone: string): string {
  return new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'short' }).format(now).replace(' ', 'T');
}

export function addDays(day: Day, days: number): Day {
  return print(new Date(at(day).getTime() + days * DAY_MS));
}

/** The same day of another month, or that month's last day where it has none. */
export function addMonths(day: Day, months: number): Day {
  const date = at(day);
  const month = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + months, 1));
  const last = new Date(Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1, 0)).getUTCDate();
  month.setUTCDate(Math.min(date.getUTCDate(), last));
  return print(month);
}

export function daysBetween(start: Day, end: Day): number {
  return Math.round((at(end).getTime() - at(start).getTime()) / DAY_MS);
}

export function windowOf(range: RangeName, today: Day): Window {
  const firstOfMonth = `${today.slice(0, 8)}01`;
  switch (range) {
    case 'today':
      return { start: today, end: today };
    case 'yesterday':
      return { start: addDays(today, -1), end: addDays(today, -1) };
    case '7d':
      return { start: addDays(today, -6), end: today };
    case '30d':
      return { start: addDays(today, -29), end: today };
    case '90d':
      return { start: addDays(today, -89), end: today };
    case 'month':
      return { start: firstOfMonth, end: today };
    case 'last-month':
      return { start: addMonths(firstOfMonth, -1), end: addDays(firstOfMonth, -1) };
    case 'year':
      return { start: `${today.slice(0, 4)}-01-01`, end: today };
    case '12m':
      return { start: addMonths(firstOfMonth, -11), end: today };
  }
}

/** The window before: as many days, or, of months and years, the ones of the calendar. */
export function windowBefore(range: RangeName | 'custom', window: Window): Window {
  switch (range) {
    case 'month':
      return { start: addMonths(window.start, -1), end: addDays(window.start, -1) };
    case 'last-month':
      return { start: addMonths(window.start, -1), end: addDays(window.start, -1) };
    case 'year':
      return { start: addMonths(window.start, -12), end: addDays(window.start, -1) };
    case '12m':
      return { start: addMonths(window.start, -12), end: addDays(window.start, -1) };
    default:
      return { start: addDays(window.start, -(daysBetween(window.start, window.end) + 1)), end: addDays(window.start, -1) };
  }
}

/**
 * The part of the window before that lies as far into it as now lies in an unfinished window:
 * half a day is compared with half a day. Null where the window is over.
 */
export function elapsedBefore(window: Window, before: Window, wallNow: string): { start: string; end: string } | null {
  const today = wallNow.slice(0, 10);
  if (window.end < today || window.start > today) return null;
  const day = addDays(before.start, daysBetween(window.start, today));
  if (day > before.end) return null;
  // Ten minutes are near enough, and let the answer be kept.
  return { start: before.start, end: `${day}T${wallNow.slice(11, 15)}0:00` };
}

export function intervalsOf(window: Window): Interval[] {
  const days = daysBetween(window.start, window.end) + 1;
  if (days <= 2) return ['hour'];
  if (days <= 7) return ['hour', 'day'];
  if (days <= 31) return ['day', 'week'];
  if (days <= 92) return ['day', 'week', 'month'];
  return ['week', 'month', 'day'];
}

export function defaultInterval(window: Window): Interval {
  const days = daysBetween(window.start, window.end) + 1;
  if (days <= 2) return 'hour';
  if (days <= 92) return 'day';
  return days <= 186 ? 'week' : 'month';
}

/** The wall clock of a bucket, which the API prints in one of three ways, as `YYYY-MM-DDTHH:MM`. */
export function bucketWall(date: string): string {
  return date.length <= 10 ? `${date}T00:00` : date.slice(0, 16).replace(' ', 'T');
}

/** Whether a bucket of the wall clock `start` still runs at `wallNow`. */
export function isUnfinished(start: string, interval: Interval, wallNow: string): boolean {
  if (start > wallNow) return false;
  const day = start.slice(0, 10);
  switch (interval) {
    case 'hour':
      return start.slice(0, 13) === wallNow.slice(0, 13);
    case 'day':
      return day === wallNow.slice(0, 10);
    case 'week':
      return wallNow.slice(0, 10) < addDays(day, 7);
    case 'month':
      return day.slice(0, 7) === wallNow.slice(0, 7);
  }
}

/** How many buckets from the beginning have begun; those after them lie in the future. */
export function begun(starts: string[], wallNow: string): number {
  const future = starts.findIndex(start => start > wallNow);
  return future < 0 ? starts.length : future;
}
