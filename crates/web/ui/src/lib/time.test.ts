import { describe, expect, it } from 'vitest';
import {
  addMonths,
  begun,
  bucketWall,
  daysBetween,
  defaultInterval,
  elapsedBefore,
  intervalsOf,
  isDay,
  isUnfinished,
  wallClock,
  windowBefore,
  windowOf,
} from './time';

describe('windows', () => {
  it('counts a range from today, today included', () => {
    expect(windowOf('today', '2026-03-01')).toEqual({ start: '2026-03-01', end: '2026-03-01' });
    expect(windowOf('7d', '2026-03-01')).toEqual({ start: '2026-02-23', end: '2026-03-01' });
    expect(windowOf('last-month', '2026-03-31')).toEqual({ start: '2026-02-01', end: '2026-02-28' });
    expect(windowOf('12m', '2026-01-15')).toEqual({ start: '2025-02-01', end: '2026-01-15' });
  });

  it('compares with as many days, or with the month or year before', () => {
    expect(windowBefore('7d', windowOf('7d', '2026-03-01'))).toEqual({ start: '2026-02-16', end: '2026-02-22' });
    expect(windowBefore('month', windowOf('month', '2026-03-10'))).toEqual({ start: '2026-02-01', end: '2026-02-28' });
    expect(windowBefore('year', windowOf('year', '2026-03-10'))).toEqual({ start: '2025-01-01', end: '2025-12-31' });
    expect(windowBefore('custom', { start: '2026-01-01', end: '2026-01-03' })).toEqual({ start: '2025-12-29', end: '2025-12-31' });
  });

  it('compares half a day with half a day', () => {
    const window = windowOf('today', '2026-03-10');
    expect(elapsedBefore(window, windowBefore('today', window), '2026-03-10T13:47')).toEqual({
      start: '2026-03-09',
      end: '2026-03-09T13:40:00',
    });
    const month = windowOf('month', '2026-03-10');
    expect(elapsedBefore(month, windowBefore('month', month), '2026-03-10T13:47')).toEqual({
      start: '2026-02-01',
      end: '2026-02-10T13:40:00',
    });
    const week = windowOf('7d', '2026-03-10');
    expect(elapsedBefore(week, windowBefore('7d', week), '2026-03-10T00:05')).toEqual({ start: '2026-02-25', end: '2026-03-03T00:00:00' });
  });

  it('compares a window that is over as a whole', () => {
    const window = windowOf('yesterday', '2026-03-10');
    expect(elapsedBefore(window, windowBefore('yesterday', window), '2026-03-10T13:47')).toBeNull();
  });

  it('compares a month that is longer than the one before as far as that goes', () => {
    const window = windowOf('month', '2026-03-31');
    expect(elapsedBefore(window, windowBefore('month', window), '2026-03-31T12:00')).toBeNull();
  });

  it('chooses an interval that the window bears', () => {
    expect(defaultInterval({ start: '2026-03-01', end: '2026-03-02' })).toBe('hour');
    expect(defaultInterval(windowOf('30d', '2026-03-10'))).toBe('day');
    expect(defaultInterval(windowOf('12m', '2026-03-10'))).toBe('month');
    for (const range of ['today', '7d', '30d', '90d', '12m'] as const)
      expect(intervalsOf(windowOf(range, '2026-03-10'))).toContain(defaultInterval(windowOf(range, '2026-03-10')));
  });
});

describe('days', () => {
  it('knows days from other text', () => {
    expect(isDay('2026-02-28')).toBe(true);
    expect(isDay('2026-13-01')).toBe(false);
    expect(isDay('yesterday')).toBe(false);
    expect(isDay(null)).toBe(false);
  });

  it('adds months without leaving them', () => {
    expect(addMonths('2026-03-31', -1)).toBe('2026-02-28');
    expect(addMonths('2024-01-31', 1)).toBe('2024-02-29');
    expect(addMonths('2026-01-15', -1)).toBe('2025-12-15');
  });

  it('counts days across changes of clocks', () => {
    expect(daysBetween('2026-03-28', '2026-03-30')).toBe(2);
  });

  it('reads the clock of a zone', () => {
    expect(wallClock(new Date('2026-03-29T00:30:00Z'), 'Europe/Berlin')).toBe('2026-03-29T01:30');
    expect(wallClock(new Date('2026-03-29T01:30:00Z'), 'Europe/Berlin')).toBe('2026-03-29T03:30');
    expect(wallClock(new Date('2026-01-01T00:00:00Z'), 'America/Los_Angeles')).toBe('2025-12-31T16:00');
  });
});

describe('buckets', () => {
  it('reads the three ways in which the API prints them', () => {
    expect(bucketWall('2026-08-10T00:00:00.000Z')).toBe('2026-08-10T00:00');
    expect(bucketWall('2026-08-10 13:00:00')).toBe('2026-08-10T13:00');
    expect(bucketWall('2026-08-10')).toBe('2026-08-10T00:00');
  });

  it('tells which one still runs', () => {
    expect(isUnfinished('2026-08-10T13:00', 'hour', '2026-08-10T13:59')).toBe(true);
    expect(isUnfinished('2026-08-10T12:00', 'hour', '2026-08-10T13:00')).toBe(false);
    expect(isUnfinished('2026-08-10T00:00', 'week', '2026-08-16T23:59')).toBe(true);
    expect(isUnfinished('2026-08-10T00:00', 'week', '2026-08-17T00:00')).toBe(false);
    expect(isUnfinished('2026-08-01T00:00', 'month', '2026-08-31T10:00')).toBe(true);
    expect(isUnfinished('2026-08-11T00:00', 'day', '2026-08-10T10:00')).toBe(false);
  });

  it('leaves the future out', () => {
    expect(begun(['2026-08-10T00:00', '2026-08-11T00:00', '2026-08-12T00:00'], '2026-08-11T09:00')).toBe(2);
    expect(begun(['2026-08-10T00:00'], '2026-08-11T09:00')).toBe(1);
  });
});
