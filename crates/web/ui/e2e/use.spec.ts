import { readFileSync } from 'node:fs';
import { expect, made, open, screens, settle, test } from './kit';
import { api, BUSY, SERVER } from './seed';

const panel = (page: import('@playwright/test').Page, name: string) =>
  page.locator('section.panel').filter({ has: page.getByRole('heading', { name, exact: true }) });

test.describe('overview', () => {
  test('a click on a row filters everything, and back and forward undo and redo it', async ({ page }) => {
    await open(page, screens().overview!);
    const visitors = page.locator('.card-value').first();
    const all = await visitors.textContent();
    await panel(page, 'Places')
      .getByRole('link', { name: /^Germany/ })
      .click();
    await settle(page);
    await expect(page.getByText('Country is Germany')).toBeVisible();
    expect(page.url()).toContain('f=country:is:DE');
    await expect(visitors).not.toHaveText(all!);
    await page.goBack();
    await expect(page.getByText('Country is Germany')).toBeHidden();
    await expect(visitors).toHaveText(all!);
    await page.goForward();
    await expect(page.getByText('Country is Germany')).toBeVisible();
    await page.reload();
    await expect(page.getByText('Country is Germany')).toBeVisible();
    await page.getByRole('button', { name: 'Remove: Country is Germany' }).click();
    await expect(visitors).toHaveText(all!);
  });

  test('a filter is made by hand', async ({ page }) => {
    await open(page, screens().overview!);
    await page.getByRole('button', { name: 'Filter', exact: true }).click();
    const dialog = page.getByRole('dialog', { name: 'Add a filter' });
    await dialog.getByLabel('What').selectOption('browser');
    await dialog.getByLabel('Condition').selectOption('contains');
    await dialog.getByLabel('Value').fill('Fire');
    await dialog.getByRole('button', { name: 'Add filter' }).click();
    await expect(page.getByText('Browser contains Fire')).toBeVisible();
    await settle(page);
    await panel(page, 'Devices')
      .getByRole('link', { name: /^Firefox/ })
      .waitFor();
    await expect(panel(page, 'Devices').getByRole('row')).toHaveCount(2);
  });

  test('tens of thousands of events are all counted, and the chart is asked for before the tables', async ({ page }) => {
    await open(page, `${screens()['overview of much']!}?range=today`);
    const asked: string[] = [];
    page.on('request', request => asked.push(new URL(request.url()).pathname.split('/').pop()!));
    await page.getByRole('combobox', { name: 'Range of time' }).selectOption('30d');
    const card = (name: RegExp) => page.getByRole('button', { name }).locator('.card-value');
    const short = (n: number) => (n < 10_000 ? n.toLocaleString('en-GB') : `${n / 1000}k`);
    await expect(card(/^Visitors/)).toHaveText(short(BUSY.people));
    await expect(card(/^Sessions/)).toHaveText(short(BUSY.sessions));
    await expect(card(/^Views/)).toHaveText(short(BUSY.views));
    await settle(page);
    const tables = asked.filter(name => ['referrers', 'geo', 'devices'].includes(name));
    expect(asked.filter(name => name === 'overview' || tables.includes(name))).toEqual(['overview', 'overview', ...tables]);
    expect(tables).toHaveLength(3);
  });

  test('a card chooses the chart, the chart has its table, and the period before can be left out', async ({ page }) => {
    await open(page, screens().overview!);
    await expect(page.locator('.chart path.before')).toBeVisible();
    await page.getByRole('button', { name: 'Compare' }).click();
    await expect(page.locator('.chart path.before')).toHaveCount(0);
    await page.getByRole('button', { name: /^Sessions/ }).click();
    await expect(page.getByRole('heading', { name: 'Sessions by day' })).toBeVisible();
    await page.getByRole('button', { name: 'Show as table' }).click();
    await expect(page.getByRole('table', { name: 'Sessions by day' }).getByRole('row')).toHaveCount(31);
  });

  test("ranges and intervals are in the address, dates of one's own too", async ({ page }) => {
    await open(page, screens().overview!);
    await page.getByRole('combobox', { name: 'Range of time' }).selectOption('7d');
    await page.getByRole('combobox', { name: 'Interval' }).selectOption('hour');
    await expect(page.getByRole('heading', { name: 'Visitors by hour' })).toBeVisible();
    expect(page.url()).toMatch(/range=7d&interval=hour/);
    await page.getByRole('combobox', { name: 'Range of time' }).selectOption('custom');
    await page.getByLabel('First day').fill('2026-01-01');
    await page.getByLabel('Last day').fill('2026-01-31');
    await page.getByRole('button', { name: 'Apply' }).click();
    await expect(page.getByText(/1\s?–\s?31 Jan 2026/)).toBeVisible();
    // The range goes along to the next screen.
    await page.getByRole('link', { name: 'Events', exact: true }).click();
    await expect(page.getByText(/1\s?–\s?31 Jan 2026/)).toBeVisible();
  });

  test('what is shown can be taken along: as curl, and as CSV', async ({ page }) => {
    await open(page, screens().overview!);
    const places = panel(page, 'Places');
    const [file] = await Promise.all([page.waitForEvent('download'), places.getByRole('button', { name: 'Download as CSV' }).click()]);
    expect(readFileSync((await file.path())!, 'utf8')).toMatch(/^Country,Sessions\r\n(Germany|Sweden),\d+/);
    await places.getByRole('button', { name: 'Show as curl' }).click();
    const command = await page.getByRole('region', { name: 'The command' }).textContent();
    expect(command).toContain(`/insights/${made().project}/traffic/geo`);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('dialog')).toHaveCount(0);
    await expect(places.getByRole('button', { name: 'Show as curl' })).toBeFocused();
  });

  test('the keyboard alone reaches everything', async ({ page }) => {
    await open(page, screens().overview!);
    await page.keyboard.press('Tab');
    await expect(page.getByRole('link', { name: 'Skip to content' })).toBeFocused();
    await page.keyboard.press('Enter');
    await expect(page.locator('main')).toBeFocused();
    const seen = new Set<string>();
    for (let i = 0; i < 90; i++) {
      await page.keyboard.press('Tab');
      const where = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement;
        const style = getComputedStyle(element);
        return {
          name: element.getAttribute('aria-label') ?? element.textContent?.trim() ?? '',
          visible: element === document.body || style.outlineStyle !== 'none',
        };
      });
      expect(where.visible, `the focus on “${where.name}” is seen`).toBe(true);
      seen.add(where.name);
    }
    for (const name of ['Compare', 'Range of time', 'Filter', 'Show as curl', 'Download as CSV', 'Show as table'])
      expect(seen).toContain(name);
    const chart = page.getByRole('group', { name: /^Visitors by day/ });
    await chart.focus();
    await page.keyboard.press('ArrowLeft');
    await expect(page.locator('.tooltip')).toBeVisible();
    await page.keyboard.press('Home');
    const first = await page.locator('.tooltip strong').textContent();
    await page.keyboard.press('ArrowRight');
    await expect(page.locator('.tooltip strong')).not.toHaveText(first!);
    const tab = page.getByRole('tablist', { name: 'Places' }).getByRole('tab', { name: 'Country' });
    await tab.focus();
    await page.keyboard.press('ArrowRight');
    await expect(page.getByRole('tab', { name: 'Region' })).toBeFocused();
    await expect(page.getByRole('tab', { name: 'Region' })).toHaveAttribute('aria-selected', 'true');
  });

  test('who is there now is counted', async ({ page, baseURL }) => {
    await open(page, screens().overview!);
    await fetch(`${baseURL}/track`, {
      method: 'POST',
      headers: {
        'openpanel-client-id': made().write.id,
        'openpanel-client-secret': made().write.secret,
        'content-type': 'application/json',
        'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
      },
      body: JSON.stringify({ type: 'track', payload: { name: 'screen_view', properties: { __path: 'https://shop.example/now' } } }),
    });
    await expect(page.getByText(/[1-9]\d* visitors? now/)).toBeVisible({ timeout: 25_000 });
  });

  test('on a small screen the menu opens and leads on', async ({ page }) => {
    await page.setViewportSize({ width: 360, height: 740 });
    await open(page, screens().overview!);
    await expect(page.getByRole('link', { name: 'People' })).toBeHidden();
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('link', { name: 'People' }).click();
    await expect(page.getByRole('heading', { level: 1, name: 'People' })).toBeVisible();
    await expect(page.getByRole('link', { name: 'Groups' })).toBeHidden();
  });
});

