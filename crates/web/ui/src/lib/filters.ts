/** A condition, as the API takes it. */
export interface Filter {
  name: string;
  operator: string;
  value: string[];
}

export const OPERATORS = [
  ['is', 'is'],
  ['isNot', 'is not'],
  ['contains', 'contains'],
  ['doesNotContain', 'does not contain'],
  ['startsWith', 'starts with'],
  ['endsWith', 'ends with'],
  ['regex', 'matches'],
  ['isNull', 'is empty'],
  ['isNotNull', 'is not empty'],
  ['gt', '>'],
  ['gte', '≥'],
  ['lt', '<'],
  ['lte', '≤'],
] as const;

export const NAMES = [
  ['path', 'Page'],
  ['origin', 'Origin'],
  ['name', 'Event'],
  ['referrer_name', 'Source'],
  ['referrer_type', 'Source type'],
  ['referrer', 'Referrer'],
  ['utm_source', 'UTM source'],
  ['utm_medium', 'UTM medium'],
  ['utm_campaign', 'UTM campaign'],
  ['utm_term', 'UTM term'],
  ['utm_content', 'UTM content'],
  ['country', 'Country'],
  ['region', 'Region'],
  ['city', 'City'],
  ['device', 'Device'],
  ['browser', 'Browser'],
  ['browser_version', 'Browser version'],
  ['os', 'System'],
  ['os_version', 'System version'],
  ['brand', 'Brand'],
  ['model', 'Model'],
  ['profile_id', 'Person'],
  ['session_id', 'Session'],
  ['revenue', 'Revenue'],
  ['has_profile', 'Identified'],
  ['group.name', 'Group'],
  ['group.id', 'Group id'],
] as const;

const nameLabels = new Map<string, string>(NAMES);
const operatorLabels = new Map<string, string>(OPERATORS);

export const needsValue = (operator: string): boolean => operator !== 'isNull' && operator !== 'isNotNull';
export const nameLabel = (name: string): string => nameLabels.get(name) ?? name.replace(/^properties\./, '');
export const operatorLabel = (operator: string): string => operatorLabels.get(operator) ?? operator;

/** Texts as one, with colons between; colons and backslashes of the texts are escaped. */
export const joinParts = (parts: string[]): string => parts.map(part => part.replace(/[\\:]/g, '\\$&')).join(':');

export function splitParts(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === '\\' && i + 1 < text.length) part += text.charAt(++i);
    else if (char === ':') {
      parts.push(part);
      part = '';
    } else part += char;
  }
  return [...parts, part];
}

/** `name:operator:value:value…`, as it stands in the address. */
export const printFilter = (filter: Filter): string => joinParts([filter.name, filter.operator, ...filter.value]);

export function parseFilter(text: string): Filter | null {
  const [name, operator, ...value] = splitParts(text);
  if (!name || !operator || !operatorLabels.has(operator)) return null;
  if (needsValue(operator) ? value.length === 0 : value.length > 0) return null;
  return { name, operator, value };
}

export function parseFilters(query: URLSearchParams): Filter[] {
  return query
    .getAll('f')
    .map(parseFilter)
    .filter(filter => filter !== null);
}

/** The filters with one more; it takes the place of one with the same name and operator. */
export function withFilter(filters: Filter[], added: Filter): Filter[] {
  return [...filters.filter(one => one.name !== added.name || one.operator !== added.operator), added];
}

/** A row of a table as a filter: what has no value is asked for as such. */
export function rowFilter(name: string, value: string | null | undefined): Filter {
  return value ? { name, operator: 'is', value: [value] } : { name, operator: 'isNull', value: [] };
}
