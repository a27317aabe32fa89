import type { Day, Interval } from './time';

const whole = new Intl.NumberFormat();
const compact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });
const one = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const two = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });
const money = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const moneyCompact = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });

export const count = (n: number): string => whole.format(n);
export const decimal = (n: number): string => two.format(n);
/** Exact below ten thousand, else with a unit. */
export const short = (n: number): string => (Math.abs(n) < 10_000 ? two.format(n) : compact.format(n));
export const percent = (n: number): string => `${one.format(n)}%`;
/** An amount in minor units. The server knows no currency, so none is shown. */
export const amount = (minor: number): string =>
  Math.abs(minor) < 1_000_000_00 ? money.format(minor / 100) : moneyCompact.format(minor / 100);

/** Seconds as `2m 56s`. */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m ${s % 60}s`;
  return `${Math.floor(s / 3600)}h ${Math.floor((s % 3600) / 60)}m`;
}

/** By how many percent a figure rose or fell; null where there was none before. */
export function change(now: number, before: number | undefined): number | null {
  return before === undefined || before === 0 ? null : ((now - before) / before) * 100;
}

export function signedPercent(n: number): string {
  const rounded = Math.abs(n) >= 10 ? Math.round(n) : Math.round(n * 10) / 10;
  return `${rounded > 0 ? '+' : rounded < 0 ? '−' : ''}${one.format(Math.abs(rounded))}%`;
}

// The texts of days and buckets are what a clock shows: they are formatted as if they were UTC.
const wall = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(undefined, { ...options, timeZone: 'UTC' });
const dayFormat = wall({ day: 'numeric', month: 'short' });
const dayYearFormat = wall({ day: 'numeric', month: 'short', year: 'numeric' });
const weekdayFormat = wall({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
const hourFormat = wall({ hour: 'numeric', minute: '2-digit' });
const dayHourFormat = wall({ weekday: 'short', day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' });
const monthFormat = wall({ month: 'short' });
const monthYearFormat = wall({ month: 'long', year: 'numeric' });
const utc = (text: string) => new Date(`${text.length <= 10 ? `${text}T00:00` : text}Z`);

export const day = (text: Day): string => dayYearFormat.format(utc(text));
export const days = (start: Day, end: Day): string =>
  start === end ? weekdayFormat.format(utc(start)) : dayYearFormat.formatRange(utc(start), utc(end));

/** A bucket's label on the axis. */
export function tick(start: string, interval: Interval): string {
  const date = utc(start);
  if (interval === 'hour') return start.endsWith('T00:00') ? dayFormat.format(date) : hourFormat.format(date);
  return interval === 'month' ? monthFormat.format(date) : dayFormat.format(date);
}

/** A bucket in words. */
export function bucket(start: string, interval: Interval): string {
  const date = utc(start);
  if (interval === 'hour') return dayHourFormat.format(date);
  if (interval === 'month') return monthYearFormat.format(date);
  return interval === 'week' ? `Week of ${dayYearFormat.format(date)}` : weekdayFormat.format(date);
}

/** The moment of a text of the API: ISO 8601, or `YYYY-MM-DD HH:MM:SS.mmm` in UTC. */
export function instant(text: string): Date {
  return new Date(text.includes('T') ? text : `${text.replace(' ', 'T')}Z`);
}

const instants = new Map<string, Intl.DateTimeFormat>();
/** A moment, as the clock of a zone shows it. */
export function moment(text: string | null | undefined, zone: string, seconds = false): string {
  if (!text) return '–';
  const key = `${zone}${seconds}`;
  let format = instants.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(undefined, { timeZone: zone, dateStyle: 'medium', timeStyle: seconds ? 'medium' : 'short' });
    instants.set(key, format);
  }
  return format.format(instant(text));
}

const relative = new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' });
/** How long ago a moment was, roughly. */
export function ago(text: string | null | undefined, now = Date.now()): string {
  if (!text) return 'never';
  const seconds = (instant(text).getTime() - now) / 1000;
  const size = Math.abs(seconds);
  if (size < 60) return relative.format(Math.round(seconds), 'second');
  if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute');
  if (size < 86_400) return relative.format(Math.round(seconds / 3600), 'hour');
  return relative.format(Math.round(seconds / 86_400), 'day');
}

const regions = new Intl.DisplayNames(undefined, { type: 'region' });
/** The name of a country by its code. */
export function country(code: string | null | undefined): string {
  if (!code) return 'Unknown';
  try {
    return regions.of(code.toUpperCase()) ?? code;
  } catch {
    return code;
  }
}
