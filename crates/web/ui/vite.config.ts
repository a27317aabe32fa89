import { defineConfig } from 'vitest/config';

export default defineConfig({
  base: '/console/',
  // Scripts find each other beside themselves, wherever the server is mounted.
  experimental: { renderBuiltUrl: (_, { hostType }) => (hostType === 'js' ? { relative: true } : undefined) },
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2022',
    // Polyfills and data: URLs would need exceptions from the Content-Security-Policy.
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // What is built in wants its licences beside it.
    license: { fileName: 'licences.md' },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  test: { include: ['src/**/*.test.ts'], environment: 'node' },
});
