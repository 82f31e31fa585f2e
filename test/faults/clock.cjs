/**
 * Loaded into flowctl before anything else: its wall clock is off by what the file CLOCK_SHIFT says, in milliseconds, at every look. The
 * monotonic clock is the system's. Programs that it starts have the right time.
 */
'use strict';

const { readFileSync } = require('node:fs');

const file = process.env.CLOCK_SHIFT;
delete process.env.NODE_OPTIONS;

const real = Date.now.bind(Date);
const now = () => {
  try {
    return real() + Number(readFileSync(file, 'utf8'));
  } catch {
    return real();
  }
};

globalThis.Date = class extends Date {
  constructor(...given) {
    if (given.length === 0) super(now());
    else super(...given);
  }

  static now() {
    return now();
  }
};
