const SIZES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
}
const TIMES: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 }

/** Bytes of `'100 MB'`, or of a number. */
export function sizeOf(value: string | number): number {
  return Math.floor(inUnits(value, SIZES))
}

/** Milliseconds of `'30 s'`, or of a number. */
export function milliseconds(value: string | number): number {
  return inUnits(value, TIMES)
}

function inUnits(value: string | number, units: Readonly<Record<string, number>>): number {
  if (typeof value === 'number') return value
  const [, amount, unit = ''] = /^([0-9.]+) ?([A-Za-z]+)$/.exec(value) ?? []
  // The schema has seen to the form.
  return Number(amount) * (units[unit] ?? Number.NaN)
}
