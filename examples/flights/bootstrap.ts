/** How far can a mean be trusted? Delays are too lopsided for the usual formula, so the data is sampled again and again. */

const RESAMPLES = 500;

/**
 * The 95 % confidence interval of the mean, by the percentile bootstrap (Efron 1979): means of samples drawn from the values
 * with replacement. The draws come from a generator with a fixed seed, so the same values always give the same interval,
 * also when a step has to run again.
 */
export function meanInterval(values: readonly number[]): { low: number; high: number } {
  const data = Float64Array.from(values);
  const means = new Float64Array(RESAMPLES);
  // Linear congruential generator with the constants of "Numerical Recipes"; multiplying uses its high, better bits.
  let state = 1;
  for (let resample = 0; resample < RESAMPLES; resample += 1) {
    let total = 0;
    for (let draw = 0; draw < data.length; draw += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      total += data[Math.floor((state / 4_294_967_296) * data.length)] ?? 0;
    }
    means[resample] = total / data.length;
  }
  means.sort();
  const at = (share: number) => means[Math.round(share * (RESAMPLES - 1))] ?? 0;
  return { low: at(0.025), high: at(0.975) };
}
