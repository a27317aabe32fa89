import type { Page } from '@playwright/test';
import { expect, open, screens, settle, test } from './kit';
import { SERVER } from './seed';

/** Signing in ends the session that the browser had: only for browsers of one test. */
async function signIn(page: Page): Promise<void> {
  await page.getByLabel('Client id').fill(SERVER.id);
  await page.getByLabel('Client secret').fill(SERVER.secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

test.describe('at the door', () => {
  test.use({ storageState: { cookies: [], origins: [] } });

  test('a wrong secret is told, a right one opens, and signing out closes', async ({ page }) => {
    await page.goto(screens().funnel!);
    await page.getByLabel('Client id').fill(SERVER.id);
    await page.getByLabel('Client secret').fill('sec_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page.getByRole('alert')).toBeVisible();
    await page.getByLabel('Client secret').fill(SERVER.secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
    // It goes on where it was to begin.
    await expect(page.getByRole('heading', { level: 1, name: 'Funnel' })).toBeVisible();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
    await page.goto(screens().overview!);
    await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  });

  test('a token is sent once and leaves the address', async ({ page }) => {
    const sent: string[] = [];
    await page.route('**/console/session', async route => {
      if (route.request().method() === 'POST') {
        sent.push(route.request().postData() ?? '');
        expect(route.request().headers()['x-paneld-console']).toBe('1');
      }
      await route.fulfill({ status: 401, json: { status: 401, error: 'Unauthorized', message: 'No', requestId: 'x' } });
    });
    await page.goto('/console/#token=abc');
    await expect(page.getByText('This link has been used already')).toBeVisible();
    expect(sent).toEqual(['{"token":"abc"}']);
    expect(page.url()).not.toContain('abc');
    await page.reload();
    await expect(page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
    expect(sent).toHaveLength(1);
  });

  test('a session that ends while the page is open leads to the door and back', async ({ page }) => {
    await page.goto(screens().overview!);
    await signIn(page);
    await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
    await expect(page.locator('table').first()).toBeVisible();
    await settle(page);
    await page.route('**/insights/**', route =>
      route.fulfill({ status: 401, json: { status: 401, error: 'Unauthorized', message: 'Ended', requestId: 'x' } }),
    );
    await page.getByRole('link', { name: 'People' }).click();
    await expect(page.getByText('Your session has ended')).toBeVisible();
    expect(page.url()).toContain('/people');
    await page.unrouteAll();
    await signIn(page);
    await expect(page.getByRole('heading', { level: 1, name: 'People' })).toBeVisible();
  });
});

test('a server that is away when the page opens is asked again', async ({ page }) => {
  let asked = 0;
  await page.route('**/console/session', route =>
    asked++ === 0
      ? route.fulfill({ status: 503, headers: { 'retry-after': '1' }, json: { status: 503, error: 'X', message: 'Away.', requestId: 'x' } })
      : route.fallback(),
  );
  await page.goto(screens().overview!);
  await expect(page.getByText('The server is busy')).toBeVisible();
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
});

test('two tabs share a session', async ({ page, context }) => {
  await open(page, screens().overview!);
  const second = await context.newPage();
  await open(second, screens().people!);
  await expect(second.getByRole('link', { name: /^Anna/ })).toBeVisible();
  await second.close();
});

const FAILURES = [
  { status: 403, says: 'This is not for your client' },
  { status: 429, says: 'Too many requests' },
  { status: 503, says: 'The server is busy' },
] as const;

for (const { status, says } of FAILURES) {
  test(`a ${status} is told on every screen`, async ({ page }) => {
    test.setTimeout(120_000);
    await page.route(/\/(insights|export|manage|healthz)[/?]/, route =>
      route.request().resourceType() === 'document' || route.request().url().includes('/console/')
        ? route.fallback()
        : route.fulfill({
            status,
            headers: { 'retry-after': '7' },
            json: { status, error: 'X', message: 'A sentence.', requestId: 'x' },
          }),
    );
    for (const [name, path] of Object.entries(screens())) {
      if (['new project', 'nothing there'].includes(name)) continue;
      await page.goto(path);
      await expect(page.getByText(says).first(), name).toBeVisible();
    }
  });
}

test('what was refused for now is asked again by itself', async ({ page }) => {
  let refused = 0;
  await page.route('**/insights/*/retention/cohort', route =>
    refused++ === 0
      ? route.fulfill({
          status: 429,
          headers: { 'retry-after': '1' },
          json: { status: 429, error: 'X', message: 'Slow down.', requestId: 'x' },
        })
      : route.fallback(),
  );
  await page.goto(screens().retention!);
  await expect(page.getByText('Too many requests')).toBeVisible();
  await expect(page.getByText('Too many requests')).toBeHidden();
  await expect(page.getByRole('rowheader', { name: 'All weeks' })).toBeVisible();
});

test('without a network every screen says so, keeps what it has, and recovers', async ({ page, context }) => {
  test.setTimeout(120_000);
  const paths = screens();
  await open(page, paths.overview!);
  // All screens are loaded first: a screen that cannot be loaded is another failure.
  const links = ['Events', 'Explore', 'Funnel', 'Retention', 'Paths', 'People', 'Groups', 'Setup'];
  for (const name of links) {
    await page.getByRole('link', { name, exact: true }).click();
    await settle(page);
  }
  await page.getByRole('link', { name: 'Overview', exact: true }).click();
  await settle(page);
  await context.setOffline(true);
  await page.getByRole('combobox', { name: 'Range of time' }).selectOption('90d');
  await expect(page.getByText('The server cannot be reached').first()).toBeVisible();
  await expect(page.locator('.card-value').first()).not.toHaveText('');
  for (const name of links.filter(one => one !== 'Setup' && one !== 'Retention')) {
    await page.getByRole('link', { name, exact: true }).click();
    await page.waitForURL(/p\/[^/]+\/\w+/);
    await expect(page.getByText('The server cannot be reached').or(page.locator('main table, main .chart')).first(), name).toBeVisible();
  }
  await page.getByRole('link', { name: 'Overview', exact: true }).click();
  await context.setOffline(false);
  await expect(page.getByText('The server cannot be reached')).toHaveCount(0);
});
