// Loaded into a program ahead of it (`NODE_OPTIONS=--require`): its wall clock is as many milliseconds ahead as a file says at that moment.
const { readFileSync } = require('node:fs');

const RealDate = Date;
const shifted = () => RealDate.now() + Number(readFileSync(process.env.SHIFTED_CLOCK, 'utf8'));

globalThis.Date = class ShiftedDate extends RealDate {
  constructor(...given) {
    super(...(given.length === 0 ? [shifted()] : given));
  }

  static now() {
    return shifted();
  }
};