test('from a new project to the first event', async ({ page, baseURL }) => {
  await open(page, screens()['new project']!);
  await page.getByLabel('Name').fill('Fresh');
  await page.getByLabel('Domain').fill('fresh.example');
  await page.getByRole('button', { name: 'Create project' }).click();
  await expect(page.getByText('Waiting for the first event')).toBeVisible();
  await page.getByRole('tab', { name: 'curl' }).click();
  const command = (await page.getByRole('region', { name: 'Snippet' }).textContent())!;
  const id = /client-id: ([0-9a-f-]{36})/.exec(command)![1]!;
  const secret = /client-secret: (\S+?)'/.exec(command)![1]!;
  expect(secret).toMatch(/^sec_/);
  const sent = await fetch(`${baseURL}/track`, {
    method: 'POST',
    headers: { 'openpanel-client-id': id, 'openpanel-client-secret': secret, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'track', payload: { name: 'signup', profileId: 'anna' } }),
  });
  expect(sent.status).toBe(200);
  await expect(page.getByRole('heading', { name: 'Events arrive' })).toBeVisible({ timeout: 15_000 });
  await page.getByLabel('Check an origin').fill('https://other.example');
  await expect(page.getByText('This origin is not allowed.')).toBeVisible();
  await page.getByRole('button', { name: 'Add it' }).click();
  await expect(page.getByText('This origin is allowed.')).toBeVisible();
});

