import { describe, expect, it } from 'vitest';
import { marksByBucket } from '../ui/chart';
import { allowsHost, snippet, SNIPPETS } from '../screens/snippets';
import { cohortRows } from './cohorts';
import { placeFlow } from './flow';
import * as format from './format';

describe('formats', () => {
  it('of durations', () => {
    expect([0.4, 59, 60, 176.5, 3600, 7325].map(format.duration)).toEqual(['0s', '59s', '1m 0s', '2m 57s', '1h 0m', '2h 2m']);
  });

  it('of changes', () => {
    expect(format.change(12, 10)).toBeCloseTo(20);
    expect(format.change(12, 0)).toBeNull();
    expect(format.change(12, undefined)).toBeNull();
    expect([20.4, -3.26, 0.04].map(format.signedPercent)).toEqual(['+20%', '−3.3%', '0%']);
  });

  it('of amounts in minor units', () => {
    expect(format.amount(3_851_739)).toBe('38,517.39');
  });

  it('of moments in a zone', () => {
    expect(format.instant('2026-08-10 12:00:00.250').toISOString()).toBe('2026-08-10T12:00:00.250Z');
    expect(format.moment('2026-08-10T22:30:00Z', 'Asia/Tokyo')).toContain('11');
    expect(format.ago('2026-08-10T12:00:00Z', Date.parse('2026-08-10T12:05:00Z'))).toBe('5 minutes ago');
    expect(format.ago(null)).toBe('never');
  });

  it('of countries', () => {
    expect(format.country('de')).toBe('Germany');
    expect(format.country('')).toBe('Unknown');
    expect(format.country('not a code')).toBe('not a code');
  });
});

describe('cohorts', () => {
  const cohort = (cohort_interval: string, sum: number) => ({ cohort_interval, sum, values: [], percentages: [1, 0.5, 0.25, 0] });
  it('leave out weeks that have not begun', () => {
    const rows = cohortRows([cohort('Weighted Average', 4), cohort('2026-03-02', 5), cohort('2026-03-09', 3)], '2026-03-18');
    expect(rows).toEqual([
      { label: 'All', sum: 8, shares: [1, 0.5, 0.25] },
      { label: '2026-03-02', sum: 5, shares: [1, 0.5, 0.25] },
      { label: '2026-03-09', sum: 3, shares: [1, 0.5] },
    ]);
  });
});

describe('a flow', () => {
  it('has nodes that do not overlap, and bands as wide as their values', () => {
    const node = (id: string, value: number, step: number) => ({ id, label: id, value, step });
    const placed = placeFlow(
      [node('a', 100, 1), node('b', 60, 2), node('c', 40, 2)],
      [
        { source: 'a', target: 'b', value: 60 },
        { source: 'a', target: 'c', value: 40 },
        { source: 'a', target: 'gone', value: 1 },
      ],
      { column: 200, node: 10, height: 100 },
    );
    const [a, b, c] = placed.nodes;
    expect([a!.height, b!.height, c!.height]).toEqual([100, 60, 40]);
    expect(c!.y).toBeGreaterThan(b!.y + b!.height);
    expect(placed.links.map(link => link.width)).toEqual([60, 40]);
    expect(placed.width).toBe(210);
  });
});

describe('marks', () => {
  it('lie in the bucket of their moment', () => {
    const marks = marksByBucket(
      ['2026-03-01T00:00', '2026-03-02T00:00'],
      [
        { at: '2026-03-01T23:59', title: 'a' },
        { at: '2026-03-02T10:00', title: 'b' },
        { at: '2026-02-28T10:00', title: 'before' },
      ],
    );
    expect([...marks]).toEqual([
      [0, ['a']],
      [1, ['b']],
    ]);
  });
});

describe('snippets', () => {
  it('have the ids, and nothing that ends a literal', () => {
    for (const [name] of SNIPPETS) {
      const text = snippet(name, { base: 'http://h/', clientId: '</script>\'"', secret: null });
      expect(text).toContain('http://h');
      expect(text.match(/<\/script>/g)?.length ?? 0).toBe(name === 'browser' ? 2 : 0);
    }
  });
});

describe('origins', () => {
  it('are allowed as the server allows them', () => {
    expect(allowsHost('https://shop.example', 'https://www.shop.example/')).toBe(true);
    expect(allowsHost('shop.example', 'http://shop.example:8080')).toBe(true);
    expect(allowsHost('shop.example:8080', 'http://shop.example')).toBe(false);
    expect(allowsHost('*.shop.example', 'https://a.b.shop.example')).toBe(true);
    expect(allowsHost('*.shop.example', 'https://shop.example')).toBe(false);
    expect(allowsHost('*.shop.example', 'https://evilshop.example')).toBe(false);
    expect(allowsHost('*', 'https://any.example')).toBe(true);
  });
});
