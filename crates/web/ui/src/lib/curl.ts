const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The command that asks for what the page asked for; `path` is that of the request with its query. */
export function curlLine(base: string, path: string): string {
  const [route = '', query = ''] = path.split('?', 2);
  const pairs = [...new URLSearchParams(query)].map(([name, value]) => ` \\\n  --data-urlencode ${quote(`${name}=${value}`)}`);
  return `curl -u "$ID:$SECRET"${pairs.length ? ' --get' : ''} ${quote(base.replace(/\/$/, '') + route)}${pairs.join('')}`;
}
