import AxeBuilder from '@axe-core/playwright';
import { expect, open, screens, test } from './kit';
import { SCRIPT } from './seed';

const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

for (const theme of ['light', 'dark'] as const) {
  test.describe(`in ${theme}`, () => {
    test.use({ colorScheme: theme });
    test('axe finds nothing on any screen', async ({ page }) => {
      test.setTimeout(240_000);
      for (const [name, path] of Object.entries(screens())) {
        await open(page, path);
        const { violations } = await new AxeBuilder({ page }).withTags(TAGS).analyze();
        expect
          .soft(
            violations.map(
              one =>
                `${name}: ${one.id}: ${one.nodes
                  .slice(0, 3)
                  .map(node => `${node.html.slice(0, 160)} ${node.failureSummary}`)
                  .join(' | ')}`,
            ),
          )
          .toEqual([]);
      }
    });

    test('axe finds nothing on the door and in dialogs', async ({ page, browser }) => {
      const outside = await browser.newContext({ storageState: { cookies: [], origins: [] }, colorScheme: theme });
      const door = await outside.newPage();
      await door.goto('/console/');
      await expect(door.getByRole('heading', { name: 'Sign in' })).toBeVisible();
      expect((await new AxeBuilder({ page: door }).withTags(TAGS).analyze()).violations).toEqual([]);
      await outside.close();
      const paths = screens();
      for (const [path, button] of [
        [paths.overview!, 'Filter'],
        [paths.clients!, 'New client'],
        [paths.events!, 'Show as curl'],
      ] as const) {
        await open(page, path);
        await page.getByRole('button', { name: button, exact: true }).first().click();
        await expect(page.getByRole('dialog')).toBeVisible();
        expect((await new AxeBuilder({ page }).withTags(TAGS).analyze()).violations.map(one => `${one.id} ${one.nodes[0]?.html}`)).toEqual(
          [],
        );
      }
    });
  });
}

for (const width of [360, 768, 1440]) {
  test(`nothing is wider than the page at ${width} px`, async ({ page }) => {
    test.setTimeout(120_000);
    await page.setViewportSize({ width, height: 800 });
    for (const [name, path] of Object.entries(screens())) {
      await open(page, path);
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect.soft(over, `${name} at ${width} px`).toBeLessThanOrEqual(0);
    }
  });
}

test('names are shown as they are, and none runs', async ({ page }) => {
  const paths = screens();
  await open(page, paths.overview!);
  await expect(page.getByRole('combobox', { name: 'Project' })).toContainText(SCRIPT);
  await expect(page.getByText(SCRIPT, { exact: true }).first()).toBeVisible();
  await open(page, paths['event names']!);
  await expect(page.getByText(SCRIPT, { exact: true }).first()).toBeVisible();
  await open(page, paths['a person']!);
  await expect(page.getByRole('heading', { name: `Anna ${SCRIPT}` })).toBeVisible();
  expect(await page.title()).toBe(`People · Shop ${SCRIPT} · paneld`);
});

test('addresses that mean nothing are told so', async ({ page }) => {
  for (const path of [
    '/console/p/%E0%A4/overview',
    '/console/manage/constructor',
    '/console/p/nobody/overview',
    screens().overview!.replace('overview', '__proto__'),
  ]) {
    await page.goto(path);
    await expect(page.getByRole('heading', { name: 'There is nothing here' })).toBeVisible();
  }
  await page.goto(`${screens().overview!}?f=nonsense:is:1&range=never&interval=eon&metric=constructor&sources=none`);
  await expect(page.getByText('filters.0').first()).toBeVisible();
  await page.getByRole('button', { name: /^Remove/ }).click();
  await expect(page.locator('.chart')).toBeVisible();
});

test('the first view loads little, and nothing of the other screens', async ({ page }) => {
  const loaded: string[] = [];
  page.on('response', response => /\.js$/.test(response.url()) && loaded.push(response.url()));
  await open(page, screens().overview!);
  expect(loaded.map(url => /assets\/(\w+)-/.exec(url)?.[1]).sort()).toEqual(['index', 'parts']);
});