test('a refused request is told in Setup', async ({ page, baseURL }) => {
  await fetch(`${baseURL}/track`, {
    method: 'POST',
    headers: { 'openpanel-client-id': made().write.id, 'openpanel-client-secret': made().write.secret, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'track', payload: { name: 'x'.repeat(81) } }),
  });
  await open(page, screens().setup!);
  await expect(page.getByText('must be at most 80 characters long')).toBeVisible();
});

test('an event opens with all it has', async ({ page }) => {
  await open(page, `/console/p/${made().project}/events?f=name:is:signup`);
  await page.getByRole('button', { name: 'signup', exact: true }).first().click();
  const dialog = page.getByRole('dialog', { name: 'signup' });
  await expect(dialog.getByText('plan', { exact: true })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
});

test('a chart is built by clicking, and is the same as a link', async ({ page }) => {
  await open(page, `/console/p/${made().project}/explore`);
  await page.getByRole('combobox', { name: 'Event of series A' }).selectOption('signup');
  await page.getByRole('combobox', { name: 'Figure of series A' }).selectOption('user');
  await page.getByRole('combobox', { name: 'Break down by' }).selectOption('country');
  await settle(page);
  await expect(page.getByRole('table', { name: 'Series in sum' }).getByText('signup · SE')).toBeVisible();
  const address = page.url();
  await page.getByRole('tab', { name: 'Table' }).click();
  await expect(page.getByRole('table', { name: 'Values by time' })).toBeVisible();
  await page.goto(address);
  await expect(page.getByRole('table', { name: 'Series in sum' }).getByText('signup · SE')).toBeVisible();
  await page.getByRole('button', { name: 'Series', exact: true }).click();
  await page.getByRole('textbox', { name: 'Formula' }).fill('A / (');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('formula');
});

test('a funnel and a path are clicked together', async ({ page }) => {
  await open(page, `/console/p/${made().project}/funnel`);
  await page.getByRole('button', { name: 'Step', exact: true }).click();
  await page.getByRole('combobox', { name: 'Step 3' }).selectOption('purchase');
  await page.getByRole('combobox', { name: 'Step 2' }).selectOption('signup');
  await settle(page);
  await expect(page.getByRole('table', { name: 'The funnel in numbers' }).getByText('3. purchase')).toBeVisible();
  await page.getByRole('link', { name: 'Paths' }).click();
  await settle(page);
  await expect(page.getByRole('table', { name: 'Steps from one event to the next' })).toContainText('signup');
});

test('a person is found, looked at, and erased', async ({ page }) => {
  const id = 'erase-me';
  await fetch(`${SERVER.url}/track`, {
    method: 'POST',
    headers: { 'openpanel-client-id': made().write.id, 'openpanel-client-secret': made().write.secret, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'identify', payload: { profileId: id, firstName: 'Erika' } }),
  });
  await expect(async () => {
    await open(page, `/console/p/${made().project}/people?q=erik`);
    await expect(page.getByRole('link', { name: 'Erika' })).toBeVisible({ timeout: 1000 });
  }).toPass();
  await page.getByRole('link', { name: 'Erika' }).click();
  await page.getByRole('button', { name: 'Erase' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('button', { name: 'Erase for good' })).toBeDisabled();
  await dialog.getByRole('textbox').fill(id);
  await dialog.getByRole('button', { name: 'Erase for good' }).click();
  await expect(page.getByRole('searchbox')).toBeVisible();
  await expect(page.getByRole('link', { name: 'Erika' })).toHaveCount(0);
});

test('a client is made, rotated, disabled and deleted', async ({ page }) => {
  await open(page, screens().clients!);
  await page.getByRole('button', { name: 'New client' }).click();
  await page.getByLabel('Name').fill('Robot');
  await page.getByRole('button', { name: 'Create client' }).click();
  await expect(page.getByRole('region', { name: 'Client secret' })).toContainText('sec_');
  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'Rotate the secret of Robot' }).first().click();
  await page.getByRole('button', { name: 'Rotate', exact: true }).click();
  await expect(page.getByText('The secret before works until')).toBeVisible();
  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('button', { name: 'Disable Robot' }).first().click();
  await expect(page.getByRole('button', { name: 'Enable Robot' }).first()).toBeVisible();
  await page.getByRole('button', { name: 'Edit Robot' }).first().click();
  await page.getByLabel('Allowed addresses').fill('not an address');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('.field-error')).toBeVisible();
  await page.getByLabel('Allowed addresses').fill('203.0.113.0/24');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  const robots = page.getByRole('button', { name: 'Delete Robot' });
  const before = await robots.count();
  await robots.first().click();
  await page.getByRole('button', { name: 'Delete client' }).click();
  await expect(robots).toHaveCount(before - 1);
});

