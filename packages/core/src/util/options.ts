import { CommlibError } from '../errors.ts'

/** Throws `INVALID_OPTION` for options that do not exist, so that a misspelt one is found where it stands. */
export function assertOptions(owner: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    throw new CommlibError('INVALID_OPTION', `${owner} has no option '${key}': it takes ${known.join(', ')}`)
  }
}

/** Throws `INVALID_OPTION` unless the value is a number of at least `min` (or not given). */
export function assertNumber(name: string, value: unknown, { min = 0, integer = false } = {}): void {
  if (value === undefined || value === Infinity) return
  if (typeof value === 'number' && value >= min && (!integer || Number.isInteger(value))) return
  const kind = integer ? 'an integer' : 'a number'
  throw new CommlibError('INVALID_OPTION', `${name} must be ${kind} of at least ${min}, not ${show(value)}`)
}

/** A value as an error message can show it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 80 ? `${value.slice(0, 80)}…` : value}'`
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return String(value)
}
