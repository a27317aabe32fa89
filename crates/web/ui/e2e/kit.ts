import { test as base, expect, type Page } from '@playwright/test';
import type { Made } from './seed';

export const made = (): Made => JSON.parse(process.env.PANELD_E2E_MADE!) as Made;

/** Every screen, by its heading. */
export function screens(): Record<string, string> {
  const { project, empty, busy } = made();
  const p = `/console/p/${project}`;
  return {
    overview: `${p}/overview`,
    'overview of nothing': `/console/p/${empty}/overview`,
    'overview of much': `/console/p/${busy}/overview`,
    events: `${p}/events`,
    'event names': `${p}/events?view=names&event=signup&property=plan`,
    explore: `${p}/explore?s=signup&b=properties.plan`,
    'explore bars': `${p}/explore?s=signup&s=purchase:user&formula=B/A&view=bar`,
    'explore table': `${p}/explore?view=table&compare=on`,
    funnel: `${p}/funnel?step=screen_view&step=signup&step=purchase`,
    retention: `${p}/retention`,
    paths: `${p}/paths`,
    people: `${p}/people`,
    'a person': `${p}/people?person=anna%40shop.example`,
    groups: `${p}/groups`,
    'a group': `${p}/groups?group=acme`,
    setup: `${p}/setup`,
    'setup of nothing': `/console/p/${empty}/setup`,
    'all projects': '/console/projects',
    projects: '/console/manage/projects',
    clients: '/console/manage/clients',
    references: '/console/manage/references',
    shares: '/console/manage/shares',
    audit: '/console/manage/audit',
    organization: '/console/manage/organization',
    'new project': '/console/manage/new-project',
    'nothing there': '/console/nothing/here',
  };
}

/** A page that fails its test on an error in the console, and on a request to another origin. */
export const test = base.extend<{ faults: string[] }>({
  faults: [
    async ({ page, baseURL }, use) => {
      const faults: string[] = [];
      const origin = new URL(baseURL!).origin;
      page.on('pageerror', error => faults.push(`script: ${error.message}`));
      page.on(
        'console',
        message =>
          message.type() === 'error' &&
          !/Failed to load resource|net::ERR/.test(message.text()) &&
          faults.push(`console: ${message.text()}`),
      );
      page.on(
        'request',
        request =>
          !/^(data|blob):/.test(request.url()) &&
          new URL(request.url()).origin !== origin &&
          faults.push(`another origin: ${request.url()}`),
      );
      page.on('dialog', dialog => {
        faults.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      await use(faults);
      expect(faults).toEqual([]);
    },
    { auto: true },
  ],
});

/** Opens an address and waits until nothing loads any more. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await expect(page.locator('h1')).toBeVisible();
  await settle(page);
}

export async function settle(page: Page): Promise<void> {
  await expect(page.locator('.skeleton')).toHaveCount(0);
  await expect(page.locator('.stale')).toHaveCount(0);
}

export { expect };
