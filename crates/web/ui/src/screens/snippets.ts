export interface Ids {
  /** Where the server is, seen from whoever tracks. */
  base: string;
  clientId: string;
  /** Known right after it was made; else null. */
  secret: string | null;
}

export const SNIPPETS = [
  ['browser', 'Browser'],
  ['npm', 'npm'],
  ['node', 'Node'],
  ['python', 'Python'],
  ['rust', 'Rust'],
  ['curl', 'curl'],
] as const;
export type SnippetName = (typeof SNIPPETS)[number][0];

/** Texts within the snippets' string literals: ids and addresses, which must not end the literal. */
const text = (value: string): string => JSON.stringify(value).slice(1, -1).replaceAll('<', '\\u003c').replaceAll("'", '\\u0027');

/** What somebody puts into their site or program, ids filled in. */
export function snippet(name: SnippetName, { base, clientId, secret }: Ids): string {
  const url = text(base.replace(/\/$/, ''));
  const id = text(clientId);
  const key = text(secret ?? 'YOUR_CLIENT_SECRET');
  switch (name) {
    case 'browser':
      return `<script>
  window.op = window.op || function (...args) { (window.op.q = window.op.q || []).push(args); };
  window.op('init', {
    apiUrl: '${url}',
    clientId: '${id}',
    trackScreenViews: true,
    trackOutgoingLinks: true,
    trackAttributes: true,
  });
</script>
<script src="${url}/op1.js" defer async></script>`;
    case 'npm':
      return `// npm install @openpanel/web
import { OpenPanel } from '@openpanel/web';

export const op = new OpenPanel({
  apiUrl: '${url}',
  clientId: '${id}',
  trackScreenViews: true,
});

op.track('signup', { plan: 'pro' });`;
    case 'node':
      return `// npm install @openpanel/sdk
import { OpenPanel } from '@openpanel/sdk';

const op = new OpenPanel({
  apiUrl: '${url}',
  clientId: '${id}',
  clientSecret: '${key}',
});

await op.track('signup', { profileId: 'anna', plan: 'pro' });`;
    case 'python':
      return `# pip install requests
import requests

requests.post(
    "${url}/track",
    headers={
        "openpanel-client-id": "${id}",
        "openpanel-client-secret": "${key}",
    },
    json={
        "type": "track",
        "payload": {"name": "signup", "profileId": "anna", "properties": {"plan": "pro"}},
    },
    timeout=10,
).raise_for_status()`;
    case 'rust':
      return `// cargo add ureq@3 -F json; cargo add serde_json
use serde_json::json;

fn main() -> Result<(), ureq::Error> {
    ureq::post("${url}/track")
        .header("openpanel-client-id", "${id}")
        .header("openpanel-client-secret", "${key}")
        .send_json(json!({
            "type": "track",
            "payload": {"name": "signup", "profileId": "anna", "properties": {"plan": "pro"}},
        }))?;
    Ok(())
}`;
    case 'curl':
      return `curl '${url}/track' \\
  -H 'openpanel-client-id: ${id}' \\
  -H 'openpanel-client-secret: ${key}' \\
  -H 'content-type: application/json' \\
  -d '{"type": "track", "payload": {"name": "signup", "profileId": "anna", "properties": {"plan": "pro"}}}'`;
  }
}

export const needsSecret = (name: SnippetName): boolean => name !== 'browser' && name !== 'npm';

/** Whether an entry of `cors` lets a page of `host` track, by the rules of the server. */
export function allowsHost(entry: string, host: string): boolean {
  const bare = (value: string) =>
    value
      .toLowerCase()
      .replace(/^[a-z][a-z0-9+.-]*:\/\//, '')
      .replace(/^www\./, '')
      .replace(/\/+$/, '');
  if (entry === '*') return true;
  const [allowed, asked] = [bare(entry), bare(host)];
  const own = /:\d+$/.test(allowed) ? asked : asked.replace(/:\d+$/, '');
  return allowed.startsWith('*.') ? own.endsWith(allowed.slice(1)) && own.length > allowed.length - 1 : own === allowed;
}
