#!/usr/bin/env node
// Records docs/tour.svg: runs the flights example in a real terminal (tmux, 84 x 24), once in the middle and once at its end, and draws
// what stood on the screen. `node docs/make-tour.js`, after a build; needs tmux.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), 'flowctl-tour-'));
const socket = join(folder, 'tmux');
const tmux = (...argv) => execFileSync('tmux', ['-S', socket, ...argv], { encoding: 'utf8' });
const screen = () => tmux('capture-pane', '-e', '-p', '-t', 'tour').replace(/\n+$/, '').split('\n');
const pause = (seconds) => spawnSync('sleep', [String(seconds)]);

const COLOURS = { 31: '#f47067', 32: '#57ab5a', 33: '#c69026', 34: '#539bf5', 36: '#39c5cf', 90: '#768390' };
const CELL = { width: 8.4, height: 18 };

/** One line of a terminal as SVG: runs of equal colour, bold and faint. */
function drawLine(line, row) {
  let style = { fill: '#adbac7', bold: false, faint: false };
  let column = 0;
  const parts = [];
  for (const piece of line.split(/(\u001b\[[0-9;]*m)/)) {
    const codes = /^\u001b\[([0-9;]*)m$/.exec(piece)?.[1];
    if (codes === undefined) {
      const text = piece.replace(/&/g, '&amp;').replace(/</g, '&lt;');
      const weight = style.bold ? ' font-weight="bold"' : '';
      const opacity = style.faint ? ' opacity="0.6"' : '';
      const x = (12 + column * CELL.width).toFixed(1);
      if (piece.trim() !== '') parts.push(`<tspan x="${x}" fill="${style.fill}"${weight}${opacity}>${text}</tspan>`);
      column += [...piece].length;
      continue;
    }
    for (const code of codes === '' ? ['0'] : codes.split(';')) {
      if (code === '0') style = { fill: '#adbac7', bold: false, faint: false };
      else if (code === '1') style.bold = true;
      else if (code === '2') style.faint = true;
      else if (code === '22') style = { ...style, bold: false, faint: false };
      else if (code === '39') style.fill = '#adbac7';
      else style.fill = COLOURS[code] ?? style.fill;
    }
  }
  return `<text y="${22 + row * CELL.height}" xml:space="preserve">${parts.join('')}</text>`;
}

try {
  const program = `${process.execPath} ${join(root, 'bin', 'flowctl.js')}`;
  const run = `${program} run examples/flights/flights.yaml --state-dir ${join(folder, 'state')}; exec cat`;
  const size = ['-x', '84', '-y', '24'];
  execFileSync('tmux', [
    '-S',
    socket,
    '-f',
    '/dev/null',
    'new-session',
    '-d',
    '-s',
    'tour',
    ...size,
    `cd ${root} && ${run}`,
  ]);
  let middle = [];
  for (let look = 0; look < 200; look += 1) {
    pause(0.1);
    const now = screen();
    if (now.some((line) => line.includes('late_percent'))) break;
    if (now.some((line) => / [6-9]\/14 /.test(line.replace(/\u001b\[[0-9;]*m/g, '')))) middle = now;
  }
  // Places of this machine are nobody's business.
  const end = screen().map((line) => line.replaceAll(`${root}/`, ''));
  const lines = ['$ flowctl run examples/flights/flights.yaml', ...middle, '', '...', '', ...end];
  const height = 22 + lines.length * CELL.height;
  const width = Math.round(24 + 84 * CELL.width);
  const style = 'font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14"';
  const body = lines.map(drawLine).join('\n');
  const frame = `<rect width="100%" height="100%" rx="8" fill="#22272e"/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ${style}>\n<title>The live view of a run in a terminal</title>\n${frame}\n${body}\n</svg>\n`;
  writeFileSync(join(root, 'docs', 'tour.svg'), svg);
} finally {
  spawnSync('tmux', ['-S', socket, 'kill-server'], { stdio: 'ignore' });
  rmSync(folder, { recursive: true, force: true });
}