test('a read client sees its project, and nothing to manage', async ({ browser }) => {
  const { data } = await api<{ data: { id: string; secret: string } }>('POST', '/manage/clients', {
    name: 'Reader',
    type: 'read',
    projectId: made().project,
  });
  const context = await browser.newContext({ storageState: { cookies: [], origins: [] }, locale: 'en-GB' });
  const page = await context.newPage();
  const refused: string[] = [];
  page.on(
    'response',
    response =>
      response.status() >= 400 &&
      response.status() < 500 &&
      !response.url().includes('/console/') &&
      refused.push(`${response.status()} ${response.url()}`),
  );
  await page.goto('/console/');
  await page.getByLabel('Client id').fill(data.id);
  await page.getByLabel('Client secret').fill(data.secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
  for (const name of ['Events', 'Explore', 'Funnel', 'Retention', 'Paths', 'People', 'Groups', 'Setup']) {
    await page.getByRole('link', { name, exact: true }).click();
    await expect(page.getByRole('heading', { level: 1, name })).toBeVisible();
    await settle(page);
  }
  await page.getByRole('link', { name: 'Share links' }).click();
  await expect(page.getByRole('button', { name: 'New link' })).toBeVisible();
  await settle(page);
  await expect(page.getByRole('link', { name: 'Clients' })).toHaveCount(0);
  await page.goto(screens().clients!);
  await expect(page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible();
  expect(refused).toEqual([]);
  await context.close();
});

test('a share link shows the overview and nothing else', async ({ page, browser }) => {
  await open(page, `/console/manage/shares?project=${made().project}`);
  await page.getByRole('button', { name: 'New link' }).click();
  await page.getByLabel('Name').fill('For the board');
  await page.getByLabel('Password').fill('correct horse');
  await page.getByRole('button', { name: 'Create link' }).click();
  const link = new URL((await page.getByRole('region', { name: 'Share link', exact: true }).textContent())!);
  const outside = await browser.newContext({ storageState: { cookies: [], origins: [] }, locale: 'en-GB' });
  const guest = await outside.newPage();
  const refused: string[] = [];
  guest.on(
    'response',
    response =>
      response.status() >= 400 &&
      response.status() < 500 &&
      !response.url().includes('/console/') &&
      refused.push(`${response.status()} ${response.url()}`),
  );
  await guest.goto(`${link.pathname}${link.hash}`);
  await guest.getByLabel('Password').fill('wrong');
  await guest.getByRole('button', { name: 'Open' }).click();
  await expect(guest.getByRole('alert')).toBeVisible();
  await guest.getByLabel('Password').fill('correct horse');
  await guest.getByRole('button', { name: 'Open' }).click();
  await expect(guest.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
  await settle(guest);
  expect(guest.url()).not.toContain('token');
  await expect(guest.getByRole('link', { name: 'People' })).toHaveCount(0);
  await expect(guest.getByRole('button', { name: 'Show as curl' })).toHaveCount(0);
  await guest.getByRole('tab', { name: 'Entry' }).click();
  await settle(guest);
  await guest.getByRole('link', { name: /^Germany/ }).click();
  await settle(guest);
  await expect(guest.getByText('Country is Germany')).toBeVisible();
  expect(refused).toEqual([]);
  await guest.goto(screens().people!);
  await expect(guest.getByRole('heading', { name: 'There is nothing here' })).toBeVisible();
  await outside.close();
});
