import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from '@playwright/test';
import { expect, made, open, screens, settle, test } from './kit';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

async function track(baseURL: string, name: string, path: string): Promise<void> {
  const sent = await fetch(`${baseURL}/track`, {
    method: 'POST',
    headers: {
      'openpanel-client-id': made().write.id,
      'openpanel-client-secret': made().write.secret,
      'content-type': 'application/json',
      'user-agent': FIREFOX,
    },
    body: JSON.stringify({ type: 'track', payload: { name, properties: { __path: `https://shop.example${path}` } } }),
  });
  expect(sent.status).toBe(200);
}

/** The paths that a page asks for as long as it is watched. */
function asked(page: Page): string[] {
  const paths: string[] = [];
  page.on('request', request => paths.push(new URL(request.url()).pathname));
  return paths;
}

/** A page of another origin, with this in its head. */
async function site(head: () => string): Promise<{ server: Server; url: string }> {
  const server = createServer((_, reply) => {
    reply.setHeader('content-type', 'text/html; charset=utf-8');
    reply.end(`<!doctype html><html lang="en"><head><title>Tents</title>${head()}</head>
      <body><button data-track="tent_chosen" data-size="two">Two</button></body></html>`);
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('a site with the snippet of Setup turns it into numbers', async ({ page, browser }) => {
  let head = '';
  const { server, url } = await site(() => head);
  await open(page, screens()['new project']!);
  await page.getByLabel('Name').fill('Tents');
  await page.getByLabel('Domain').fill(url);
  await page.getByRole('button', { name: 'Create project' }).click();
  await expect(page.getByText('Waiting for the first event')).toBeVisible();
  const snippet = (await page.getByRole('region', { name: 'Snippet' }).textContent())!;
  head = snippet.replace('trackAttributes: true,', 'trackAttributes: true,\n    sessionReplay: { enabled: true, flushIntervalMs: 300 },');

  const outside = await browser.newContext({ storageState: { cookies: [], origins: [] }, userAgent: FIREFOX });
  const visitor = await outside.newPage();
  const told: string[] = [];
  visitor.on('response', response => told.push(`${response.status()} ${new URL(response.url()).pathname}`));
  const replay = visitor.waitForRequest(request => request.url().endsWith('/track') && /"type":"replay"/.test(request.postData() ?? ''));
  await visitor.goto(`${url}/tents`);
  await visitor.getByRole('button', { name: 'Two' }).click();
  expect((await (await replay).response())?.status()).toBe(200);
  expect(told).toContain('200 /op1.js');
  expect(told).toContain('200 /op1-replay.js');
  expect(told.filter(one => !one.startsWith('200') && !one.includes('favicon'))).toEqual([]);

  await expect(page.getByRole('heading', { name: 'Events arrive' })).toBeVisible();
  await page.getByRole('link', { name: 'See the numbers' }).click();
  await settle(page);
  await expect(page.getByRole('button', { name: /^Visitors/ })).toContainText('1');
  await page.getByRole('link', { name: 'Events', exact: true }).click();
  await expect(page.getByRole('button', { name: 'tent_chosen' })).toBeVisible();
  await outside.close();
  server.close();
});

test('new events come to the top by themselves, and wait while somebody reads below', async ({ page, baseURL }) => {
  await open(page, screens().events!);
  const first = page.getByRole('table', { name: 'Events' }).getByRole('row').nth(1);
  await track(baseURL!, 'first_live', '/live');
  await expect(first).toContainText('first_live');
  await page.evaluate(() => scrollTo(0, 600));
  await expect.poll(() => page.evaluate(() => scrollY)).toBeGreaterThan(120);
  await track(baseURL!, 'second_live', '/live');
  const fresh = page.getByRole('button', { name: /new events?: show/ });
  await expect(fresh).toBeInViewport();
  await expect(first).toContainText('first_live');
  await fresh.click();
  await expect(first).toContainText('second_live');
  expect(await page.evaluate(() => scrollY)).toBeLessThan(50);
  // Filters keep the list as it is.
  await open(page, `${screens().events!}?f=name:is:first_live`);
  const shown = await page.getByRole('row').count();
  const watched = asked(page);
  await track(baseURL!, 'first_live', '/again');
  await page.waitForTimeout(4000);
  expect(watched.filter(path => path.endsWith('/events'))).toEqual([]);
  expect(await page.getByRole('row').count()).toBe(shown);
});

test('who is there now comes as a stream, and is asked for where none comes through', async ({ page, baseURL }) => {
  const watched = asked(page);
  await open(page, screens().overview!);
  await track(baseURL!, 'screen_view', '/now');
  await expect(page.getByText(/[1-9]\d* visitors? now/)).toBeVisible();
  expect(watched.some(path => path.endsWith('/stream'))).toBe(true);
  expect(watched.filter(path => path.endsWith('/live'))).toEqual([]);
  await page.route('**/stream', route => route.abort());
  await open(page, screens().overview!);
  await expect(page.getByText(/[1-9]\d* visitors? now/)).toBeVisible({ timeout: 20_000 });
  expect(watched.some(path => path.endsWith('/live'))).toBe(true);
});

test('who has several projects begins with all of them', async ({ page, baseURL }) => {
  await track(baseURL!, 'screen_view', '/now');
  await page.goto('/console/');
  await expect(page.getByRole('heading', { level: 1, name: 'All projects' })).toBeVisible();
  const shop = page.getByRole('link', { name: /^Shop .*Visitors today/ }).first();
  await expect(shop).toContainText('In 7 days');
  await expect(page.getByRole('link', { name: /^Empty/ }).first()).toContainText('Visitors today0');
  await shop.click();
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
  await page.getByRole('link', { name: 'All projects' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'All projects' })).toBeVisible();
});

test('every request says for whom it is', async ({ page, browser }) => {
  const headers: string[] = [];
  page.on('request', request => request.resourceType() === 'fetch' && headers.push(request.headers()['x-paneld-console'] ?? 'none'));
  await open(page, screens().overview!);
  expect(new Set(headers)).toEqual(new Set(['1']));

  const made = await page.request.post(`/manage/projects/${encodeURIComponent(screens().overview!.split('/')[3]!)}/share-links`, {
    data: { name: 'Open' },
    headers: { 'x-paneld-console': '1' },
  });
  const { data } = (await made.json()) as { data: { url: string } };
  const outside = await browser.newContext({ storageState: { cookies: [], origins: [] }, locale: 'en-GB' });
  const guest = await outside.newPage();
  const shared: string[] = [];
  guest.on('request', request => request.resourceType() === 'fetch' && shared.push(request.headers()['x-paneld-console'] ?? 'none'));
  await guest.goto(`/console/share/${new URL(data.url).hash}`);
  await expect(guest.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
  await settle(guest);
  await guest.reload();
  await expect(guest.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
  await settle(guest);
  expect(new Set(shared)).toEqual(new Set(['share']));
  // Another tab of the same browser is not that of a link.
  const other = await outside.newPage();
  const plain: string[] = [];
  other.on('request', request => request.resourceType() === 'fetch' && plain.push(request.headers()['x-paneld-console'] ?? 'none'));
  await other.goto('/console/');
  await expect.poll(() => plain[0]).toBe('1');
  await guest.getByRole('button', { name: 'Close' }).click();
  await expect(guest.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  expect(shared.at(-1)).toBe('1');
  await outside.close();
});

test('a share link leaves whoever is signed in alone', async ({ page, context }) => {
  await open(page, screens().overview!);
  const made = await page.request.post(`/manage/projects/${screens().overview!.split('/')[3]!}/share-links`, {
    data: { name: 'Mine' },
    headers: { 'x-paneld-console': '1' },
  });
  const { data } = (await made.json()) as { data: { url: string } };
  const guest = await context.newPage();
  await guest.goto(`/console/share/${new URL(data.url).hash}`);
  await expect(guest.getByText('Shared with you')).toBeVisible();
  await page.reload();
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
  // Behind the link there is one's own session again.
  await guest.getByRole('button', { name: 'Close' }).click();
  await expect(guest.getByRole('heading', { level: 1, name: 'All projects' })).toBeVisible();
  await page.reload();
  await expect(page.getByRole('button', { name: 'Sign out' })).toBeVisible();
});
