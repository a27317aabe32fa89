import { describe, expect, it } from 'vitest';
import { addressFor, linkFor } from './address';
import { curlLine } from './curl';
import { toCsv } from './csv';
import { parseItem, printItem, seriesOf } from './explore';
import { parseFilter, parseFilters, printFilter, rowFilter, withFilter } from './filters';
import { changed, queryString } from './query';

describe('filters in the address', () => {
  it('come back as they were, whatever is in them', () => {
    for (const value of ['DE', 'a:b', 'back\\slash', '\\:', '', 'متجر', '🏕️', '<script>', 'x'.repeat(500)]) {
      const filter = { name: 'properties.a:b', operator: 'is', value: [value, 'second'] };
      expect(parseFilter(printFilter(filter))).toEqual(filter);
    }
  });

  it('that make no sense are left out', () => {
    const query = new URLSearchParams('f=country:is:DE&f=country&f=country:like:DE&f=country:is&f=country:isNull&f=country:isNull:x');
    expect(parseFilters(query).map(printFilter)).toEqual(['country:is:DE', 'country:isNull']);
  });

  it('take the place of those about the same', () => {
    const filters = withFilter(
      [
        { name: 'country', operator: 'is', value: ['DE'] },
        { name: 'path', operator: 'is', value: ['/'] },
      ],
      rowFilter('country', 'SE'),
    );
    expect(filters.map(printFilter)).toEqual(['path:is:/', 'country:is:SE']);
    expect(rowFilter('country', null)).toEqual({ name: 'country', operator: 'isNull', value: [] });
  });
});

describe('queries', () => {
  it('stay readable', () => {
    expect(
      queryString([
        ['f', 'path:is:/a b'],
        ['none', null],
        ['empty', ''],
      ]),
    ).toBe('?f=path:is:/a+b');
    expect(new URLSearchParams(queryString([['f', 'a&b=c+d#e%']])).get('f')).toBe('a&b=c+d#e%');
  });

  it('change in one place', () => {
    const query = new URLSearchParams('range=7d&f=a:is:1&f=b:is:2');
    expect(changed(query, { f: ['c:is:3'], range: null, metric: 'x' })).toBe('?f=c:is:3&metric=x');
  });
});

describe('series in the address', () => {
  it('come back as they were', () => {
    for (const item of [
      { name: 'signup', segment: 'event', property: '' },
      { name: 'a:b', segment: 'user', property: '' },
      { name: '*', segment: 'property_sum', property: 'properties.price' },
    ] as const)
      expect(parseItem(printItem(item))).toEqual(item);
    expect(parseItem('signup:nonsense')).toBeNull();
  });

  it('become what the API takes', () => {
    const items = [
      { name: 'signup', segment: 'user', property: 'ignored' },
      { name: 'visit', segment: 'session', property: '' },
    ] as const;
    expect(seriesOf([...items], [], 'A / B')).toEqual([
      { name: 'signup', segment: 'user', filters: [] },
      { name: 'visit', segment: 'session', filters: [] },
      { type: 'formula', formula: 'A / B', hideSeries: ['A', 'B'] },
    ]);
  });
});

describe('CSV', () => {
  it('quotes what needs it', () => {
    expect(
      toCsv(
        ['a', 'b'],
        [
          ['x,y', 'say "hi"'],
          ['line\nbreak', null],
          [1.5, true],
        ],
      ),
    ).toBe('a,b\r\n"x,y","say ""hi"""\r\n"line\nbreak",\r\n1.5,true\r\n');
  });

  it('defuses formulas, and leaves negative numbers', () => {
    expect(toCsv(['a'], [['=1+1'], ['@x'], ['+x'], ['-x'], [-5]])).toBe("a\r\n'=1+1\r\n'@x\r\n'+x\r\n'-x\r\n-5\r\n");
  });
});

describe('the curl line', () => {
  it('asks for the same, quoted for the shell', () => {
    expect(curlLine('http://127.0.0.1:3333/', '/insights/shop/metrics?range=7d&filters=[{"value":["it\'s"]}]')).toBe(
      `curl -u "$ID:$SECRET" --get 'http://127.0.0.1:3333/insights/shop/metrics' \\\n  --data-urlencode 'range=7d' \\\n  --data-urlencode 'filters=[{"value":["it'\\''s"]}]'`,
    );
    expect(curlLine('http://h', '/manage/audit')).toBe(`curl -u "$ID:$SECRET" 'http://h/manage/audit'`);
  });
});

describe('the address of the server', () => {
  it('is where the page is, if that is the host that the server was told', () => {
    const here = 'https://stats.example.com/analytics';
    expect(addressFor('http://stats.example.com/analytics', here)).toBe(here);
    expect(addressFor('', here)).toBe(here);
    expect(addressFor('nonsense', here)).toBe(here);
    expect(addressFor('https://stats.example.com', 'http://10.0.0.7:3333')).toBe('https://stats.example.com');
    expect(addressFor('https://stats.example.com/', 'http://10.0.0.7:3333')).toBe('https://stats.example.com');
    expect(addressFor('http://stats.example.com:3333', here)).toBe('http://stats.example.com:3333');
  });

  it('is that of links, too', () => {
    const [told, here] = ['http://stats.example.com', 'https://stats.example.com'];
    expect(linkFor(`${told}/console/share/#token=a`, told, here)).toBe(`${here}/console/share/#token=a`);
    expect(linkFor('http://stats.example.community/x', told, here)).toBe('http://stats.example.community/x');
    expect(linkFor('http://other/x', told, 'http://10.0.0.7')).toBe('http://other/x');
  });
});
