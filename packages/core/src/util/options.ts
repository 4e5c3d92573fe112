import { CommlibError } from '../errors.ts'

/** What an option must be, in words, and whether a value is that. */
export type Rule = readonly [what: string, fits: (value: unknown) => boolean]

/** The options that there are, and what each must be. */
export type Rules = Readonly<Record<string, Rule>>

/**
 * Throws `INVALID_OPTION` for options that do not exist or are not what they must be. The plain entry gives its contracts
 * and nodes one, the lean entry none.
 */
export type OptionCheck = (owner: string, options: unknown) => void

export const flag: Rule = ['true or false', value => typeof value === 'boolean']
export const callback: Rule = ['a function', value => typeof value === 'function']
export const words: Rule = ['a string', value => typeof value === 'string']
export const anything: Rule = ['', () => true]
export const abortSignal: Rule = [
  'an AbortSignal',
  // One of another realm will do.
  value => typeof (value as AbortSignal | null)?.addEventListener === 'function',
]

/** What brokers take as the name of a group or of a subscription. */
export const label: Rule = [
  'a name of letters, digits, _, ., : and -',
  value => typeof value === 'string' && /^[\w.:-]{1,200}$/.test(value),
]

/** An object, or a function, that has these methods. */
export function having(what: string, ...methods: string[]): Rule {
  return [
    what,
    value => methods.every(method => typeof (value as Record<string, unknown> | null)?.[method] === 'function'),
  ]
}

export const logger: Rule = /* @__PURE__ */ having('a logger, such as console', 'debug', 'info', 'warn', 'error')

/** A number of at least `min`, or Infinity. */
export function number(min = 0): Rule {
  return [`a number of at least ${min}`, value => typeof value === 'number' && value >= min]
}

/** An integer of at least `min`, or Infinity. */
export function integer(min = 0): Rule {
  return [
    `an integer of at least ${min}`,
    value => Number(value) >= min && (Number.isInteger(value) || value === Infinity),
  ]
}

/** Throws `INVALID_OPTION` unless the value is what it must be, or not given. */
export function assertOption(name: string, value: unknown, [what, fits]: Rule): void {
  if (value !== undefined && !fits(value)) throw invalidOption(`${name} must be ${what}, not ${show(value)}`)
}

/**
 * Throws `INVALID_OPTION` for options that are not what they must be, and for those that do not exist, so that a misspelt
 * one is found where it stands.
 */
export function assertOptions(owner: string, options: unknown, rules: Rules, prefix = ''): void {
  assertOption(`the options of ${owner}`, options ?? null, ['an object', value => typeof value === 'object' && !!value])
  for (const [key, value] of Object.entries(options as object)) {
    if (!Object.hasOwn(rules, key))
      throw invalidOption(`${owner} has no option ${show(key)}: it takes ${Object.keys(rules).join(', ')}`)
    assertOption(prefix + key, value, rules[key] as Rule)
  }
}

export function invalidOption(message: string): CommlibError {
  return new CommlibError('INVALID_OPTION', message)
}

/** A value as an error message can show it. */
export function show(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 80 ? `${value.slice(0, 80)}…` : value}'`
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

/** Checks options by their owner's rules, which are made when they are first needed: who never checks bundles none. */
export function optionCheck(make: () => Readonly<Record<string, Rules>>): OptionCheck {
  let rules: Readonly<Record<string, Rules>> | undefined
  return (owner, options) => {
    rules ??= make()
    assertOptions(owner, options, rules[owner] ?? {})
  }
}
