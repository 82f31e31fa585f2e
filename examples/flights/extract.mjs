// Copies the raw tables into the run's own folder, so that the rest of the run sees one unchanging version of them.
// Usage: node extract.mjs FOLDER. Reports each copy's rows, bytes and SHA-256 as one JSON object in $FLOWCTL_OUTPUT.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const { FLOWCTL_RUN_DIR, FLOWCTL_OUTPUT } = process.env;
if (!folder || !FLOWCTL_RUN_DIR || !FLOWCTL_OUTPUT) {
  throw new Error('usage: node extract.mjs FOLDER, as a step of a flow');
}

const tables = { airports: 'airports.csv', flights: 'flights-20k.json', departures: 'flights-200k.json' };
const target = join(FLOWCTL_RUN_DIR, 'raw');
mkdirSync(target, { recursive: true });

const copies = {};
for (const [table, name] of Object.entries(tables)) {
  const content = readFileSync(join(folder, name));
  const file = join(target, name);
  // Under its own name a copy is always whole: a killed attempt leaves at most a `.partial`, which the next one overwrites.
  writeFileSync(`${file}.partial`, content);
  renameSync(`${file}.partial`, file);
  const rows = name.endsWith('.json')
    ? JSON.parse(content).length
    : content.toString().trimEnd().split('\n').length - 1;
  const sha256 = createHash('sha256').update(content).digest('hex');
  copies[table] = { file, rows, bytes: content.length, sha256 };
  console.log(`${name}: ${rows} rows, ${content.length} bytes, sha256 ${sha256}`);
}
writeFileSync(FLOWCTL_OUTPUT, JSON.stringify(copies));
