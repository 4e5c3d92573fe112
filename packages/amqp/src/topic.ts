import { CommlibError, escapeSegment, isPattern, show } from '@commlib/core/internal'

/** Words that core's dotted names have no room for: they hold `*` or `%`, or are empty. */
const FOREIGN = /[*%]|\.\.|^\.|\.$|^$/

/** Bytes of a name on the wire. */
const MAX_NAME = 255

/** Names that need neither a look nor another coding. */
const PLAIN = /^[\w.-]{1,255}$/

/** `a.*.c` stands as it is, and `a.*` is `a.#`, which there also matches `a`. */
export function toBindingKey(pattern: string): string {
  if (!isPattern(pattern)) return toRoutingKey(pattern)
  const key = pattern
    .split('.')
    .map((segment, i, all) => (segment === '*' && i === all.length - 1 ? '#' : unescapeSegment(segment)))
    .join('.')
  return assertShort(key)
}

/** Makes AMQP's name of a dotted one, or throws `INVALID_TOPIC`. */
export function toRoutingKey(name: string): string {
  if (PLAIN.test(name)) return name
  if (isPattern(name)) throw new CommlibError('INVALID_TOPIC', `cannot publish to ${show(name)}: it is a pattern`)
  return assertShort(name.includes('%') ? name.split('.').map(unescapeSegment).join('.') : name)
}

/** Makes a dotted name of AMQP's. What others use and the grammar does not know arrives escaped. */
export function fromRoutingKey(key: string): string {
  return FOREIGN.test(key) ? key.split('.').map(escapeSegment).join('.') : key
}

/** Throws `INVALID_TOPIC` for a name that AMQP has no room for. */
export function assertShort(name: string): string {
  const bytes = Buffer.byteLength(name)
  if (bytes > MAX_NAME || name === '') {
    throw new CommlibError('INVALID_TOPIC', `the name ${show(name)} has ${bytes} bytes; AMQP takes 1 to ${MAX_NAME}`)
  }
  return name
}

function unescapeSegment(segment: string): string {
  if (segment === '%') return ''
  return segment.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
