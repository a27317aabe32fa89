// Lays the scripts that sites load beside the page, as their package has them, with the licences
// of all that is in them.
import { copyFileSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';

const PACKAGE = '@openpanel/web';
const SCRIPTS = { 'op1.js': 'tracker.global.js', 'op1-replay.js': 'replay.global.js' };

const modules = new URL('../node_modules/', import.meta.url);
const target = new URL('../../tracker/', import.meta.url);
const { packages } = JSON.parse(readFileSync(new URL('../package-lock.json', import.meta.url), 'utf8'));

rmSync(target, { recursive: true, force: true });
mkdirSync(target);
for (const [name, built] of Object.entries(SCRIPTS)) copyFileSync(new URL(`${PACKAGE}/dist/src/${built}`, modules), new URL(name, target));

/** The package and all that it needs, by name. */
const found = new Set();
const visit = name => {
  if (found.has(name)) return;
  found.add(name);
  Object.keys(packages[`node_modules/${name}`].dependencies ?? {}).forEach(visit);
};
visit(PACKAGE);

const chapters = [...found].sort().map(name => {
  const folder = new URL(`${name}/`, modules);
  const { license, repository } = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'));
  const file = readdirSync(folder).find(one => /^licen[cs]e/i.test(one));
  const text = file
    ? readFileSync(new URL(file, folder), 'utf8').trim().replaceAll('\r\n', '\n')
    : `Copyright (c) its authors: ${repository?.url ?? repository}\n\nThe package has no text of its own; the terms are those of the MIT License above.`;
  return `## ${name} (${license})\n\n${text}\n`;
});
const { version } = packages[`node_modules/${PACKAGE}`];
writeFileSync(
  new URL('licences.md', target),
  `# Licences\n\n\`op1.js\` and \`op1-replay.js\` are files of the npm package \`${PACKAGE}\` ${version}, which has these packages built in.\n\n${chapters.join('\n')}`,
);
