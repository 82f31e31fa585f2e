import { slug } from './slug.js';

const text = process.argv.slice(2).join(' ');
if (text === '') {
  process.stderr.write('usage: slug <text>\n');
  process.exitCode = 2;
} else process.stdout.write(`${slug(text)}\n`);
