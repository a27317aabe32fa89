/** Percent-encodes a text for a query, and leaves what a query may hold as it is: addresses stay readable. */
export function encode(text: string): string {
  return encodeURIComponent(text)
    .replace(/%(3A|2C|2F|40|24)/gi, decodeURIComponent)
    .replace(/%20/g, '+');
}

/** A query of these pairs, in their order, without those that have no value. */
export function queryString(pairs: Iterable<readonly [string, string | null | undefined]>): string {
  const parts: string[] = [];
  for (const [name, value] of pairs)
    if (value !== null && value !== undefined && value !== '') parts.push(`${encode(name)}=${encode(value)}`);
  return parts.length ? `?${parts.join('&')}` : '';
}

/** `changes` made to a query: null removes a name, a list gives it several values. */
export function changed(query: URLSearchParams, changes: Record<string, string | string[] | null>): string {
  const kept = [...query].filter(([name]) => !(name in changes));
  const added = Object.entries(changes).flatMap(([name, value]) =>
    value === null ? [] : (Array.isArray(value) ? value : [value]).map(one => [name, one] as const),
  );
  return queryString([...kept, ...added]);
}
