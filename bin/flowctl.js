#!/usr/bin/env node
// Answers `--version` before anything is loaded; everything else is one import away.
import { readFileSync } from 'node:fs';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`flowctl needs Node 20.19 or later; this is ${process.versions.node}\n`);
  process.exitCode = 70;
} else if (process.argv.length === 3 && (process.argv[2] === '--version' || process.argv[2] === '-V')) {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  process.stdout.write(`${version}\n`);
} else {
  const { main } = await import('../dist/cli.js');
  await main(process.argv.slice(2));
}
