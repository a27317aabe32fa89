import { defineConfig } from '@playwright/test';

/**
 * Against a server that runs already: `PANELD_E2E_URL`, and the id and secret of a root client in
 * `PANELD_E2E_CLIENT_ID` and `PANELD_E2E_CLIENT_SECRET`. The browser is the system's Chromium
 * (`PANELD_E2E_CHROMIUM`, by default /usr/bin/chromium); nothing is downloaded.
 */
export default defineConfig({
  testDir: 'e2e',
  globalSetup: './e2e/seed.ts',
  workers: 1,
  timeout: 30_000,
  expect: { timeout: 10_000 },
  reporter: 'list',
  use: {
    baseURL: process.env.PANELD_E2E_URL ?? '',
    storageState: 'test-results/session.json',
    locale: 'en-GB',
    timezoneId: 'America/New_York',
    launchOptions: { executablePath: process.env.PANELD_E2E_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox'] },
  },
});
