import { joinParts, splitParts, type Filter } from './filters';

export const SEGMENTS = [
  ['event', 'events'],
  ['user', 'people'],
  ['session', 'sessions'],
  ['group', 'groups'],
  ['user_average', 'events per person'],
  ['one_event_per_user', 'people, once each'],
  ['property_sum', 'sum of'],
  ['property_average', 'average of'],
  ['property_min', 'least of'],
  ['property_max', 'greatest of'],
] as const;
export type Segment = (typeof SEGMENTS)[number][0];

/** One series of a chart, as the address has it. */
export interface Item {
  name: string;
  segment: Segment;
  property: string;
}

export const needsProperty = (segment: Segment): boolean => segment.startsWith('property_');
export const letter = (i: number): string => String.fromCharCode(65 + i);

/** `name:segment:property`; what is usual is left out. */
export function printItem({ name, segment, property }: Item): string {
  if (needsProperty(segment) && property) return joinParts([name, segment, property]);
  return joinParts(segment === 'event' ? [name] : [name, segment]);
}

export function parseItem(text: string): Item | null {
  const [name, segment = 'event', property = ''] = splitParts(text);
  const known = SEGMENTS.find(([one]) => one === segment)?.[0];
  return name && known ? { name, segment: known, property } : null;
}

/** The items and the formula as the API takes them, each with the filters. */
export function seriesOf(items: Item[], filters: Filter[], formula: string): object[] {
  const series: object[] = items.map(item => ({
    name: item.name,
    segment: item.segment,
    filters,
    ...(needsProperty(item.segment) && item.property ? { property: item.property } : {}),
  }));
  return formula ? [...series, { type: 'formula', formula, hideSeries: items.map((_, i) => letter(i)) }] : series;
}
