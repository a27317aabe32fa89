import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from '@playwright/test';

const env = (name: string): string => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
};

export const SERVER = {
  url: env('PANELD_E2E_URL').replace(/\/$/, ''),
  id: env('PANELD_E2E_CLIENT_ID'),
  secret: env('PANELD_E2E_CLIENT_SECRET'),
};
const authorization = `Basic ${Buffer.from(`${SERVER.id}:${SERVER.secret}`).toString('base64')}`;

/** One call of the public API as a program makes it. */
export async function api<T>(method: string, path: string, body?: unknown): Promise<T> {
  const response = await fetch(SERVER.url + path, {
    method,
    headers: { authorization, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text) as T;
}

export interface Made {
  project: string;
  /** One without any event. */
  empty: string;
  /** One with as many events as are imported in a few seconds: `BUSY` says how many. */
  busy: string;
  write: { id: string; secret: string };
}

export const SCRIPT = '<script>document.title="hacked"</script>';
export const RTL = 'متجر الخيام';
export const LONG = `/${'long-segment-'.repeat(38)}end`;

const DAY = 86_400_000;

function rows(): object[] {
  const now = Date.now();
  const found: object[] = [];
  for (let day = 40; day >= 0; day--) {
    for (let visit = 0; visit < 8; visit++) {
      const start = now - day * DAY - visit * 3_600_000 - 600_000;
      const person = visit === 0 ? 'anna@shop.example' : null;
      const device = person ? 'device-anna' : `device-${day}-${visit}`;
      const common = {
        device_id: device,
        profile_id: person ?? device,
        country: visit % 2 ? 'DE' : 'SE',
        city: visit % 2 ? 'Berlin' : 'Stockholm',
        browser: visit % 3 ? 'Firefox' : 'Chrome',
        os: 'Linux',
        device: 'desktop',
        origin: 'https://shop.example',
        groups: person ? ['acme'] : [],
      };
      const event = (name: string, path: string, seconds: number, more: object = {}) =>
        found.push({ ...common, name, path, created_at: new Date(start + seconds * 1000).toISOString(), ...more });
      const paths = ['/', '/pricing', LONG, '/متجر', '/🏕️', '/a?b=<i>'];
      event('screen_view', paths[visit % paths.length]!, 0, {
        referrer_name: visit % 2 ? 'Google' : SCRIPT,
        referrer: 'https://google.example/',
        properties: { __title: RTL },
      });
      if (visit % 2 === 0) {
        event('signup', '/pricing', 30, { properties: { plan: visit % 4 ? 'pro' : SCRIPT, label: RTL } });
        event('purchase', '/pricing', 60, { properties: { price: '12' } });
      }
    }
  }
  return found;
}

/** What the busy project has, all of it in the last 28 days. */
export const BUSY = { people: 2_500, sessions: 12_500, views: 50_000 };

/** Its events, as many at once as may be imported. */
function* busyRows(): Generator<object[]> {
  const MOST = 10_000;
  const views = BUSY.views / BUSY.sessions;
  const begin = Date.now() - 28 * DAY;
  for (let session = 0; session < BUSY.sessions; session += MOST / views) {
    yield Array.from({ length: MOST }, (_, i) => {
      const visit = session + Math.floor(i / views);
      const device = `device-${visit % BUSY.people}`;
      return {
        name: 'screen_view',
        device_id: device,
        profile_id: device,
        path: `/products/${(visit * 7 + i) % 500}`,
        origin: 'https://busy.example',
        country: ['DE', 'SE', 'US', 'JP'][visit % 4],
        created_at: new Date(begin + (visit * 28 * DAY) / (BUSY.sessions + 1) + (i % views) * 10_000).toISOString(),
      };
    });
  }
}

/** Makes three projects, fills two, and signs the browser in. */
export default async function seed(): Promise<void> {
  const make = async (name: string) =>
    (
      await api<{ data: { id: string; client: { id: string; secret: string } } }>('POST', '/manage/projects', {
        name,
        domain: 'https://shop.example',
        cors: ['https://shop.example'],
        types: ['website'],
      })
    ).data;
  const project = await make(`Shop ${SCRIPT}`);
  const empty = await make(`Empty ${RTL} 🏕️`);
  const busy = await make('Busy');
  for (const rows of busyRows()) await api('POST', `/import/events?projectId=${busy.id}&sessions=true`, rows);
  await api('POST', `/import/events?projectId=${project.id}&sessions=true`, rows());
  const track = (type: string, payload: object) =>
    fetch(`${SERVER.url}/track`, {
      method: 'POST',
      headers: {
        'openpanel-client-id': project.client.id,
        'openpanel-client-secret': project.client.secret,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ type, payload }),
    });
  await track('group', { id: 'acme', type: 'company', name: `Acme ${RTL}`, properties: { seats: 3 } });
  await track('identify', {
    profileId: 'anna@shop.example',
    firstName: 'Anna',
    lastName: SCRIPT,
    email: 'anna@shop.example',
    properties: { plan: 'pro' },
  });
  await track('assign_group', { profileId: 'anna@shop.example', groupIds: ['acme'] });
  await api('POST', '/manage/references', {
    projectId: project.id,
    title: `Launch ${SCRIPT}`,
    datetime: new Date(Date.now() - 5 * DAY).toISOString(),
  });
  const made: Made = { project: project.id, empty: empty.id, busy: busy.id, write: project.client };
  process.env.PANELD_E2E_MADE = JSON.stringify(made);

  // What was accepted is in reports a moment later.
  for (let tries = 0; tries < 40; tries++) {
    const events = await api<unknown[]>('GET', `/insights/${project.id}/profiles?limit=1`);
    if (events.length) break;
    await new Promise(done => setTimeout(done, 250));
  }
  const browser = await request.newContext({ baseURL: SERVER.url, extraHTTPHeaders: { 'x-paneld-console': '1' } });
  const answer = await browser.post('/console/session', { data: { clientId: SERVER.id, clientSecret: SERVER.secret } });
  if (!answer.ok()) throw new Error(`Signing in: ${answer.status()} ${await answer.text()}`);
  mkdirSync('test-results', { recursive: true });
  writeFileSync('test-results/session.json', JSON.stringify(await browser.storageState()));
  await browser.dispose();
}
